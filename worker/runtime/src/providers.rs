//! Config providers (KIP-297): `${file:path:key}`, `${dir:path:name}` and `${env:NAME}` in property values.

use std::path::{Path, PathBuf};

use connect_api::Props;
use regex::Regex;

use crate::properties;

/// The providers a worker was configured with.
///
/// What they yield goes to plugins only; everything that is stored or shown keeps the variable. (Invariant 8)
#[derive(Clone, Debug, Default)]
pub struct Providers {
    list: Vec<(String, Provider)>,
}

#[derive(Clone, Debug)]
enum Provider {
    File { allowed: Vec<PathBuf> },
    Directory { allowed: Vec<PathBuf> },
    Env { allowed: Option<Regex> },
}

impl Providers {
    /// The providers that a worker's properties name; unknown classes are left out with a warning.
    pub fn of(worker: &Props) -> Self {
        let names = worker.get("config.providers").map(String::as_str).unwrap_or_default();
        let mut list = Vec::new();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let class = worker.get(&format!("config.providers.{name}.class")).map(String::as_str).unwrap_or_default();
            let param = |key: &str| worker.get(&format!("config.providers.{name}.param.{key}"));
            let allowed = || {
                let paths = param("allowed.paths").map(String::as_str).unwrap_or_default();
                paths.split(',').map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from).collect()
            };
            let provider = match class.rsplit('.').next().unwrap_or_default() {
                "FileConfigProvider" => Provider::File { allowed: allowed() },
                "DirectoryConfigProvider" => Provider::Directory { allowed: allowed() },
                "EnvVarConfigProvider" => Provider::Env {
                    allowed: param("allowlist.pattern").and_then(|text| Regex::new(&format!("^(?:{text})$")).ok()),
                },
                _ => {
                    tracing::warn!(provider = name, class, "unknown config provider class, its variables stay as text");
                    continue;
                }
            };
            list.push((name.to_owned(), provider));
        }
        Self { list }
    }

    /// The same properties with every variable that a provider knows put in. Others stay as they stand, as in the JVM.
    pub fn resolve(&self, props: &Props) -> Props {
        if self.list.is_empty() {
            return props.clone();
        }
        props.iter().map(|(key, value)| (key.clone(), self.resolve_text(value))).collect()
    }

    /// Whether every file that a variable names can be read; else which one can't.
    pub fn ensure_readable(&self, props: &Props) -> Result<(), String> {
        for variable in props.values().flat_map(|text| pattern().captures_iter(text)) {
            let path = variable.get(3).map_or("", |m| m.as_str());
            let provider = self.list.iter().find(|(known, _)| known == &variable[1]).map(|(_, provider)| provider);
            if matches!(provider, Some(Provider::File { .. })) && std::fs::File::open(path).is_err() {
                return Err(format!("Could not read properties from file {path}"));
            }
        }
        Ok(())
    }

    fn resolve_text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = 0;
        for variable in pattern().captures_iter(text) {
            let whole = variable.get(0).expect("group 0 is the match");
            out.push_str(&text[rest..whole.start()]);
            rest = whole.end();
            let path = variable.get(3).map_or("", |m| m.as_str());
            match self.lookup(&variable[1], path, &variable[4]) {
                Some(value) => out.push_str(&value),
                None => out.push_str(whole.as_str()),
            }
        }
        out.push_str(&text[rest..]);
        out
    }

    fn lookup(&self, name: &str, path: &str, key: &str) -> Option<String> {
        let (_, provider) = self.list.iter().find(|(known, _)| known == name)?;
        match provider {
            Provider::File { allowed } => {
                let text = read_allowed(Path::new(path), allowed)?;
                properties::parse(&text).get(key).cloned()
            }
            Provider::Directory { allowed } => read_allowed(&Path::new(path).join(key), allowed),
            Provider::Env { allowed } => {
                if allowed.as_ref().is_some_and(|pattern| !pattern.is_match(key)) {
                    return None;
                }
                std::env::var(key).ok()
            }
        }
    }
}

/// Whether a text holds a variable of any provider.
pub fn has_variable(text: &str) -> bool {
    pattern().is_match(text)
}

fn pattern() -> &'static Regex {
    static PATTERN: std::sync::OnceLock<Regex> = std::sync::OnceLock::new();
    PATTERN.get_or_init(|| Regex::new(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}").expect("a literal pattern"))
}

/// The text of a file, unless it lies outside the allowed paths.
fn read_allowed(path: &Path, allowed: &[PathBuf]) -> Option<String> {
    let real = path.canonicalize().ok()?;
    let inside = |dir: &PathBuf| dir.canonicalize().is_ok_and(|dir| real.starts_with(dir));
    if !allowed.is_empty() && !allowed.iter().any(inside) {
        tracing::warn!(path = %path.display(), "config provider may not read this path, see its allowed.paths");
        return None;
    }
    std::fs::read_to_string(real).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_in_and_unknown_ones_stay() {
        let dir = std::env::temp_dir().join(format!("providers-{}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a temporary directory");
        let secrets = dir.join("secrets.properties");
        std::fs::write(&secrets, "user=u1\npassword=p:1\n").expect("a file");
        let providers = Providers::of(&properties::parse(
            "config.providers=file,dir\nconfig.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider\n\
             config.providers.dir.class=x.DirectoryConfigProvider\n",
        ));
        let file = secrets.display();
        let text = format!("${{file:{file}:user}}/${{file:{file}:password}}-${{file:{file}:none}}-${{x:y}}");
        assert_eq!(providers.resolve_text(&text), format!("u1/p:1-${{file:{file}:none}}-${{x:y}}"));
        let content = providers.resolve_text(&format!("${{dir:{}:secrets.properties}}", dir.display()));
        assert_eq!(content, "user=u1\npassword=p:1\n");
        std::fs::remove_dir_all(&dir).expect("the directory is ours");
    }
}
