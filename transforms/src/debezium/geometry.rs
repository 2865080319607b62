//! `GeometryFormatTransformer` and `SwapGeometryCoordinates`: the bytes of geometries in rows changed.

use connect_api::{
    Config, Error, Fate, Field, Origin, Props, Record, Result, Transform, TransformPlugin, Value, config,
};

use super::{
    envelope,
    rows::{FieldChange, RowChanges},
    settings, wkb,
};

config! {
    /// Settings of `GeometryFormatTransformer`.
    pub(crate) struct GeometryFormatConfig {
        /// The format that geometries have, which is changed to the other one: wkb, or ewkb with the number of the
        /// reference system.
        #[config(key = "format", group = "", importance = Low, default = "wkb", display = "Target Format", width = Medium)]
        format: String,
    }
}

config! {
    /// Settings of `SwapGeometryCoordinates`.
    pub(crate) struct SwapGeometryConfig {
        /// The numbers of the reference systems whose geometries are changed; all where it is not given.
        #[config(key = "srids", group = "", importance = Low, display = "Geometry SRIDs that should be considered for coordinate swapping", width = Medium)]
        srids: Option<String>,
    }
}

pub(crate) const FORMAT: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.GeometryFormatTransformer",
    config: GeometryFormatConfig::def,
    configure: |props| Ok(Box::new(Geometries::format(props)?)),
};

pub(crate) const SWAP: TransformPlugin = TransformPlugin {
    class: "io.debezium.transforms.SwapGeometryCoordinates",
    config: SwapGeometryConfig::def,
    configure: |props| Ok(Box::new(Geometries::swap(props)?)),
};

struct Geometries {
    action: Action,
    changes: RowChanges<()>,
}

enum Action {
    ToExtended,
    ToPlain,
    Swap { srids: Vec<i32> },
}

impl Geometries {
    fn of(action: Action) -> Self {
        Self { action, changes: RowChanges::default() }
    }

    fn format(props: &Props) -> Result<Self> {
        let text = props.get("format").map_or("wkb", |text| text.trim());
        Ok(match settings::choice(props, "format", text, &[("ewkb", true), ("wkb", false)])? {
            true => Self::of(Action::ToPlain),
            false => Self::of(Action::ToExtended),
        })
    }

    fn swap(props: &Props) -> Result<Self> {
        let text = props.get("srids").map_or("", String::as_str);
        let numbers = text.split(',').map(str::trim).filter(|number| !number.is_empty());
        let srids = numbers
            .map(|number| number.parse().map_err(|_| settings::invalid("srids", Some(text), "An integer is expected")));
        Ok(Self::of(Action::Swap { srids: srids.collect::<Result<_>>()? }))
    }
}

impl Transform for Geometries {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        if envelope::of(record).is_some() {
            let action = &self.action;
            self.changes.apply(record, change, |(), value| action.change(value))?;
        }
        Ok(Fate::Kept)
    }
}

fn change(field: &Field) -> Option<FieldChange<()>> {
    let name = field.schema.name.as_deref()?;
    let geometry = matches!(name, "io.debezium.data.geometry.Geometry" | "io.debezium.data.geometry.Geography");
    geometry.then(|| FieldChange { field: field.clone(), convert: Some(()) })
}

impl Action {
    fn change(&self, value: Value) -> Result<Value> {
        let Value::Struct(mut geometry) = value else { return Ok(value) };
        let position = |name: &str| geometry.schema().fields().and_then(|fields| fields.position(name));
        let (Some(at), srid) = (position("wkb"), position("srid")) else { return Ok(Value::Struct(geometry)) };
        let srid = srid.and_then(|at| geometry.values()[at].as_i64());
        let Value::Bytes(bytes) = &geometry.values()[at] else { return Ok(Value::Struct(geometry)) };
        let changed = match self {
            Action::ToExtended => {
                let srid = srid.ok_or_else(|| Error::fatal("Cannot convert to EWKB when SRID is null"))?;
                wkb::with_srid(bytes, srid as u32)?
            }
            Action::ToPlain => wkb::without_srid(bytes)?,
            Action::Swap { srids } if srids.is_empty() => wkb::swapped(bytes)?,
            Action::Swap { srids } if srid.is_some_and(|srid| srids.iter().any(|known| i64::from(*known) == srid)) => {
                wkb::swapped(bytes)?
            }
            Action::Swap { .. } => return Ok(Value::Struct(geometry)),
        };
        geometry.values_mut()[at] = Value::Bytes(changed.into());
        Ok(Value::Struct(geometry))
    }
}
