//! The source task: makes records after a plan, one pause apart.

use std::{sync::Arc, time::Duration};

use connect_api::{
    ConfigError, Header, OffsetMap, Props, Record, Result, SchemaAndValue, SchemaBuilder, SourceConnector,
    SourceContext, SourceOffset, SourceRecord, SourceTask, Str, Value, async_trait,
};

use crate::{avro, config::DatagenConfig, error::DatagenError, plan::Plan, random::Random};

/// Records of one poll where no pause is between them: enough that what is done per poll costs nothing per record.
const BATCH_MAX: usize = 1000;

const TASK_ID: Str = Str::from_static("task.id");
const GENERATION: Str = Str::from_static("task.generation");
const ITERATION: Str = Str::from_static("current.iteration");
const SEED: Str = Str::from_static("random.seed");

/// Makes test data (`DatagenConnector`).
pub struct Datagen;

pub struct DatagenTask {
    topic: Str,
    plan: Plan,
    /// The field that is the key.
    key: Option<usize>,
    /// The key of records without one.
    no_key: SchemaAndValue,
    max_interval_ms: i64,
    /// How many records to make; without it, records without end.
    iterations: Option<u64>,
    partition: Arc<OffsetMap>,
    headers: Headers,
    progress: Progress,
    /// Pauses are drawn apart from values, so that a seed gives the same values at any speed.
    pauses: Random,
    /// A pause that is due before the next record.
    due: Option<Duration>,
}

/// Where the task is; it is stored with each record, and a restart goes on from it.
struct Progress {
    /// How often the task was started.
    generation: i64,
    made: u64,
    /// Of the next record.
    seed: i64,
}

struct Headers {
    schema: connect_api::Schema,
    task: i64,
}

impl SourceConnector for Datagen {
    const CLASS: &'static str = "io.confluent.kafka.connect.datagen.DatagenConnector";
    const VERSION: &'static str = "0.7.1";
    type Config = DatagenConfig;
    type Task = DatagenTask;

    fn rules(config: &Self::Config) -> Vec<ConfigError> {
        let given = [
            ("quickstart", config.quickstart.0.is_some()),
            ("schema.string", !config.schema.is_empty()),
            ("schema.filename", !config.schema_file.is_empty()),
        ];
        if given.iter().filter(|(_, given)| *given).count() != 1 {
            let message = DatagenError::NotOneSchema.to_string();
            let named: Vec<&str> = given.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
            let keys = if named.is_empty() { vec!["quickstart"] } else { named };
            return keys.into_iter().map(|key| ConfigError::new(key, message.clone())).collect();
        }
        if !config.schema_file.is_empty() {
            return Vec::new();
        }
        let text = config.quickstart.0.map_or(config.schema.as_str(), |entry| entry.schema);
        let key = if config.schema.is_empty() { "quickstart" } else { "schema.string" };
        wrong(config, text, key).into_iter().collect()
    }

    async fn check(config: Self::Config) -> Vec<ConfigError> {
        if config.schema_file.is_empty() {
            return Vec::new();
        }
        match file(&config.schema_file).await {
            Ok(text) => wrong(&config, &text, "schema.filename").into_iter().collect(),
            Err(error) => vec![ConfigError::new("schema.filename", error.to_string())],
        }
    }

    fn task_configs(_config: &Self::Config, props: &Props, max_tasks: usize) -> Result<Vec<Props>> {
        Ok(vec![props.clone(); max_tasks])
    }

