//! The command line: what the user asks for, or what is wrong with it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

pub(crate) const HELP: &str = "\
millrace, a Kafka Connect worker with a Kafka broker inside

usage: millrace [run] [--data DIR] [--listen HOST:PORT] [--broker HOST:PORT] [--config FILE]
           broker and worker in one process; ./data, 0.0.0.0:8083 and 127.0.0.1:9092 unless said otherwise;
           FILE may hold any property of a worker, such as its converters
       millrace broker [--data DIR] [--listen HOST:PORT]
           the broker alone; ./data and 127.0.0.1:9092 unless said otherwise
       millrace connect-distributed [FILE]
           a worker with the properties of FILE, on the Kafka that it names, which shares its work with its group;
           without FILE, with those of the environment: CONNECT_GROUP_ID and the like, or Debezium's GROUP_ID and the like
       millrace connect-standalone FILE [CONNECTOR...]
           a worker that is alone, with its offsets in a file, and the connectors of these files (.properties or .json)
       millrace --version
       millrace --help
";

const DATA: &str = "data";
/// Examples for the one who wrote an address that is none.
const REST: &str = "0.0.0.0:8083";
const KAFKA: &str = "127.0.0.1:9092";
const DEFAULT_BROKER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9092);

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Run(Run),
    Broker {
        data: PathBuf,
        listen: SocketAddr,
    },
    /// Without a file, the environment says what it would.
    Distributed(Option<PathBuf>),
    Standalone {
        file: PathBuf,
        connectors: Vec<PathBuf>,
    },
    Version,
    Help,
}

/// Broker and worker in one process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where the broker keeps its topics.
    pub(crate) data: PathBuf,
    /// Where the REST API listens; on the default port of all interfaces when neither this nor the file says where.
    pub(crate) listen: Option<SocketAddr>,
    /// Where the broker listens.
    pub(crate) broker: SocketAddr,
    /// Worker properties that go before those made here.
    pub(crate) config: Option<PathBuf>,
}

/// Reads the arguments behind the program's name.
pub(crate) fn parse(arguments: &[String]) -> Result<Command, String> {
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) if !name.starts_with("--") || is_question(name) => (name.as_str(), rest),
        _ => ("run", arguments),
    };
    match name {
        "run" => {
            let mut options = Options::read(rest, &["--data", "--listen", "--broker", "--config"])?;
            Ok(Command::Run(Run {
                data: options.folder(),
                listen: options.address("--listen", REST)?,
                broker: options.address("--broker", KAFKA)?.unwrap_or(DEFAULT_BROKER),
                config: options.take("--config").map(PathBuf::from),
            }))
        }
        "broker" => {
            let mut options = Options::read(rest, &["--data", "--listen"])?;
            let listen = options.address("--listen", KAFKA)?.unwrap_or(DEFAULT_BROKER);
            Ok(Command::Broker { data: options.folder(), listen })
        }
        "connect-distributed" => match rest {
            [] => Ok(Command::Distributed(None)),
            [file] => Ok(Command::Distributed(Some(file.into()))),
            [_, extra, ..] => Err(format!("unexpected argument {extra}")),
        },
        "connect-standalone" => match rest {
            [file, connectors @ ..] => Ok(Command::Standalone {
                file: file.into(),
                connectors: connectors.iter().map(PathBuf::from).collect(),
            }),
            [] => Err("connect-standalone needs a properties file".into()),
        },
        "--version" | "-V" => Ok(Command::Version),
        "--help" | "-h" => Ok(Command::Help),
        other => Err(format!("unknown command {other}")),
    }
}

fn is_question(name: &str) -> bool {
    matches!(name, "--version" | "-V" | "--help" | "-h")
}

/// `--name value` pairs, each at most once.
struct Options(Vec<(String, String)>);

impl Options {
    fn read(arguments: &[String], known: &[&str]) -> Result<Self, String> {
        let mut options: Vec<(String, String)> = Vec::new();
        for pair in arguments.chunks(2) {
            let name = &pair[0];
            if !known.contains(&name.as_str()) {
                return Err(format!("unknown option {name}"));
            }
            let value = pair.get(1).ok_or_else(|| format!("{name} needs a value"))?;
            if options.iter().any(|(earlier, _)| earlier == name) {
                return Err(format!("{name} is given twice"));
            }
            options.push((name.clone(), value.clone()));
        }
        Ok(Self(options))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    fn folder(&mut self) -> PathBuf {
        self.take("--data").unwrap_or_else(|| DATA.into()).into()
    }

    fn address(&mut self, name: &str, example: &str) -> Result<Option<SocketAddr>, String> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let numeric = match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.clone(),
        };
        let wrong = |_| format!("{name} must be an address and a port, such as {example}, not {text}");
        numeric.parse().map(Some).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&arguments)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn without_a_command_broker_and_worker_run() {
        let run = |data: &str, (listen, broker), config: Option<&str>| {
            let config = config.map(PathBuf::from);
            Ok(Command::Run(Run { data: data.into(), listen, broker: address(broker), config }))
        };
        assert_eq!(parsed(""), run("data", (None, "127.0.0.1:9092"), None));
        assert_eq!(parsed("run"), parsed(""));
        let given = "--data /tmp/x --listen 127.0.0.1:1 --broker localhost:2 --config w.properties";
        assert_eq!(parsed(given), run("/tmp/x", (Some(address("127.0.0.1:1")), "127.0.0.1:2"), Some("w.properties")));
        assert_eq!(parsed(&format!("run {given}")), parsed(given));
    }

    #[test]
    fn the_other_commands_take_what_they_need() {
        let broker = Command::Broker { data: "d".into(), listen: address("127.0.0.1:9092") };
        assert_eq!(parsed("broker --data d"), Ok(broker));
        assert_eq!(parsed("connect-distributed w.properties"), Ok(Command::Distributed(Some("w.properties".into()))));
        assert_eq!(parsed("connect-distributed"), Ok(Command::Distributed(None)));
        let standalone = |connectors: &[&str]| {
            let connectors = connectors.iter().map(PathBuf::from).collect();
            Ok(Command::Standalone { file: "w.properties".into(), connectors })
        };
        assert_eq!(parsed("connect-standalone w.properties"), standalone(&[]));
        assert_eq!(
            parsed("connect-standalone w.properties a.json b.properties"),
            standalone(&["a.json", "b.properties"])
        );
        assert_eq!(parsed("-V"), Ok(Command::Version));
        assert_eq!(parsed("--help"), Ok(Command::Help));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, problem) in [
            ("dance", "unknown command dance"),
            ("connect-standalone", "connect-standalone needs a properties file"),
            ("connect-distributed a b", "unexpected argument b"),
            ("--port 1", "unknown option --port"),
            ("broker --data", "--data needs a value"),
            ("--data a --data b", "--data is given twice"),
            ("--listen here", "--listen must be an address and a port, such as 0.0.0.0:8083, not here"),
        ] {
            assert_eq!(parsed(line), Err(problem.to_owned()), "{line}");
        }
    }
}
