//! Headers beside the answer's own: those that are configured, and those of CORS.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::WorkerConfig;

/// What the worker adds to its answers.
pub struct Headers {
    /// `response.http.headers.config`: whether to replace, name, value.
    configured: Vec<(bool, HeaderName, HeaderValue)>,
    origins: Vec<String>,
    methods: Vec<String>,
}

impl Headers {
    pub fn of(config: &WorkerConfig) -> Self {
        Self {
            configured: parts(&config.response_headers).iter().filter_map(|rule| rule_of(rule)).collect(),
            origins: config.cors_origins.clone(),
            methods: config.cors_methods.clone(),
        }
    }

    /// Adds the configured headers.
    pub fn add_configured(&self, headers: &mut HeaderMap) {
        for (replace, name, value) in &self.configured {
            if *replace {
                headers.insert(name.clone(), value.clone());
            } else {
                headers.append(name.clone(), value.clone());
            }
        }
    }

    /// Adds what a browser of an allowed origin needs.
    pub fn add_cors(&self, method: &str, request: &HeaderMap, answer: &mut HeaderMap) {
        if self.origins.is_empty() {
            return;
        }
        let any = self.origins.iter().any(|origin| origin == "*");
        if !any {
            answer.append("vary", HeaderValue::from_static("Origin"));
        }
        let Some(origin) = request.get("origin") else { return };
        let allowed = any || self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes());
        if !allowed {
            return;
        }
        answer.insert("access-control-allow-origin", origin.clone());
        answer.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
        if method == "OPTIONS" && request.contains_key("access-control-request-method") {
            let methods = if self.methods.is_empty() { "GET,POST,HEAD".to_owned() } else { self.methods.join(",") };
            answer.insert("access-control-max-age", HeaderValue::from_static("60"));
            if let Ok(methods) = HeaderValue::from_str(&methods) {
                answer.insert("access-control-allow-methods", methods);
            }
            // The only header that a request needs, whatever is asked for.
            answer.insert("access-control-allow-headers", HeaderValue::from_static("Content-Type"));
        }
    }
}

/// Commas inside double quotes belong to a value.
fn parts(text: &str) -> Vec<String> {
    let (mut parts, mut quoted) = (vec![String::new()], false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => parts.push(String::new()),
            c => parts.last_mut().expect("it starts with one").push(c),
        }
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// `[set|add|setDate|addDate] name:value`
fn rule_of(rule: &str) -> Option<(bool, HeaderName, HeaderValue)> {
    let (action, header) = rule.split_once(char::is_whitespace)?;
    let (name, value) = header.split_once(':')?;
    let name = HeaderName::try_from(name.trim()).ok()?;
    Some((action.starts_with("set"), name, HeaderValue::from_str(value.trim()).ok()?))
}
