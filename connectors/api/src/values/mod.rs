//! Values as header text and back, as `SimpleHeaderConverter` and the transforms that take literals understand it.

mod align;
mod parse;
mod text;

pub use parse::parse;
pub(crate) use text::base64;
pub use text::{date_text, text};