    async fn start(config: Self::Config, context: SourceContext) -> Result<Self::Task> {
        let text = match config.quickstart.0 {
            Some(entry) => entry.schema.to_owned(),
            None if !config.schema.is_empty() => config.schema.clone(),
            None => file(&config.schema_file).await?,
        };
        let (mut plan, key) = plan_with_key(&config, &text)?;
        let task = i64::from(context.task);
        let partition = Arc::new(OffsetMap(vec![(TASK_ID, Value::Int64(task))]));
        let progress = match context.offsets.read(&partition).await? {
            Some(stored) => Progress::stored(&stored)?,
            None => Progress { generation: 0, made: 0, seed: first_seed(config.seed, context.task) },
        };
        plan.skip(progress.made);
        Ok(DatagenTask {
            topic: config.topic.as_str().into(),
            plan,
            key,
            no_key: SchemaAndValue::new(SchemaBuilder::string().optional().build(), Value::Null),
            max_interval_ms: config.max_interval_ms,
            iterations: u64::try_from(config.iterations).ok().filter(|count| *count > 0),
            partition,
            headers: Headers { schema: SchemaBuilder::int64().build(), task },
            progress,
            pauses: Random::new(Random::unpredictable_seed()),
            due: None,
        })
    }
}

async fn file(path: &str) -> Result<String, DatagenError> {
    let text = tokio::fs::read_to_string(path).await;
    text.map_err(|source| DatagenError::File { path: path.to_owned(), source })
}

/// What is wrong with a schema, under the setting that it came from.
fn wrong(config: &DatagenConfig, text: &str, key: &str) -> Option<ConfigError> {
    let error = plan_with_key(config, text).err()?;
    let key = if matches!(error, DatagenError::NoKeyField(_)) { "schema.keyfield" } else { key };
    Some(ConfigError::new(key, error.to_string()))
}

/// The plan and the position of the key field in it.
fn plan_with_key(config: &DatagenConfig, text: &str) -> Result<(Plan, Option<usize>), DatagenError> {
    let plan = avro::plan(text)?;
    let name = match (config.key_field.as_str(), config.quickstart.0) {
        ("", Some(entry)) => entry.key_field,
        (name, _) => name,
    };
    if name.is_empty() {
        return Ok((plan, None));
    }
    match plan.schema().fields().and_then(|fields| fields.position(name)) {
        Some(key) => Ok((plan, Some(key))),
        None => Err(DatagenError::NoKeyField(name.to_owned())),
    }
}

/// Tasks with one seed would all make the same records: each takes the seed that is its number of draws away.
fn first_seed(given: Option<i64>, task: u32) -> i64 {
    let Some(seed) = given else { return Random::unpredictable_seed() };
    let mut random = Random::new(seed);
    (0..task).fold(seed, |_, _| random.seed())
}

impl Progress {
    fn stored(offset: &OffsetMap) -> Result<Self, DatagenError> {
        let number =
            |name: &'static str| offset.get(name).and_then(Value::as_i64).ok_or(DatagenError::StoredOffset(name));
        let made = number("current.iteration")?;
        let made = u64::try_from(made).map_err(|_| DatagenError::StoredOffset("current.iteration"))?;
        Ok(Self { generation: number("task.generation")?, made, seed: number("random.seed")? })
    }

    fn iteration(&self) -> i64 {
        i64::try_from(self.made).unwrap_or(i64::MAX)
    }

    /// What the next life of the task is to begin with.
    fn to_offset(&self) -> OffsetMap {
        OffsetMap(vec![
            (GENERATION, Value::Int64(self.generation + 1)),
            (ITERATION, Value::Int64(self.iteration())),
            (SEED, Value::Int64(self.seed)),
        ])
    }
}

#[async_trait]
impl SourceTask for DatagenTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        if self.finished() {
            return Err(DatagenError::Finished(self.progress.made).into());
        }
        let mut batch = Vec::new();
        while batch.len() < BATCH_MAX && !self.finished() {
            let pause = self.due.take().unwrap_or_else(|| self.pause());
            if !pause.is_zero() {
                if !batch.is_empty() {
                    // What was made must not wait for what comes after the pause.
                    self.due = Some(pause);
                    break;
                }
                tokio::time::sleep(pause).await;
            }
            batch.push(self.record());
        }
        Ok(batch)
    }
}

