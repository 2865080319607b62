//! Values as header text and back, and as values of other types: `org.apache.kafka.connect.data.Values`.

mod align;
mod convert;
mod infer;
mod parse;
mod project;
mod text;
mod validate;

pub use convert::convert;
pub use infer::infer;
pub use parse::parse;
pub use project::project;
pub(crate) use text::base64;
pub use text::{date_text, text};
pub use validate::validate;
