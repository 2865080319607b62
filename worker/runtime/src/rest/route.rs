//! Paths and methods of the REST interface.

/// What a path names. Names are decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    Root,
    Health,
    Metrics,
    OpenApi,
    Connectors,
    Connector(String),
    Config(String),
    Status(String),
    Tasks(String),
    TaskStatus(String, String),
    TaskRestart(String, String),
    Restart(String),
    Pause(String),
    Resume(String),
    Stop(String),
    Topics(String),
    TopicsReset(String),
    Offsets(String),
    Fence(String),
    Plugins,
    PluginConfig(String),
    Validate(String),
    Loggers,
    Logger(String),
}

impl Route {
    /// Reads a path. Empty segments are left out and matrix parameters ignored, as the JVM's server does.
    pub fn of(path: &str) -> Option<Self> {
        let segments: Vec<String> = path.split('/').filter(|s| !s.is_empty()).map(segment).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let name = |name: &str| name.to_owned();
        Some(match segments.as_slice() {
            [] => Route::Root,
            ["health"] => Route::Health,
            ["metrics"] => Route::Metrics,
            ["openapi.json"] => Route::OpenApi,
            ["connectors"] => Route::Connectors,
            ["connectors", c] => Route::Connector(name(c)),
            ["connectors", c, "config"] => Route::Config(name(c)),
            ["connectors", c, "status"] => Route::Status(name(c)),
            ["connectors", c, "tasks"] => Route::Tasks(name(c)),
            ["connectors", c, "tasks", n, "status"] => Route::TaskStatus(name(c), name(n)),
            ["connectors", c, "tasks", n, "restart"] => Route::TaskRestart(name(c), name(n)),
            ["connectors", c, "restart"] => Route::Restart(name(c)),
            ["connectors", c, "pause"] => Route::Pause(name(c)),
            ["connectors", c, "resume"] => Route::Resume(name(c)),
            ["connectors", c, "stop"] => Route::Stop(name(c)),
            ["connectors", c, "topics"] => Route::Topics(name(c)),
            ["connectors", c, "topics", "reset"] => Route::TopicsReset(name(c)),
            ["connectors", c, "offsets"] => Route::Offsets(name(c)),
            ["connectors", c, "fence"] => Route::Fence(name(c)),
            ["connector-plugins"] => Route::Plugins,
            ["connector-plugins", p, "config"] => Route::PluginConfig(name(p)),
            ["connector-plugins", p, "config", "validate"] => Route::Validate(name(p)),
            ["admin", "loggers"] => Route::Loggers,
            ["admin", "loggers", l] => Route::Logger(name(l)),
            _ => return None,
        })
    }

    /// The methods a path answers to, beside OPTIONS, and HEAD where there is GET.
    pub fn methods(&self) -> &'static [&'static str] {
        match self {
            Route::Connectors => &["GET", "POST"],
            Route::Connector(_) => &["DELETE", "GET"],
            Route::Config(_) => &["GET", "PATCH", "PUT"],
            Route::Tasks(_) => &["GET", "POST"],
            Route::Restart(_) | Route::TaskRestart(..) => &["POST"],
            Route::Pause(_)
            | Route::Resume(_)
            | Route::Stop(_)
            | Route::TopicsReset(_)
            | Route::Fence(_)
            | Route::Validate(_) => &["PUT"],
            Route::Offsets(_) => &["DELETE", "GET", "PATCH"],
            Route::Logger(_) => &["GET", "PUT"],
            Route::Root
            | Route::Health
            | Route::Metrics
            | Route::OpenApi
            | Route::Status(_)
            | Route::TaskStatus(..)
            | Route::Topics(_)
            | Route::Plugins
            | Route::PluginConfig(_)
            | Route::Loggers => &["GET"],
        }
    }

    pub fn is_admin(&self) -> bool {
        matches!(self, Route::Loggers | Route::Logger(_))
    }

    /// The `Allow` header.
    pub fn allow(&self) -> String {
        let mut all: Vec<&str> = self.methods().to_vec();
        if all.contains(&"GET") {
            all.push("HEAD");
        }
        all.push("OPTIONS");
        all.sort_unstable();
        all.join(",")
    }
}

fn segment(text: &str) -> String {
    percent_decode(text.split(';').next().unwrap_or_default(), false)
}

/// Decodes `%XX`, and in queries `+`. What is no escape stays as it is.
pub fn percent_decode(text: &str, plus_is_blank: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) if plus_is_blank => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The characters that a path segment may hold as they are, as the JVM's `UriBuilder` writes them.
pub fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => out.push(byte.into()),
            b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
            | b':' | b'@' => out.push(byte.into()),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Parameters of a query string, in order.
pub fn query(text: &str) -> Vec<(String, String)> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        (percent_decode(key, true), percent_decode(value, true))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_things() {
        assert_eq!(
            Route::of("//connectors/a%20b;x=1/tasks/0/status/"),
            Some(Route::TaskStatus("a b".into(), "0".into()))
        );
        assert_eq!(Route::of("/connectors/a%2Fb"), Some(Route::Connector("a/b".into())));
        assert_eq!(Route::of("/nope"), None);
        assert_eq!(Route::of("/connectors/c").map(|r| r.allow()), Some("DELETE,GET,HEAD,OPTIONS".into()));
        assert_eq!(
            query("a=1&b=x+y&c"),
            [("a".into(), "1".into()), ("b".into(), "x y".into()), ("c".into(), String::new())]
        );
    }
}
