//! The settings that change how column values look.

/// `decimal.handling.mode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecimalMode {
    #[default]
    Precise,
    Double,
    String,
}

/// `time.precision.mode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimePrecision {
    /// `adaptive_time_microseconds`
    #[default]
    Adaptive,
    Connect,
    IsoString,
    Microseconds,
    Nanoseconds,
}

/// `binary.handling.mode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binary {
    #[default]
    Bytes,
    Base64,
    Base64UrlSafe,
    Hex,
}

/// `bigint.unsigned.handling.mode`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BigintUnsigned {
    /// Above 2^63-1 the value wraps, as Debezium's does.
    #[default]
    Long,
    Precise,
}

/// `event.converting.failure.handling.mode`: what becomes of a value that its column type can't hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConvertingFailure {
    Fail,
    /// The value becomes null, or the column's fallback where null is not allowed, and is logged.
    #[default]
    Warn,
    /// As [`ConvertingFailure::Warn`] but logged for debugging only.
    Skip,
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
