//! The settings that change how column values look.

pub use connect_cdc::decimal::DecimalMode;

connect_api::setting_enum! {
    /// `time.precision.mode`
    pub enum TimePrecision {
        #[default]
        Adaptive = "adaptive_time_microseconds",
        Connect = "connect",
        IsoString = "isostring",
        Microseconds = "microseconds",
        Nanoseconds = "nanoseconds",
    }
}

connect_api::setting_enum! {
    /// `binary.handling.mode`
    pub enum Binary {
        #[default]
        Bytes = "bytes",
        Base64 = "base64",
        Base64UrlSafe = "base64-url-safe",
        Hex = "hex",
    }
}

connect_api::setting_enum! {
    /// `bigint.unsigned.handling.mode`
    pub enum BigintUnsigned {
        /// Above 2^63-1 the value wraps, as Debezium's does.
        #[default]
        Long = "long",
        Precise = "precise",
    }
}

connect_api::setting_enum! {
    /// `event.converting.failure.handling.mode`: what becomes of a value that its column type can't hold.
    pub enum ConvertingFailure {
        Fail = "fail",
        /// The value becomes null, or the column's fallback where null is not allowed, and is logged.
        #[default]
        Warn = "warn",
        /// As [`ConvertingFailure::Warn`] but logged for debugging only.
        Skip = "skip",
    }
}

/// How column values look; one per connector.
#[derive(Clone, Debug)]
pub struct Options {
    pub decimal: DecimalMode,
    pub time: TimePrecision,
    pub binary: Binary,
    pub bigint_unsigned: BigintUnsigned,
    /// `enable.time.adjuster`: two-digit years mean 1970 to 2069.
    pub adjust_years: bool,
    pub converting_failure: ConvertingFailure,
    /// `include.schema.comments`: a column's comment becomes its field's documentation.
    pub comments: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            decimal: DecimalMode::default(),
            time: TimePrecision::default(),
            binary: Binary::default(),
            bigint_unsigned: BigintUnsigned::default(),
            adjust_years: true,
            converting_failure: ConvertingFailure::default(),
            comments: false,
        }
    }
}
