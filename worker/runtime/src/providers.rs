//! Config providers (KIP-297): `${file:path:key}`, `${dir:path:name}` and `${env:NAME}` in property values.
//!
//! Variables are put in once, each time something starts. A value that is not there leaves its variable as it stands; a
//! file that can't be read is an error, as in the JVM. None of these providers says for how long a value is good, so
//! nothing restarts by itself when one changes.

use std::{
    borrow::Cow,
    collections::HashMap,
    ffi::OsStr,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use connect_api::{Error, Props, Result};
use regex::Regex;

use crate::properties;

/// The providers a worker was configured with.
///
/// What they yield goes to plugins only; everything that is stored or shown keeps the variable. (Invariant 8)
#[derive(Clone, Debug, Default)]
pub struct Providers {
    list: Arc<[(String, Provider)]>,
}

#[derive(Debug)]
enum Provider {
    File(AllowedPaths),
    Directory(AllowedPaths),
    Env { allowed: Option<Regex> },
}

/// The folders and files that a provider may read; all of them when none are named.
#[derive(Debug)]
struct AllowedPaths(Vec<PathBuf>);

/// Files that were read for one set of properties: all values of a file are of one state of it.
type Read = HashMap<String, Props>;

impl Providers {
    /// The providers that a worker's properties name, and what to tell the user about those that it can't have: others
    /// may never be used.
    pub fn of(worker: &Props) -> Result<(Self, Vec<String>)> {
        let names = worker.get("config.providers").map(String::as_str).unwrap_or_default();
        let (mut list, mut notes) = (Vec::new(), Vec::new());
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let setting = |key: &str| worker.get(&format!("config.providers.{name}.{key}")).map(|text| text.trim());
            let class = setting("class").unwrap_or_default();
            let allowed = || AllowedPaths::of(setting("param.allowed.paths").unwrap_or_default());
            let provider = match class.rsplit('.').next().unwrap_or_default() {
                "FileConfigProvider" => Provider::File(allowed()?),
                "DirectoryConfigProvider" => Provider::Directory(allowed()?),
                "EnvVarConfigProvider" => Provider::Env {
                    allowed: setting("param.allowlist.pattern").map(|text| pattern_of(name, text)).transpose()?,
                },
                _ => {
                    notes.push(format!(
                        "the config provider {name} of the class {class:?} is not known; its variables stay as they are"
                    ));
                    continue;
                }
            };
            list.push((name.to_owned(), provider));
        }
        Ok((Self { list: list.into() }, notes))
    }

    /// The same properties with every variable that a provider knows put in. Others stay as they stand, as in the JVM.
    pub fn resolve(&self, props: &Props) -> Result<Props> {
        let mut read = Read::new();
        props.iter().map(|(key, value)| Ok((key.clone(), self.resolve_text(value, &mut read)?.into_owned()))).collect()
    }

    fn resolve_text<'a>(&self, text: &'a str, read: &mut Read) -> Result<Cow<'a, str>> {
        if self.list.is_empty() || !text.contains("${") {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = 0;
        for variable in pattern().captures_iter(text) {
            let whole = variable.get(0).expect("group 0 is the match");
            out.push_str(&text[rest..whole.start()]);
            rest = whole.end();
            let path = variable.get(3).map_or("", |m| m.as_str());
            let provider = self.list.iter().find(|(known, _)| known == &variable[1]).map(|(_, provider)| provider);
            let value = provider.map(|provider| provider.value(path, &variable[4], read)).transpose()?.flatten();
            out.push_str(value.as_deref().unwrap_or(whole.as_str()));
        }
        out.push_str(&text[rest..]);
        Ok(Cow::Owned(out))
    }
}

