//! `ReplaceField`: leaves fields out and gives others new names.

use std::collections::{BTreeMap, HashSet};

use connect_api::{
    Fate, Field, Origin, Props, Record, Result, Schema, SchemaCache, Str, Transform, Value, config, plugin,
    plugin::Side,
};

use crate::{
    hidden,
    names::Names,
    row::{self, NullRules},
    side::{half, key_and_value},
};

config! {
    /// Settings of `ReplaceField`.
    pub(crate) struct ReplaceFieldConfig {
        /// Fields to leave out; they win over include.
        #[config(key = "exclude", group = "", importance = Medium, default = "")]
        exclude: Names,
        /// Fields to keep; all when empty.
        #[config(key = "include", group = "", importance = Medium, default = "")]
        include: Names,
        /// New names, each as old:new.
        #[config(key = "renames", group = "", importance = Medium, default = "")]
        renames: Vec<Rename>,
        /// Whether a field that is null is copied as its default, where it has one.
        #[config(key = "replace.null.with.default", group = "", importance = Medium, default = "true")]
        replace_nulls: bool,
    }
}
key_and_value!(ReplaceField, ReplaceFieldConfig);

const PURPOSE: &str = "field replacement";

#[derive(Clone, Debug)]
struct Rename {
    old: String,
    new: Str,
}

impl connect_api::Setting for Rename {
    const TYPE: connect_api::ConfigType = connect_api::ConfigType::String;
    fn parse(text: &str) -> Result<Self, connect_api::config::Problem> {
        match text.split(':').collect::<Vec<&str>>()[..] {
            [old, new] if !new.is_empty() => Ok(Self { old: old.to_owned(), new: new.into() }),
            _ => Err(format!("Invalid rename mapping: {text}").into()),
        }
    }
}

pub(crate) struct ReplaceField {
    side: Side,
    rules: Rules,
    plans: SchemaCache<Plan>,
}

struct Rules {
    exclude: Vec<String>,
    include: Vec<String>,
    /// Old and new names, in the order of the old ones.
    renames: Vec<(String, Str)>,
    /// Two fields get one name, if both are there.
    renames_meet: bool,
    replace_nulls: bool,
}

struct Plan {
    /// Which fields stay; empty where all do.
    kept: Vec<bool>,
    nulls: NullRules,
    schema: Schema,
}

impl ReplaceField {
    pub(crate) fn new(props: &Props, side: Side) -> Result<Self> {
        let config: ReplaceFieldConfig = plugin::parse(&with_old_names(props)?)?;
        let renames: BTreeMap<String, Str> =
            config.renames.into_iter().map(|rename| (rename.old, rename.new)).collect();
        let new_names: HashSet<&Str> = renames.values().collect();
        let rules = Rules {
            renames_meet: new_names.len() < renames.len(),
            exclude: config.exclude.0,
            include: config.include.0,
            renames: renames.into_iter().collect(),
            replace_nulls: config.replace_nulls,
        };
        Ok(Self { side, rules, plans: SchemaCache::default() })
    }
}

impl Transform for ReplaceField {
    fn apply(&mut self, record: &mut Record, _origin: Origin<'_>) -> Result<Fate> {
        let data = half(record, self.side);
        match (&mut data.schema, &mut data.value) {
            (_, Value::Null) => {}
            (None, Value::Map(pairs)) => self.rules.change_map(pairs),
            (Some(schema), Value::Struct(row)) => {
                let rules = &self.rules;
                let plan = self.plans.plan(row.schema(), |schema| Plan::new(schema, rules))?;
                row.reshape(&plan.schema, |values| {
                    let mut kept = plan.kept.iter();
                    values.retain(|_| kept.next().is_none_or(|kept| *kept));
                    plan.nulls.apply(values)
                })?;
                *schema = plan.schema.clone();
            }
            (None, value) => return Err(row::no_map(value, PURPOSE)),
            (schema, value) => return Err(row::no_struct(value, schema.as_ref(), PURPOSE)),
        }
        Ok(Fate::Kept)
    }
}

impl Rules {
    fn keeps(&self, name: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|listed| listed == name);
        !named(&self.exclude) && (self.include.is_empty() || named(&self.include))
    }

    fn renamed(&self, name: &str) -> Option<&Str> {
        let at = self.renames.binary_search_by(|(old, _)| old.as_str().cmp(name)).ok()?;
        Some(&self.renames[at].1)
    }

    fn change_map(&self, pairs: &mut Vec<(Value, Value)>) {
        if !(self.exclude.is_empty() && self.include.is_empty()) {
            pairs.retain(|(key, _)| key.as_str().is_none_or(|name| self.keeps(name)));
        }
        let taken = |new: &Str| pairs.iter().any(|(key, _)| key.as_str() == Some(new.as_str()));
        if self.renames_meet || self.renames.iter().any(|(_, new)| taken(new)) {
            return self.rename_one_by_one(pairs);
        }
        for (key, _) in pairs {
            if let Some(new) = key.as_str().and_then(|name| self.renamed(name)) {
                *key = Value::String(new.clone());
            }
        }
    }

    /// Of fields that come to one name, the last value counts, in the place of the first.
    fn rename_one_by_one(&self, pairs: &mut Vec<(Value, Value)>) {
        for (name, value) in std::mem::take(pairs) {
            let name = match name.as_str().and_then(|name| self.renamed(name)) {
                Some(new) => new.clone(),
                None => match name {
                    Value::String(name) => name,
                    other => {
                        pairs.push((other, value));
                        continue;
                    }
                },
            };
            row::put(pairs, &name, value);
        }
    }
}

impl Plan {
    fn new(from: &Schema, rules: &Rules) -> Result<Self> {
        let (mut kept, mut fields) = (Vec::new(), Vec::new());
        for field in from.fields().into_iter().flatten() {
            kept.push(rules.keeps(&field.name));
            if kept.last() == Some(&false) {
                continue;
            }
            let name = rules.renamed(&field.name).unwrap_or(&field.name).clone();
            fields.push(Field { name, schema: field.schema.clone() });
        }
        if !kept.contains(&false) {
            kept.clear();
        }
        let nulls = NullRules::new(&fields, rules.replace_nulls);
        Ok(Self { kept, nulls, schema: row::schema_like(from, fields)? })
    }
}

/// Kafka 3 and before called them whitelist and blacklist; the newer names win.
fn with_old_names(props: &Props) -> Result<Props> {
    let mut props = props.clone();
    if hidden::strict(&props)? {
        return Ok(props);
    }
    for (old, new) in [("whitelist", "include"), ("blacklist", "exclude")] {
        let Some(list) = props.get(old).cloned() else { continue };
        if props.contains_key(new) {
            continue;
        }
        tracing::warn!("{old} of ReplaceField is honoured as Kafka Connect 3 did; {new} takes its place");
        props.insert(new.to_owned(), list);
    }
    Ok(props)
}
