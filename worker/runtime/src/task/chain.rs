//! A connector's transforms with their predicates, applied in order and in place.

use connect_api::{Error, Fate, Origin, Predicate, Props, Record, Result, Transform};

use super::errors::{Failure, Stage};
use crate::plugins::Plugins;

/// The transforms of one task.
pub struct Chain(Vec<Link>);

struct Link {
    class: &'static str,
    transform: Box<dyn Transform>,
    condition: Option<Condition>,
}

struct Condition {
    class: &'static str,
    predicate: Box<dyn Predicate>,
    negate: bool,
}

impl Chain {
    /// Builds the chain that `transforms` and `predicates` describe.
    pub fn build(connector: &Props, plugins: &Plugins) -> Result<Self> {
        let links = names(connector, "transforms").map(|alias| link(connector, &alias, plugins));
        links.collect::<Result<Vec<Link>>>().map(Self)
    }

    /// Makes of the record what all transforms make of it, or drops it when one does.
    pub fn apply(&mut self, record: &mut Record, origin: Origin<'_>) -> Result<Fate, Failure> {
        for link in &mut self.0 {
            if let Some(condition) = &mut link.condition {
                let failed = |error| Failure { stage: Stage::Transformation, class: condition.class, error };
                if condition.predicate.test(record).map_err(failed)? == condition.negate {
                    continue;
                }
            }
            let failed = |error| Failure { stage: Stage::Transformation, class: link.class, error };
            if link.transform.apply(record, origin).map_err(failed)? == Fate::Dropped {
                return Ok(Fate::Dropped);
            }
        }
        Ok(Fate::Kept)
    }
}

/// The aliases of a comma-separated list.
pub fn names(props: &Props, list: &str) -> impl Iterator<Item = String> {
    let text = props.get(list).cloned().unwrap_or_default();
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).filter(|n| !n.is_empty()).collect();
    names.into_iter()
}

/// The properties under a prefix, without it.
pub fn prefixed(props: &Props, prefix: &str) -> Props {
    let strip = |(key, value): (&String, &String)| Some((key.strip_prefix(prefix)?.to_owned(), value.clone()));
    props.iter().filter_map(strip).collect()
}

fn link(connector: &Props, alias: &str, plugins: &Plugins) -> Result<Link> {
    let settings = prefixed(connector, &format!("transforms.{alias}."));
    let class = settings.get("type").map(String::as_str).unwrap_or_default();
    let plugin = plugins
        .find_transform(class)
        .ok_or_else(|| Error::config(format!("transforms.{alias}.type names the unknown class {class}")))?;
    let condition = match settings.get("predicate") {
        Some(name) => Some(condition(connector, name.trim(), settings.get("negate"), plugins)?),
        None => None,
    };
    Ok(Link { class: plugin.class, transform: (plugin.configure)(&settings)?, condition })
}

fn condition(connector: &Props, name: &str, negate: Option<&String>, plugins: &Plugins) -> Result<Condition> {
    let settings = prefixed(connector, &format!("predicates.{name}."));
    let class = settings.get("type").map(String::as_str).unwrap_or_default();
    let plugin = plugins
        .find_predicate(class)
        .ok_or_else(|| Error::config(format!("predicates.{name}.type names the unknown class {class}")))?;
    let negate = negate.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"));
    Ok(Condition { class: plugin.class, predicate: (plugin.configure)(&settings)?, negate })
}
