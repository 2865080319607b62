//! `PartitionRouting`: the partition is chosen by fields of the change event.

use connect_api::{
    Config, Error, Fate, Origin, Props, Record, Result, Schema, SchemaCache, Struct, Transform, TransformPlugin, Value,
    config, java,
};

use super::{
    envelope::{self, Positions},
    murmur, settings,
};

config! {
    /// Settings of `PartitionRouting`.
    pub(crate) struct PartitionRoutingConfig {
        /// The fields whose hashes choose the partition: op, or source.x, before.x, after.x, and change.x for the row
        /// after the change or, where there is none, before it.
        #[config(key = "partition.payload.fields", group = "partitions", importance = High, display = "List of payload fields to use for compute partition.")]
        fields: Option<Vec<String>>,
        /// How many partitions the topic has.
        #[config(key = "partition.topic.num", group = "partitions", importance = High, display = "Number of partition configured for topic")]
        partitions: Option<i32>,
        /// How values are hashed: java or murmur.
        #[config(key = "partition.hash.function", group = "partitions", importance = Low, default = "java", display = "Hash function")]
        hash: String,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.partitions.PartitionRouting",
    config: PartitionRoutingConfig::def,
    configure: |props| Ok(Box::new(PartitionRouting::new(props)?)),
};

type Hash = fn(&Value, &Schema) -> i32;

struct PartitionRouting {
    fields: Vec<Vec<String>>,
    partitions: i32,
    hash: Hash,
    plans: SchemaCache<Vec<Place>>,
}

/// Where an event holds a field.
struct Place {
    /// Where the event holds the row with the field; the event itself where there is none.
    row: Option<Row>,
    /// The way from there, a struct at each place but the last, and the schema of the value.
    path: Option<(Vec<usize>, Schema)>,
}

enum Row {
    At(usize),
    /// The row after the change or, where there is none, before it.
    Change {
        after: Option<usize>,
        before: Option<usize>,
    },
}

impl PartitionRouting {
    fn new(props: &Props) -> Result<Self> {
        let paths = settings::required_names(props, "partition.payload.fields")?;
        let key = "partition.topic.num";
        let text = settings::required(props, key)?;
        let partitions: i32 = text.parse().map_err(|_| settings::invalid(key, Some(text), "An integer is expected"))?;
        if partitions <= 0 {
            return Err(settings::invalid(key, Some(text), "A positive, non-zero integer value is expected"));
        }
        // An unknown name means java, as in the JVM.
        let murmur =
            props.get("partition.hash.function").is_some_and(|name| name.trim().eq_ignore_ascii_case("murmur"));
        Ok(Self {
            fields: paths.iter().map(|path| path.split('.').map(str::to_owned).collect()).collect(),
            partitions,
            hash: if murmur { murmur::hash } else { |value, schema| java::hash_code(value, Some(schema)).unwrap_or(0) },
            plans: SchemaCache::default(),
        })
    }
}

impl Transform for PartitionRouting {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let Some(event) = envelope::of(record) else { return Ok(Fate::Kept) };
        let fields = &self.fields;
        let places = self.plans.plan(event.schema(), |schema| {
            Ok::<_, Error>(fields.iter().filter_map(|path| Place::find(schema, path)).collect())
        })?;
        let mut sum: Option<i32> = None;
        for place in places {
            let Some(row) = place.row(event) else {
                // The JVM prints the whole record, with its contents.
                return Err(envelope::failure(format!("Unprocessable message of topic {}", record.topic)));
            };
            if let Some((value, schema)) = place.value(row) {
                sum = Some(sum.unwrap_or(0).wrapping_add((self.hash)(value, schema)));
            }
        }
        if let Some(sum) = sum {
            record.partition = Some((sum & i32::MAX) % self.partitions);
        }
        Ok(Fate::Kept)
    }
}

impl Place {
    /// Nothing where events of this schema have no such field.
    fn find(event: &Schema, path: &[String]) -> Option<Self> {
        let (first, rest) = path.split_first()?;
        let positions = Positions::new(event);
        let row = match first.as_str() {
            _ if rest.is_empty() => None,
            "change" => Some(Row::Change { after: positions.after, before: positions.before }),
            name => Some(Row::At(event.fields()?.position(name)?)),
        };
        let (mut schema, names) = match &row {
            None => (event.clone(), path),
            Some(Row::At(at)) => (event.fields()?[*at].schema.clone(), rest),
            Some(Row::Change { after, before }) => (event.fields()?[after.or(*before)?].schema.clone(), rest),
        };
        let mut places = Vec::with_capacity(names.len());
        for name in names {
            let at = schema.fields().and_then(|fields| fields.position(name));
            let Some(at) = at else { return Some(Self { row, path: None }) };
            places.push(at);
            let next = schema.fields()?[at].schema.clone();
            schema = next;
        }
        Some(Self { row, path: Some((places, schema)) })
    }

    /// The row with the field; nothing where it is null.
    fn row<'a>(&self, event: &'a Struct) -> Option<&'a Struct> {
        match &self.row {
            None => Some(event),
            Some(Row::At(at)) => event.values()[*at].as_struct(),
            Some(Row::Change { after, before }) => {
                Positions::part(*after, event.values()).or_else(|| Positions::part(*before, event.values()))
            }
        }
    }

    /// The value and its schema; nothing where the row has no such field or it is null.
    fn value<'a>(&'a self, mut row: &'a Struct) -> Option<(&'a Value, &'a Schema)> {
        let (path, schema) = self.path.as_ref()?;
        let (last, way) = path.split_last()?;
        for at in way {
            row = row.values()[*at].as_struct()?;
        }
        row.values().get(*last).filter(|value| !value.is_null()).map(|value| (value, schema))
    }
}