impl DatagenTask {
    fn finished(&self) -> bool {
        self.iterations.is_some_and(|count| self.progress.made >= count)
    }

    /// From none to the longest; whole milliseconds, as in the original, so an interval of 1 is as fast as 0.
    fn pause(&mut self) -> Duration {
        if self.max_interval_ms <= 0 {
            return Duration::ZERO;
        }
        let ms = self.pauses.integer(0, self.max_interval_ms.into());
        Duration::from_millis(u64::try_from(ms).unwrap_or(0))
    }

    fn record(&mut self) -> SourceRecord {
        let headers = self.headers.of(&self.progress);
        // Each record has a seed of its own, so that a restart goes on with the record it would have come to.
        let mut random = Random::new(self.progress.seed);
        let value = self.plan.make(&mut random);
        self.progress.seed = random.seed();
        self.progress.made += 1;
        let schema = self.plan.schema().clone();
        let key = match (self.key, value.as_struct(), schema.fields()) {
            (Some(at), Some(row), Some(fields)) => {
                SchemaAndValue::new(fields[at].schema.clone(), row.values()[at].clone())
            }
            _ => self.no_key.clone(),
        };
        SourceRecord {
            record: Record {
                topic: self.topic.clone(),
                partition: None,
                key,
                value: SchemaAndValue::new(schema, value),
                timestamp: None,
                headers: headers.into(),
            },
            source: SourceOffset { partition: self.partition.clone(), offset: Arc::new(self.progress.to_offset()) },
        }
    }
}

