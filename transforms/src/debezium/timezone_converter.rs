//! `TimezoneConverter`: moments in rows told in another time zone.
//!
//! What the JVM does is kept, odd as it is: texts with a zone tell the same moment in the other zone, while numbers
//! since 1970 are moved so that UTC's wall time becomes that of the other zone. The offset is always looked up as if
//! UTC's wall time were that zone's.

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Schema, SchemaCache, Transform, TransformPlugin, Value,
    config, plugin, schema::logical,
};

use super::{
    envelope::{self, Positions},
    zone::Zone,
    zone_rules::{Choice, Rules},
};

config! {
    /// Settings of `TimezoneConverter`.
    pub(crate) struct TimezoneConverterConfig {
        /// The time zone to tell moments in: a name such as Europe/Prague, or an offset such as +08:00.
        #[config(key = "converted.timezone", group = "", importance = High, display = "Converted Timezone", width = Medium)]
        zone: Option<String>,
        /// The fields to convert: source:table:field, topic:name:field or name:field, each also without a field.
        #[config(key = "include.list", group = "", importance = High, display = "Include List", width = Medium)]
        included: Option<Vec<String>>,
        /// The fields not to convert, written the same way.
        #[config(key = "exclude.list", group = "", importance = High, display = "Exclude List", width = Medium)]
        excluded: Option<Vec<String>>,
    }
}

pub(crate) const PLUGIN: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.TimezoneConverter",
    config: TimezoneConverterConfig::def,
    configure: |props| Ok(Box::new(TimezoneConverter::new(props)?)),
};

struct TimezoneConverter {
    zone: Zone,
    rules: Rules,
    plans: SchemaCache<Plan>,
}

struct Plan {
    positions: Positions,
    /// Where `source` holds the name of the table.
    table: Option<usize>,
    /// The fields of rows that hold moments. Rows before and after a change have one schema.
    moments: Vec<(usize, Field, Kind)>,
    /// The choice made last, and for which topic and table: both seldom change under one schema.
    last: Option<(String, String, Choice)>,
}

/// How a field holds a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Millis,
    Micros,
    Nanos,
    ZonedTimestamp,
    ZonedTime,
}

impl TimezoneConverter {
    fn new(props: &Props) -> Result<Self> {
        let config: TimezoneConverterConfig = plugin::parse(props)?;
        super::settings::required(props, "converted.timezone")?;
        let rules = Rules::new(config.included.unwrap_or_default(), config.excluded.unwrap_or_default())?;
        Ok(Self { zone: Zone::named(&config.zone.unwrap_or_default())?, rules, plans: SchemaCache::default() })
    }
}

impl Transform for TimezoneConverter {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let Some(event) = envelope::of(record) else { return Ok(Fate::Kept) };
        let plan = self.plans.plan(event.schema(), |schema| Ok::<_, Error>(Plan::new(schema)))?;
        let source = Positions::part(plan.positions.source, event.values());
        let table = source.zip(plan.table).and_then(|(source, at)| source.values()[at].as_str()).unwrap_or_default();
        let known = plan.last.as_ref().is_some_and(|(topic, of, _)| *topic == *record.topic && of == table);
        if !known {
            let choice = self.rules.choose(&record.topic, table);
            plan.last = Some((record.topic.to_string(), table.to_owned(), choice));
        }
        let Some((.., choice)) = &plan.last else { return Ok(Fate::Kept) };
        if *choice == Choice::None {
            return Ok(Fate::Kept);
        }
        let Value::Struct(event) = &mut record.value.value else { return Ok(Fate::Kept) };
        for at in [plan.positions.before, plan.positions.after].into_iter().flatten() {
            let Value::Struct(row) = &mut event.values_mut()[at] else { continue };
            for (at, field, kind) in &plan.moments {
                if choice.takes(&field.name) {
                    kind.convert(&mut row.values_mut()[*at], &self.zone)?;
                }
            }
        }
        Ok(Fate::Kept)
    }
}

impl Plan {
    fn new(envelope: &Schema) -> Self {
        let positions = Positions::new(envelope);
        let fields = |at: Option<usize>| envelope.fields()?[at?].schema.fields();
        let row = fields(positions.after).or_else(|| fields(positions.before));
        let moment = |(at, field): (usize, &Field)| Some((at, field.clone(), Kind::of(&field.schema)?));
        Self {
            positions,
            table: fields(positions.source).and_then(|source| source.position("table")),
            moments: row.into_iter().flatten().enumerate().filter_map(moment).collect(),
            last: None,
        }
    }
}

impl Kind {
    fn of(schema: &Schema) -> Option<Self> {
        Some(match schema.name.as_deref()? {
            "io.debezium.time.Timestamp" | logical::TIMESTAMP => Kind::Millis,
            "io.debezium.time.MicroTimestamp" => Kind::Micros,
            "io.debezium.time.NanoTimestamp" => Kind::Nanos,
            "io.debezium.time.ZonedTimestamp" => Kind::ZonedTimestamp,
            "io.debezium.time.ZonedTime" => Kind::ZonedTime,
            _ => return None,
        })
    }

    fn convert(self, value: &mut Value, zone: &Zone) -> Result<()> {
        let per_second = match self {
            Kind::Millis => 1000,
            Kind::Micros => 1_000_000,
            Kind::Nanos => 1_000_000_000,
            Kind::ZonedTimestamp | Kind::ZonedTime => {
                let Value::String(text) = value else { return Ok(()) };
                let converted = match self {
                    Kind::ZonedTimestamp => zone.timestamp(text)?,
                    _ => zone.time(text)?,
                };
                *value = converted.into();
                return Ok(());
            }
        };
        let Value::Int64(number) = value else { return Ok(()) };
        let offset = zone.offset_at_wall_time(number.div_euclid(per_second))?;
        let moved = number.checked_sub(offset * per_second);
        *number = moved.ok_or_else(|| Error::data(format!("a moment of {number} can't be told in another zone")))?;
        Ok(())
    }
}
