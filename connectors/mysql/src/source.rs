//! The source connectors: what they are called, how a task starts, and the way from stored offset to stream.

use std::{future::Future, pin::Pin, sync::Arc};

use connect_api::{
    ConfigError, Error, OffsetReader, Result, SourceConnector, SourceContext, SourcePlugin, SourceRecord, SourceTask,
    TopicLogs, async_trait,
};
use connect_cdc::history::SchemaHistory;
use connect_cdc::snapshot::{SnapshotMode, Stored, Task};
use tokio::sync::mpsc;

use crate::binlog::gtid::GtidSet;
use crate::catalog::Catalog;
use crate::config::{MariaDbConfig, MySqlConfig, Settings, rules};
use crate::connection::{Connector, Session};
use crate::error::MysqlError;
use crate::offset::{Position, Restart, is_at_or_before, stored};
use crate::records::{Output, RecordMaker, VERSION};
use crate::snapshot::Snapshot;
use crate::streaming::{Start, Streaming, merged};

/// `io.debezium.connector.mysql.MySqlConnector`
pub static MYSQL: SourcePlugin = SourcePlugin::of::<MySqlSource>();

/// `io.debezium.connector.mariadb.MariaDbConnector`
pub static MARIADB: SourcePlugin = SourcePlugin::of::<MariaDbSource>();

pub struct MySqlSource;

pub struct MariaDbSource;

macro_rules! source_connector {
    ($name:ident, $config:ty, $class:literal) => {
        impl SourceConnector for $name {
            const CLASS: &'static str = $class;
            const VERSION: &'static str = VERSION;
            type Config = $config;
            type Task = LogTask;

            fn rules(config: &Self::Config) -> Vec<ConfigError> {
                rules(&config.shared)
            }

            fn check(config: Self::Config) -> impl Future<Output = Vec<ConfigError>> + Send {
                check(Settings::from(config))
            }

            async fn start(config: Self::Config, context: SourceContext) -> Result<LogTask> {
                if let Some(error) = rules(&config.shared).into_iter().next() {
                    return Err(Error::config(error.message));
                }
                let settings = Settings::from(config);
                if settings.server.server_id_chosen {
                    tracing::info!(
                        id = settings.server.server_id,
                        "database.server.id is not given and was chosen, as Debezium 1 did; give one that nobody else has"
                    );
                }
                Ok(LogTask::new(settings, context))
            }
        }
    };
}

source_connector!(MySqlSource, MySqlConfig, "io.debezium.connector.mysql.MySqlConnector");
source_connector!(MariaDbSource, MariaDbConfig, "io.debezium.connector.mariadb.MariaDbConnector");

/// Logs in to the server, as validation does when nothing else is wrong.
async fn check(settings: Settings) -> Vec<ConfigError> {
    let wait = settings.shared.work.validation_timeout;
    let connector = Connector::new(&settings);
    let problem = match tokio::time::timeout(wait, Session::open(&connector)).await {
        Ok(Ok(session)) => {
            session.close().await;
            return Vec::new();
        }
        Ok(Err(error)) => format!("Unable to connect: {error}"),
        Err(_) => format!("Connection validation timed out after {} ms", wait.as_millis()),
    };
    vec![ConfigError::new("database.hostname", problem)]
}

/// Reads one server: the snapshot, then the log.
pub struct LogTask {
    parts: Arc<Parts>,
    /// The reading itself, which moves on whenever the worker polls. It hands over batches by the channel.
    running: Option<Running>,
}

struct Running {
    work: Pin<Box<dyn Future<Output = Result<()>> + Send>>,
    batches: mpsc::Receiver<Vec<SourceRecord>>,
    /// How the work ended; told once every batch is handed over.
    ended: Option<Result<()>>,
}

struct Parts {
    settings: Settings,
    task: u32,
    offsets: Arc<dyn OffsetReader>,
    logs: Arc<dyn TopicLogs>,
}

impl LogTask {
    fn new(settings: Settings, context: SourceContext) -> Self {
        let SourceContext { task, offsets, logs, .. } = context;
        Self { parts: Arc::new(Parts { settings, task, offsets, logs }), running: None }
    }

    fn launch(&self) -> Running {
        // One batch waits while the next is made: that is all the queue there is.
        let (sender, batches) = mpsc::channel(1);
        let parts = self.parts.clone();
        let work = async move {
            let mut output = Output::new(sender, parts.settings.shared.work.max_batch_size.0);
            let result = parts.run(&mut output).await;
            // What was read before a failure is good.
            if let Some(last) = output.release() {
                output.push(last);
            }
            output.flush().await;
            result.map_err(Error::from)
        };
        Running { work: Box::pin(work), batches, ended: None }
    }
}

