//! Exact numbers in the forms that `decimal.handling.mode` chooses.

use connect_api::{Bytes, SchemaBuilder, Value, decimal, schema::logical};

connect_api::setting_enum! {
    /// `decimal.handling.mode`
    pub enum DecimalMode {
        #[default]
        Precise = "precise",
        Double = "double",
        String = "string",
    }
}

impl DecimalMode {
    /// The schema of a column of this scale and, where it is known, precision.
    pub fn schema(self, scale: i32, precision: Option<i32>) -> SchemaBuilder {
        match self {
            Self::Precise => {
                let schema =
                    SchemaBuilder::bytes().name(logical::DECIMAL).version(1).parameter("scale", scale.to_string());
                match precision {
                    Some(precision) => schema.parameter("connect.decimal.precision", precision.to_string()),
                    None => schema,
                }
            }
            Self::Double => SchemaBuilder::float64(),
            Self::String => SchemaBuilder::string(),
        }
    }

    /// A number that has the column's scale already.
    pub fn value(self, unscaled: &Unscaled, scale: i32) -> Value {
        match self {
            Self::Precise => Value::Bytes(unscaled.to_bytes()),
            Self::Double => Value::Float64(unscaled.to_f64(scale)),
            Self::String => decimal::plain_text(&unscaled.to_bytes(), scale).into(),
        }
    }
}

/// The digits of a number without its point; nearly all fit into a machine's integer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unscaled {
    Small(i128),
    /// In big-endian two's complement.
    Large(Bytes),
}

impl Unscaled {
    /// Reads decimal text and brings it to a scale; `None` when it is no number or would lose digits.
    pub fn parse(text: &str, scale: i32) -> Option<Self> {
        let (unscaled, own) = decimal::parse(text)?;
        decimal::rescale(&unscaled, own, scale).map(Self::Large)
    }

    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Small(number) => decimal::small_bytes(*number),
            Self::Large(bytes) => bytes.clone(),
        }
    }

    /// The nearest double.
    fn to_f64(&self, scale: i32) -> f64 {
        match self {
            // Both are exact below 2^53 and 10^22, so their quotient is rounded once.
            Self::Small(number) if number.unsigned_abs() < 1 << 53 && (0..=22).contains(&scale) => {
                *number as f64 / 10_f64.powi(scale)
            }
            number => decimal::to_f64(&number.to_bytes(), scale),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_all_forms() {
        let check = |text: &str, scale, bytes: &'static [u8], double: f64, plain: &str| {
            let number = Unscaled::parse(text, scale).unwrap();
            assert_eq!(DecimalMode::Precise.value(&number, scale), Value::Bytes(Bytes::from_static(bytes)));
            assert_eq!(DecimalMode::Double.value(&number, scale), Value::Float64(double));
            assert_eq!(DecimalMode::String.value(&number, scale), plain.into());
        };
        check("9.75", 2, &[0x03, 0xcf], 9.75, "9.75");
        check("-1", 3, &[0xfc, 0x18], -1.0, "-1.000");
        check("-0.001", 3, &[0xff], -0.001, "-0.001");
        assert_eq!(Unscaled::parse("1.255", 2), None);
        assert_eq!(Unscaled::Small(-1), Unscaled::Small(-1));
    }
}
