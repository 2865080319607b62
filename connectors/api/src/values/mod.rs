//! Values as header text and back, as `SimpleHeaderConverter` and the transforms that take literals understand it.

mod align;
mod parse;
mod project;
mod text;
mod validate;

pub use parse::parse;
pub use project::project;
pub(crate) use text::base64;
pub use text::{date_text, text};
pub use validate::validate;