impl Provider {
    fn value(&self, path: &str, key: &str, read: &mut Read) -> Result<Option<String>> {
        match self {
            Provider::File(allowed) => {
                if path.is_empty() || !allowed.has(path) {
                    return Ok(None);
                }
                if !read.contains_key(path) {
                    let bytes = std::fs::read(path)
                        .map_err(|_| Error::config(format!("Could not read properties from file {path}")))?;
                    read.insert(path.to_owned(), properties::parse(&String::from_utf8_lossy(&bytes)));
                }
                Ok(read.get(path).and_then(|props| props.get(key)).cloned())
            }
            Provider::Directory(allowed) => {
                // A key is the name of a file in the folder; one that leads elsewhere is no such name.
                let named = Path::new(key).file_name() == Some(OsStr::new(key));
                let file = Path::new(path).join(key);
                if path.is_empty() || !named || !allowed.has(path) || !file.is_file() {
                    return Ok(None);
                }
                let bytes = std::fs::read(&file)
                    .map_err(|_| Error::config(format!("Could not read file {} for property {key}", file.display())))?;
                Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
            }
            Provider::Env { .. } if !path.is_empty() => {
                Err(Error::config(format!("Path is not supported for EnvVarConfigProvider, invalid value '{path}'")))
            }
            Provider::Env { allowed } => {
                let allowed = allowed.as_ref().is_none_or(|pattern| pattern.is_match(key));
                Ok(if allowed { std::env::var(key).ok() } else { None })
            }
        }
    }
}

impl AllowedPaths {
    fn of(list: &str) -> Result<Self> {
        let mut paths = Vec::new();
        for text in list.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let path = normal(Path::new(text));
            if !path.is_absolute() {
                return Err(Error::config(format!("Path {text} is not absolute")));
            }
            if !path.exists() {
                return Err(Error::config(format!("Path {text} does not exist")));
            }
            paths.push(path);
        }
        Ok(Self(paths))
    }

    fn has(&self, path: &str) -> bool {
        let normal = normal(Path::new(path));
        let allowed = self.0.is_empty() || self.0.iter().any(|allowed| normal.starts_with(allowed));
        if !allowed {
            tracing::warn!(path, "config provider may not read this path, see its allowed.paths");
        }
        allowed
    }
}

/// The path without `.` and `..`. Links are not followed, as in the JVM: who may make one in an allowed folder is trusted.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if normal.file_name().is_some() => drop(normal.pop()),
            part => normal.push(part),
        }
    }
    normal
}

/// A pattern that can't be read must not let everything through.
fn pattern_of(name: &str, text: &str) -> Result<Regex> {
    Regex::new(&format!("^(?:{text})$")).map_err(|error| {
        Error::config(format!(
            "config.providers.{name}.param.allowlist.pattern is no pattern that can be read: {error}"
        ))
    })
}

/// Whether a text holds a variable of any provider.
pub fn has_variable(text: &str) -> bool {
    pattern().is_match(text)
}

