//! `/metrics` for Prometheus, in the names that dashboards of the JVM worker ask for.

use super::dispatch::{Answer, Call, Content, Handled};
use crate::metrics::exposition;

pub fn render(call: &Call) -> Handled {
    let text = exposition::render(&call.app);
    Ok(Answer { body: Content::Text("text/plain; version=0.0.4; charset=utf-8", text), ..Answer::empty(200) })
}
