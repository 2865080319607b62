//! Settings of `ExtractNewRecordState`, the ones of older versions among them.

use connect_api::{Props, Result, config, plugin, setting_enum};

use super::FieldReference;
use crate::{debezium::settings::not_validated, hidden};

setting_enum! {
    /// What becomes of deletes and of the tombstones that follow them.
    pub(crate) enum Mode {
        Drop = "drop",
        #[default]
        Tombstone = "tombstone",
        RewriteWithTombstone = "rewrite-with-tombstone",
        Rewrite = "rewrite",
        DeleteToTombstone = "delete-to-tombstone",
    }
}

setting_enum! {
    /// What became of deletes before version 3.
    enum OldMode { #[default] Drop = "drop", Rewrite = "rewrite", None = "none" }
}

config! {
    /// Settings of `ExtractNewRecordState`.
    pub(super) struct UnwrapConfig {
        /// What becomes of a delete and of the tombstone after it. drop: both are dropped. tombstone: the delete
        /// becomes a tombstone, the tombstone after it is dropped. rewrite: the delete becomes its last row with the
        /// field __deleted, the tombstone is dropped. rewrite-with-tombstone: the same, the tombstone stays.
        /// delete-to-tombstone: as tombstone, without a schema.
        #[config(key = "delete.tombstone.handling.mode", group = "", importance = Medium, default = "tombstone", display = "Handle delete and tombstone records", width = Medium)]
        pub(super) mode: Mode,
        /// A field of the row whose text is the topic to send the record to.
        #[config(key = "route.by.field", group = "", importance = Low, default = "", display = "Route by field name", width = Long)]
        pub(super) route_by: String,
        /// What the names of added fields start with.
        #[config(key = "add.fields.prefix", group = "", importance = Low, default = "__", display = "Field prefix to be added to each field.", width = Short)]
        pub(super) fields_prefix: String,
        /// Fields of the envelope to add to the row, such as op or source.ts_ms, each with an optional new name after
        /// a colon.
        #[config(key = "add.fields", group = "", importance = Low, default = "", display = "Adds the specified field(s) to the message if they exist.", width = Long)]
        pub(super) fields: Vec<String>,
        /// What the names of added headers start with.
        #[config(key = "add.headers.prefix", group = "", importance = Low, default = "__", display = "Header prefix to be added to each header.", width = Short)]
        pub(super) headers_prefix: String,
        /// Fields of the envelope to add as headers, written as in add.fields.
        #[config(key = "add.headers", group = "", importance = Low, default = "", display = "Adds the specified fields to the header if they exist.", width = Long)]
        pub(super) headers: Vec<String>,
        /// A header that lists fields to leave out of the row.
        #[config(key = "drop.fields.header.name", group = "", importance = Low, display = "Specifies a header that contains a list of field names to be removed", width = Short)]
        pub(super) drop_header: Option<String>,
        /// Whether fields to leave out are left out of the key as well.
        #[config(key = "drop.fields.from.key", group = "", importance = Low, default = "false", display = "Specifies whether the fields to be dropped should also be omitted from the key", width = Short)]
        pub(super) drop_from_key: bool,
        /// Whether only optional fields are left out, so that readers of the old schema can read the new one.
        #[config(key = "drop.fields.keep.schema.compatible", group = "", importance = Low, default = "true", display = "Specifies if fields are dropped, will the event's schemas be compatible", width = Short)]
        pub(super) keep_compatible: bool,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tombstones {
    Drop,
    Keep,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deletes {
    Drop,
    /// Null under the row's schema.
    TombstoneWithSchema,
    Tombstone,
    /// The row before, with the field `__deleted`.
    Rewrite,
}

/// What the settings of whichever version come to.
pub(super) struct Settings {
    pub(super) tombstones: Tombstones,
    pub(super) deletes: Deletes,
    pub(super) route_by: Option<String>,
    pub(super) fields: Vec<FieldReference>,
    pub(super) headers: Vec<FieldReference>,
    pub(super) drop_header: Option<String>,
    pub(super) drop_from_key: bool,
    pub(super) keep_compatible: bool,
    pub(super) replace_nulls: bool,
}

impl Settings {
    pub(super) fn new(props: &Props) -> Result<Self> {
        let config: UnwrapConfig = plugin::parse(props).map_err(not_validated)?;
        let (tombstones, deletes) = match old_modes(props)? {
            Some(modes) => modes,
            None => config.mode.parts(),
        };
        let references = |texts: &[String], prefix: &str| {
            texts.iter().map(|text| FieldReference::parse(text, prefix)).collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            tombstones,
            deletes,
            route_by: Some(config.route_by).filter(|field| !field.is_empty()),
            fields: references(&config.fields, &config.fields_prefix)?,
            headers: references(&config.headers, &config.headers_prefix)?,
            drop_header: config.drop_header.filter(|name| !name.is_empty()),
            drop_from_key: config.drop_from_key,
            keep_compatible: config.keep_compatible,
            replace_nulls: hidden::flag(props, "replace.null.with.default", true).map_err(not_validated)?,
        })
    }

    /// Whether rows carry the field that tells whether they are deleted.
    pub(super) fn marks_deleted(&self) -> bool {
        self.deletes == Deletes::Rewrite
    }
}

impl Mode {
    pub(crate) fn parts(self) -> (Tombstones, Deletes) {
        match self {
            Mode::Drop => (Tombstones::Drop, Deletes::Drop),
            Mode::Tombstone => (Tombstones::Drop, Deletes::TombstoneWithSchema),
            Mode::RewriteWithTombstone => (Tombstones::Keep, Deletes::Rewrite),
            Mode::Rewrite => (Tombstones::Drop, Deletes::Rewrite),
            Mode::DeleteToTombstone => (Tombstones::Drop, Deletes::Tombstone),
        }
    }
}

/// What the settings of version 2 and before say, where they are given and the newer one is not.
pub(crate) fn old_modes(props: &Props) -> Result<Option<(Tombstones, Deletes)>> {
    const OLD: [&str; 2] = ["drop.tombstones", "delete.handling.mode"];
    let given = OLD.iter().any(|key| props.contains_key(*key));
    if !given || props.contains_key("delete.tombstone.handling.mode") || hidden::strict(props)? {
        return Ok(None);
    }
    tracing::warn!(
        "drop.tombstones and delete.handling.mode are honoured as Debezium 2 did; \
         delete.tombstone.handling.mode takes their place"
    );
    let drops = hidden::flag(props, "drop.tombstones", true).map_err(not_validated)?;
    let mode: OldMode = hidden::setting(props, "delete.handling.mode").map_err(not_validated)?.unwrap_or_default();
    let deletes = match mode {
        OldMode::Drop => Deletes::Drop,
        OldMode::Rewrite => Deletes::Rewrite,
        OldMode::None => Deletes::TombstoneWithSchema,
    };
    Ok(Some((if drops { Tombstones::Drop } else { Tombstones::Keep }, deletes)))
}
