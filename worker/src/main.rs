//! The worker binary: names the plugins, reads the command line, starts the runtime.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use connect_runtime::{Plugins, distributed};

const HELP: &str = "\
millrace, a Kafka Connect worker

usage: millrace connect-distributed FILE   run a worker with the properties of FILE
       millrace --version
       millrace --help
";

/// Everything that connectors can be made of.
fn plugins() -> Plugins {
    Plugins::new()
        .source(&connect_mysql::MYSQL)
        .source(&connect_mysql::MARIADB)
        .source(&connect_datagen::SOURCE)
        .source(&connect_file::SOURCE)
        .sink(&connect_file::SINK)
        .sinks(connect_elasticsearch::SINKS)
        .transforms(connect_transforms::TRANSFORMS)
        .predicates(connect_transforms::PREDICATES)
        .converters(connect_converters::CONVERTERS)
        .header_converters(connect_converters::HEADER_CONVERTERS)
}

enum Command {
    Distributed(PathBuf),
    Version,
    Help,
}

fn command(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let command = match arguments.next().as_deref() {
        Some("connect-distributed") => {
            let file = arguments.next().ok_or("connect-distributed needs a properties file")?;
            Command::Distributed(file.into())
        }
        Some("--version" | "-V") => Command::Version,
        Some("--help" | "-h") => Command::Help,
        Some(other) => return Err(format!("unknown command {other}")),
        None => return Err("no command given".into()),
    };
    match arguments.next() {
        Some(extra) => Err(format!("unexpected argument {extra}")),
        None => Ok(command),
    }
}

fn main() -> ExitCode {
    match command(std::env::args().skip(1)) {
        Ok(Command::Distributed(file)) => run(&file),
        Ok(Command::Version) => {
            println!("millrace {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Ok(Command::Help) => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprint!("millrace: {problem}\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

fn run(file: &Path) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("millrace: could not start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(distributed::run(file, plugins())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millrace: {}", error.message());
            ExitCode::FAILURE
        }
    }
}