fn pattern() -> &'static Regex {
    static PATTERN: std::sync::OnceLock<Regex> = std::sync::OnceLock::new();
    PATTERN.get_or_init(|| Regex::new(r"\$\{([^}]*?):(([^}]*?):)?([^}]*?)\}").expect("a literal pattern"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: &str = "config.providers=file,dir,env\n\
        config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider\n\
        config.providers.dir.class=org.apache.kafka.common.config.provider.DirectoryConfigProvider\n\
        config.providers.env.class=org.apache.kafka.common.config.provider.EnvVarConfigProvider\n";

    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("providers-{test}-{}", std::process::id()));
            std::fs::create_dir_all(dir.join("in")).expect("a temporary directory");
            std::fs::write(dir.join("in/secrets.properties"), "user=u1\npassword=p:1\n").expect("a file");
            std::fs::write(dir.join("outside"), "o").expect("a file");
            Self(dir)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).expect("the directory is ours");
        }
    }

    /// `DIR` stands for the test's folder, also in what comes out.
    fn check(folder: &Folder, params: &str, cases: &[(&str, Result<&str, &str>)]) {
        let dir = folder.0.display().to_string();
        let worker = properties::parse(&format!("{CLASSES}{}", params.replace("DIR", &dir)));
        let (providers, notes) = Providers::of(&worker).expect("right providers");
        assert_eq!(notes, [""; 0]);
        for (text, expected) in cases {
            let props = Props::from_iter([("k".to_owned(), text.replace("DIR", &dir))]);
            let found = providers.resolve(&props);
            let found = found.map(|props| props["k"].replace(&dir, "DIR"));
            let found = found.map_err(|error| error.message().replace(&dir, "DIR"));
            assert_eq!(found.as_deref().map_err(String::as_str), *expected, "{text}");
        }
    }

    #[test]
    fn variables_are_put_in_and_unknown_ones_stay() {
        let folder = Folder::new("all");
        check(
            &folder,
            "",
            &[
                ("${file:DIR/in/secrets.properties:user}/${file:DIR/in/secrets.properties:password}-", Ok("u1/p:1-")),
                ("${file:DIR/in/secrets.properties:none}${x:y}", Ok("${file:DIR/in/secrets.properties:none}${x:y}")),
                ("${file:DIR/none:key}", Err("Could not read properties from file DIR/none")),
                ("${dir:DIR/in:secrets.properties}", Ok("user=u1\npassword=p:1\n")),
                ("${dir:DIR:in}${dir:DIR:none}", Ok("${dir:DIR:in}${dir:DIR:none}")),
                ("${dir:DIR/in:../outside}", Ok("${dir:DIR/in:../outside}")),
                ("${env:CARGO_PKG_NAME}", Ok("connect-runtime")),
                ("${env:NO_SUCH_VARIABLE}", Ok("${env:NO_SUCH_VARIABLE}")),
                ("${env:path:HOME}", Err("Path is not supported for EnvVarConfigProvider, invalid value 'path'")),
            ],
        );
    }

    #[test]
    fn providers_keep_to_what_they_may_read() {
        let folder = Folder::new("allowed");
        check(
            &folder,
            "config.providers.file.param.allowed.paths=DIR/in,/etc\nconfig.providers.dir.param.allowed.paths=DIR/in\n\
             config.providers.env.param.allowlist.pattern=CARGO_.*NAME\n",
            &[
                ("${file:DIR/in/secrets.properties:user}", Ok("u1")),
                ("${file:DIR/in/../outside:user}", Ok("${file:DIR/in/../outside:user}")),
                ("${dir:DIR/in/.:secrets.properties}", Ok("user=u1\npassword=p:1\n")),
                ("${dir:DIR:outside}", Ok("${dir:DIR:outside}")),
                ("${env:CARGO_PKG_NAME}", Ok("connect-runtime")),
                ("${env:CARGO_PKG_VERSION}", Ok("${env:CARGO_PKG_VERSION}")),
            ],
        );
    }

    #[test]
    fn what_is_wrong_with_a_provider_is_said_at_once() {
        let of = |params: &str| Providers::of(&properties::parse(&format!("{CLASSES}{params}")));
        let refused = |params: &str| of(params).err().map(|error| error.message().to_owned()).unwrap_or_default();
        assert_eq!(refused("config.providers.file.param.allowed.paths=in\n"), "Path in is not absolute");
        assert_eq!(refused("config.providers.dir.param.allowed.paths=/no/such\n"), "Path /no/such does not exist");
        let broken = refused("config.providers.env.param.allowlist.pattern=(\n");
        assert!(broken.starts_with("config.providers.env.param.allowlist.pattern is no pattern"), "{broken}");
        let (_, notes) = of("config.providers=secrets\nconfig.providers.secrets.class=io.strimzi.kafka.Secrets\n")
            .expect("others' providers may be unused");
        assert_eq!(
            notes,
            [
                "the config provider secrets of the class \"io.strimzi.kafka.Secrets\" is not known; its variables stay as \
              they are"
            ]
        );
    }
}