impl Headers {
    /// Who made a record, and as which of its own.
    fn of(&self, progress: &Progress) -> Vec<Header> {
        let header = |key: Str, number: i64| Header {
            key,
            value: SchemaAndValue::new(self.schema.clone(), Value::Int64(number)),
        };
        vec![
            header(GENERATION, progress.generation),
            header(TASK_ID, self.task),
            header(ITERATION, progress.iteration()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use connect_api::{Config, LogRecord, OffsetReader, TopicLog, TopicLogs};
    use tokio::sync::watch;

    use super::*;

    /// Offsets as a worker stored them, and no topics.
    struct Stored(Option<OffsetMap>);

    #[async_trait]
    impl OffsetReader for Stored {
        async fn read(&self, _partition: &OffsetMap) -> Result<Option<OffsetMap>> {
            Ok(self.0.clone())
        }
    }

    #[async_trait]
    impl TopicLogs for Stored {
        async fn open(&self, topic: &str, _client: &Props) -> Result<Box<dyn TopicLog>> {
            panic!("nobody opens {topic} to write {:?}", None::<LogRecord>)
        }
    }

    fn config(pairs: &[(&str, &str)]) -> DatagenConfig {
        let pairs = pairs.iter().chain(&[("kafka.topic", "t"), ("max.interval", "0")]);
        DatagenConfig::parse(&pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()).unwrap()
    }

    async fn task(pairs: &[(&str, &str)], id: u32, stored: Option<OffsetMap>) -> DatagenTask {
        let context = SourceContext {
            connector: "c".into(),
            task: id,
            offsets: Arc::new(Stored(stored)),
            stored: watch::channel(Vec::new()).1,
            logs: Arc::new(Stored(None)),
        };
        Datagen::start(config(pairs), context).await.unwrap()
    }

    #[tokio::test]
    async fn a_restart_goes_on_with_the_next_record() {
        let pairs = [("quickstart", "ratings"), ("random.seed", "5")];
        let all = task(&pairs, 0, None).await.poll().await.unwrap();
        assert_eq!(all.len(), BATCH_MAX);
        let stored = (*all[9].source.offset).clone();
        let rest = task(&pairs, 0, Some(stored)).await.poll().await.unwrap();
        assert_eq!(rest[0].record.value, all[10].record.value);
        assert_eq!(rest[0].record.key, all[10].record.key);
        let headers = |record: &SourceRecord| -> Vec<i64> {
            record.record.headers.iter().map(|header| header.value.value.as_i64().unwrap()).collect()
        };
        assert_eq!((headers(&all[10]), headers(&rest[0])), (vec![0, 0, 10], vec![1, 0, 10]));
        assert_eq!(all[10].record.key.value, Value::Int64(11));
    }

    #[tokio::test]
    async fn a_seed_gives_each_task_its_own_records() {
        let pairs = [("quickstart", "users"), ("random.seed", "5")];
        let mut values = Vec::new();
        for id in [0, 1, 0] {
            values.push(task(&pairs, id, None).await.poll().await.unwrap()[0].record.value.clone());
        }
        assert_eq!(values[0], values[2]);
        assert_ne!(values[0], values[1]);
    }

    #[tokio::test]
    async fn iterations_end_in_a_failure_that_says_so() {
        let mut task = task(&[("quickstart", "pageviews"), ("iterations", "3")], 0, None).await;
        assert_eq!(task.poll().await.unwrap().len(), 3);
        let error = task.poll().await.unwrap_err();
        assert_eq!(error.message(), "Stopping connector: generated the configured 3 number of messages");
    }

    #[tokio::test]
    async fn a_pause_is_half_the_longest_on_average_and_comes_before_each_record() {
        let mut task = task(&[("quickstart", "users")], 0, None).await;
        task.max_interval_ms = 500;
        let mean = (0..4000).map(|_| task.pause().as_millis()).sum::<u128>() / 4000;
        assert!((240..260).contains(&mean), "{mean} ms");
        task.max_interval_ms = 3;
        let batches = [task.poll().await.unwrap().len(), task.poll().await.unwrap().len()];
        assert!(batches.iter().all(|count| (1..100).contains(count)), "{batches:?}");
        task.max_interval_ms = 1;
        task.due = None;
        assert_eq!(task.poll().await.unwrap().len(), BATCH_MAX);
    }

    #[test]
    fn one_schema_and_a_key_that_it_has() {
        let keys = |pairs: &[(&str, &str)]| -> Vec<String> {
            Datagen::rules(&config(pairs)).into_iter().map(|error| error.key).collect()
        };
        let record = r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": "int"}]}"#;
        assert_eq!(keys(&[("quickstart", "orders")]), [""; 0]);
        assert_eq!(keys(&[("schema.string", record), ("schema.keyfield", "a")]), [""; 0]);
        assert_eq!(keys(&[("schema.string", record), ("schema.keyfield", "b")]), ["schema.keyfield"]);
        assert_eq!(keys(&[("schema.string", "{")]), ["schema.string"]);
        assert_eq!(keys(&[("schema.string", "\"int\"")]), ["schema.string"]);
        assert_eq!(keys(&[]), ["quickstart"]);
        assert_eq!(keys(&[("quickstart", "orders"), ("schema.string", record)]), ["quickstart", "schema.string"]);
    }

    #[tokio::test]
    async fn a_schema_file_is_looked_for_on_the_worker() {
        let errors = Datagen::check(config(&[("schema.filename", "/nowhere/a.avsc")])).await;
        assert_eq!(errors[0].key, "schema.filename");
        assert!(errors[0].message.contains("could not read schema file '/nowhere/a.avsc' on this worker"));
    }

    #[test]
    fn configurations_in_use_can_be_read() {
        for (pairs, interval) in [
            (vec![("quickstart", "users"), ("tasks.max", "10")], 500),
            (
                vec![
                    ("schema.filename", "/tmp/schemas/smt-source.avro"),
                    ("max.interval", "100"),
                    ("iterations", "10"),
                ],
                100,
            ),
            (vec![("quickstart", "ratings"), ("max.interval", "750")], 750),
        ] {
            let props = pairs.iter().chain(&[("kafka.topic", "t")]);
            let props = props.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            assert_eq!(DatagenConfig::parse(&props).unwrap().max_interval_ms, interval);
        }
    }
}