#[async_trait]
impl SourceTask for LogTask {
    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let mut running = match self.running.take() {
            Some(running) => running,
            None => self.launch(),
        };
        loop {
            if running.ended.is_some() {
                if let Ok(batch) = running.batches.try_recv() {
                    self.running = Some(running);
                    return Ok(batch);
                }
                if let Some(Err(error)) = running.ended.take() {
                    // A next poll starts over from what is stored by then.
                    return Err(error);
                }
                // A snapshot without a log to follow: the task stays and has nothing more to say.
                std::future::pending::<()>().await;
            }
            tokio::select! {
                biased;
                Some(batch) = running.batches.recv() => {
                    self.running = Some(running);
                    return Ok(batch);
                }
                result = &mut running.work => running.ended = Some(result),
            }
        }
    }
}

/// What the server is like.
struct ServerFacts {
    ignore_case: bool,
    gtids: bool,
}

impl Parts {
    async fn run(&self, output: &mut Output) -> Result<(), MysqlError> {
        let settings = &self.settings;
        let connector = Connector::new(settings);
        let maker = RecordMaker::new(settings, self.task);
        let mut session = Session::open(&connector).await?;
        let facts = self.examine(&mut session).await?;
        let mut catalog = Catalog::new(settings, maker.source_info.schema(), facts.ignore_case)?;
        let mut history = self.history().await?;
        let stored_offset = self.offsets.read(maker.partition()).await?;
        let mode = settings.shared.values.snapshot_mode;
        let configured = settings.configuration_based();
        let mut task = mode.task(stored(stored_offset.as_ref()), configured);
        let mut position = None;
        if let Some(offset) = stored_offset.filter(|offset| stored(Some(offset)) == Stored::Position) {
            let loaded = Position::load(&offset, settings.server.mariadb)
                .ok_or_else(|| MysqlError::History("Source offset 'file' parameter is missing".into()))?;
            position = self.resume(&mut session, &facts, loaded).await?;
            if position.is_none() {
                if !mode.on_lost_position(configured) && !task.data {
                    let position = Position::load(&offset, settings.server.mariadb);
                    let position = position.map(|position| position.restart.to_string()).unwrap_or_default();
                    return Err(MysqlError::PositionLost { position });
                }
                task = Task { data: true, schema: true };
            } else if !task.schema && !self.recover(&mut history, &mut catalog, &offset).await? {
                if !mode.on_missing_history(configured) {
                    return Err(MysqlError::History(MISSING_HISTORY.into()));
                }
                task.schema = true;
            }
        }
        session.close().await;
        let snapshot = task.data || task.schema;
        let position = match snapshot {
            true => {
                history.create().await?;
                let stay = position.filter(|_| !task.data);
                let snapshot = Snapshot {
                    settings,
                    connector: &connector,
                    maker: &maker,
                    catalog: &mut catalog,
                    history: &mut history,
                    output: &mut *output,
                    with_gtids: facts.gtids,
                };
                Box::pin(snapshot.run(task, stay)).await?
            }
            false => match position {
                Some(position) => position,
                None => self.oldest(&connector, &mut history).await?,
            },
        };
        if !mode.streams(configured) {
            return Ok(());
        }
        tokio::time::sleep(settings.shared.work.streaming_delay).await;
        let start = Start {
            settings,
            connector: &connector,
            maker: &maker,
            catalog: &mut catalog,
            history: &mut history,
            output,
            position,
        };
        Streaming::new(start).run(snapshot).await
    }

    /// Looks whether the server can be read at all.
    async fn examine(&self, session: &mut Session) -> Result<ServerFacts, MysqlError> {
        let settings = &self.settings;
        let mode = settings.shared.values.snapshot_mode;
        if mode.streams(settings.configuration_based()) {
            let format = session.variable("binlog_format").await?;
            if format.is_some_and(|format| !format.eq_ignore_ascii_case("ROW")) {
                return Err(MysqlError::Setup(NOT_ROW.into()));
            }
            let image = session.variable("binlog_row_image").await?;
            if image.is_some_and(|image| !image.eq_ignore_ascii_case("FULL")) {
                return Err(MysqlError::Setup(NOT_FULL.into()));
            }
        }
        let names = session.variable("lower_case_table_names").await?;
        let gtid_mode = session.variable("gtid_mode").await?;
        Ok(ServerFacts {
            ignore_case: names.is_some_and(|value| value != "0"),
            gtids: settings.server.mariadb || gtid_mode.is_some_and(|mode| mode.eq_ignore_ascii_case("ON")),
        })
    }

