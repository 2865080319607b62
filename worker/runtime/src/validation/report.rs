//! What validation found, in the form of `ConfigInfos`.

use connect_api::{ConfigDef, ConfigKey, ConfigType, MessageStyle, config_key::ConfigValue};
use serde_json::{Value, json};

use crate::rest::model::HIDDEN;

/// What is known about one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    pub ty: &'static str,
    pub required: bool,
    pub default: Option<String>,
    pub importance: &'static str,
    pub doc: String,
    pub group: Option<String>,
    pub order: i64,
    pub width: &'static str,
    pub display: String,
}

impl Definition {
    pub fn to_json(&self) -> Value {
        let group = self.group.as_ref().filter(|group| !group.is_empty());
        // The name of the order changed in 4.2; clients of either find theirs.
        json!({
            "name": self.name, "type": self.ty, "required": self.required, "default_value": self.default,
            "importance": self.importance, "documentation": self.doc, "group": group,
            "order_in_group": self.order, "width": self.width, "display_name": self.display, "dependents": [],
        })
    }

    /// The definition of a declared key; its order is its place among those of its group.
    pub fn of(key: &ConfigKey, order: i64) -> Self {
        Self {
            name: key.name.to_owned(),
            ty: key.ty.name(),
            // Debezium's own validators ask for what is missing; its definitions call nothing required.
            required: key.required && key.style == MessageStyle::Kafka,
            default: key
                .default
                .map(|text| if key.ty == ConfigType::Password { HIDDEN.into() } else { text.to_owned() }),
            importance: key.importance.name(),
            doc: key.doc.clone(),
            group: Some(key.group.to_owned()),
            order,
            width: key.width.name(),
            display: key.display.to_owned(),
        }
    }
}

/// How a plugin's authors number settings in their groups; forms show them in that order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbering {
    pub first: i64,
    /// The number of each setting that is in no group.
    pub ungrouped: i64,
}

impl Numbering {
    /// Kafka's converters count from 0 and its other plugins from 1; Debezium gives 1 to all that have no group.
    pub fn of(class: &str, kind: &str) -> Self {
        Self {
            first: if kind == "converter" { 0 } else { 1 },
            ungrouped: if class.starts_with("io.debezium.") { 1 } else { -1 },
        }
    }
}

/// The definitions of a plugin's own keys.
pub fn own_definitions(def: &ConfigDef, numbering: Numbering) -> Vec<Definition> {
    let mut next: Vec<(&str, i64)> = Vec::new();
    let mut order = |group: &'static str| {
        if group.is_empty() {
            return numbering.ungrouped;
        }
        match next.iter_mut().find(|(known, _)| *known == group) {
            Some((_, order)) => {
                *order += 1;
                *order
            }
            None => {
                next.push((group, numbering.first));
                numbering.first
            }
        }
    };
    def.keys().iter().map(|key| Definition::of(key, order(key.group))).collect()
}

/// One line: a setting with its value and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub definition: Option<Definition>,
    pub name: String,
    pub value: Option<String>,
    pub recommended: Vec<String>,
    pub errors: Vec<String>,
    /// Whether a form that is made of this has a field for it.
    pub visible: bool,
}

/// A value of the wrong type is no value; one that breaks a rule is shown beside its error.
pub fn shown_value(value: Option<String>, errors: &[String]) -> Option<String> {
    let wrong_type =
        |error: &String| error.contains("Not a number of type") || error.contains("Expected value to be either");
    value.filter(|_| !errors.iter().any(wrong_type))
}

/// All lines, framework first, and the groups in the order they came up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub class: String,
    groups: Vec<String>,
    rows: Vec<Row>,
    orders: Vec<(String, i64)>,
}

impl Report {
    pub fn new(class: &str) -> Self {
        Self { class: class.to_owned(), groups: Vec::new(), rows: Vec::new(), orders: Vec::new() }
    }

    pub fn group(&mut self, group: &str) {
        if !self.groups.iter().any(|known| known == group) {
            self.groups.push(group.to_owned());
        }
    }

    /// Adds a line; a setting that has one already keeps it, and takes on what is wrong.
    pub fn add(&mut self, row: Row) {
        let group = row.definition.as_ref().and_then(|definition| definition.group.clone());
        if let Some(group) = group.filter(|group| !group.is_empty()) {
            self.group(&group);
        }
        match self.rows.iter_mut().find(|known| known.name == row.name) {
            Some(known) => {
                let new = row.errors.into_iter().filter(|error| !known.errors.contains(error));
                known.errors.extend(new.collect::<Vec<_>>());
            }
            None => self.rows.push(row),
        }
    }

    /// Adds a setting of the connector itself.
    pub fn own(&mut self, key: &ConfigKey, value: ConfigValue) {
        let order = self.next_order(key.group);
        let shown = if key.ty == ConfigType::Password { value.value.map(|_| HIDDEN.to_owned()) } else { value.value };
        self.add(Row {
            definition: Some(Definition::of(key, order)),
            name: key.name.to_owned(),
            value: shown_value(shown, &value.errors),
            recommended: key.choices.iter().map(|text| (*text).to_owned()).collect(),
            errors: value.errors,
            visible: true,
        });
    }

    /// Shows the text of a setting as it was given, where a provider put in what may be a secret. (Invariant 8)
    pub fn shown_as(&mut self, name: &str, text: &str) {
        for row in self.rows.iter_mut().filter(|row| row.name == name) {
            if row.value.as_ref().is_some_and(|value| value != HIDDEN) {
                row.value = Some(text.to_owned());
            }
        }
    }

    fn next_order(&mut self, group: &str) -> i64 {
        if group.is_empty() {
            return -1;
        }
        match self.orders.iter_mut().find(|(known, _)| known == group) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.orders.push((group.to_owned(), 1));
                1
            }
        }
    }

    /// Notes what is wrong with a setting, known or not.
    pub fn error(&mut self, name: &str, message: &str) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.errors.push(message.to_owned()),
            None => self.rows.push(Row {
                definition: None,
                name: name.to_owned(),
                value: None,
                recommended: Vec::new(),
                errors: vec![message.to_owned()],
                visible: true,
            }),
        }
    }

    /// A setting that was given as null has no value, not even its default.
    pub fn without_value(&mut self, name: &str) {
        self.rows.iter_mut().filter(|row| row.name == name).for_each(|row| row.value = None);
    }

    pub fn has_errors(&self, name: &str) -> bool {
        self.rows.iter().any(|row| row.name == name && !row.errors.is_empty())
    }

    pub fn error_count(&self) -> usize {
        self.rows.iter().map(|row| row.errors.len()).sum()
    }

    /// The message by which create refuses the configuration.
    pub fn refusal(&self) -> String {
        let messages: Vec<&str> = self.rows.iter().flat_map(|row| &row.errors).map(String::as_str).collect();
        format!(
            "Connector configuration is invalid and contains the following {} error(s):\n{}\nYou can also find the above list \
             of errors at the endpoint `/connector-plugins/{{connectorType}}/config/validate`",
            messages.len(),
            messages.join("\n")
        )
    }

    pub fn to_json(&self) -> Value {
        let row = |row: &Row| {
            json!({
                "definition": row.definition.as_ref().map(Definition::to_json),
                "value": {
                    "name": row.name, "value": row.value, "recommended_values": row.recommended,
                    "errors": row.errors, "visible": row.visible,
                },
            })
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        json!({"name": self.class, "error_count": self.error_count(), "groups": self.groups, "configs": rows})
    }
}