    async fn history(&self) -> Result<SchemaHistory, MysqlError> {
        let client = self.settings.history_client();
        let topic = self.settings.shared.history.topic.as_deref().unwrap_or_default();
        if topic.is_empty() || !client.contains_key("bootstrap.servers") {
            return Err(MysqlError::Setup(
                "the schema history needs schema.history.internal.kafka.topic and \
                 schema.history.internal.kafka.bootstrap.servers"
                    .into(),
            ));
        }
        let log = self.logs.open(topic, &client).await?;
        Ok(SchemaHistory::new(log, topic, self.settings.server.prefix.as_str()))
    }

    /// The stored position made ready for streaming; nothing when the server has it no more.
    async fn resume(
        &self,
        session: &mut Session,
        facts: &ServerFacts,
        mut position: Position,
    ) -> Result<Option<Position>, MysqlError> {
        let events = &self.settings.shared.events;
        let by_gtid = facts.gtids && !events.gtid_ignore;
        match position.gtids_before().filter(|_| by_gtid) {
            Some(known) => {
                let accepted = |source: &str| match events.gtid_includes.is_empty() {
                    false => events.gtid_includes.matches(source),
                    true => events.gtid_excludes.0.is_empty() || !events.gtid_excludes.0.matches(source),
                };
                let mut purged = None;
                if let GtidSet::MySql(known) = &known {
                    let server = mysql_set(session.text("SELECT @@GLOBAL.gtid_executed").await?);
                    let gone = mysql_set(session.text("SELECT @@GLOBAL.gtid_purged").await?);
                    let known = known.clone().retain(accepted);
                    let ahead = !known.minus(&server).is_empty();
                    let hole = !gone.clone().retain(|source| known.has_source(source)).minus(&known).is_empty();
                    if (ahead || hole) && self.settings.shared.work.position_check {
                        return Ok(None);
                    }
                    purged = Some(GtidSet::MySql(gone));
                } else if !self.has_file(session, &position.restart).await? {
                    return Ok(None);
                }
                position.set_gtids(Some(merged(&known, purged.as_ref(), accepted)));
                Ok(Some(position))
            }
            None => {
                position.set_gtids(None);
                Ok(self.has_file(session, &position.restart).await?.then_some(position))
            }
        }
    }

    async fn has_file(&self, session: &mut Session, restart: &Restart) -> Result<bool, MysqlError> {
        let files = session.log_files().await?;
        Ok(!self.settings.shared.work.position_check || files.iter().any(|file| *file == *restart.file))
    }

    /// Repeats the history up to an offset; false when there is none.
    async fn recover(
        &self,
        history: &mut SchemaHistory,
        catalog: &mut Catalog,
        offset: &connect_api::OffsetMap,
    ) -> Result<bool, MysqlError> {
        let records = history.read().await?;
        if records.is_empty() {
            return Ok(false);
        }
        let mut applied = 0_u64;
        for record in records {
            if !is_at_or_before(&record.position, offset, self.settings.server.mariadb) {
                continue;
            }
            applied += 1;
            if !record.changes.is_empty() {
                record.changes.iter().for_each(|change| change.apply(&mut catalog.tables));
            } else if let Err(error) = catalog.apply(&record.database, &record.ddl) {
                // It changed no table when it was recorded, so it changes none now.
                tracing::debug!(%error, "a statement of the schema history is left out");
            }
        }
        tracing::info!(applied, tables = catalog.tables.len(), "the schema history was read");
        Ok(true)
    }

    /// Without snapshot and offset the log is read from the first file that is left.
    async fn oldest(&self, connector: &Connector, history: &mut SchemaHistory) -> Result<Position, MysqlError> {
        if self.settings.shared.values.snapshot_mode != SnapshotMode::Never {
            tracing::warn!("there is neither snapshot nor offset: the log is read from its start");
        }
        history.create().await?;
        let mut session = Session::open(connector).await?;
        let first = session.log_files().await?.into_iter().next();
        session.close().await;
        let file = first.ok_or_else(|| MysqlError::Setup("the server has no binary log".into()))?;
        let restart = Restart { file: file.into(), position: 4, ..Restart::default() };
        Ok(Position::new(restart, self.settings.server.mariadb))
    }
}

fn mysql_set(text: Option<String>) -> crate::binlog::gtid::MySqlGtids {
    crate::binlog::gtid::MySqlGtids::parse(&text.unwrap_or_default()).unwrap_or_default()
}

const MISSING_HISTORY: &str = "The db history topic is missing. You may attempt to recover it by reconfiguring the \
                               connector to recovery.";

const NOT_ROW: &str = "The database server is not configured to use a ROW binlog_format, which is required for this \
                       connector to work properly. Change the server configuration to use binlog_format=ROW and \
                       restart the connector.";

const NOT_FULL: &str = "The database server is not configured to use a FULL binlog_row_image, which is required for \
                        this connector to work properly. Change the server configuration to use a \
                        binlog_row_image=FULL and restart the connector.";
