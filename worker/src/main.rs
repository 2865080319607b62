//! The worker binary: names the plugins, reads the command line, starts the runtime.

mod command;
mod embedded;

use std::process::ExitCode;

use command::{Command, HELP};
use connect_api::{Error, Result};
use connect_runtime::{Plugins, distributed, standalone};

/// Messages are allocated by the thread that makes them and freed by the one that Kafka's answer comes to, which costs
/// libc's allocator a third of the task's time. Its settings stand in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match command::parse(&arguments) {
        Ok(Command::Run(options)) => block_on(embedded::run(&options, plugins())),
        Ok(Command::Broker { data, listen }) => block_on(embedded::broker(&data, listen)),
        Ok(Command::Distributed(file)) => block_on(distributed::run(file.as_deref(), plugins())),
        Ok(Command::Standalone { file, connectors }) => block_on(standalone::run(&file, &connectors, plugins())),
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

fn block_on(work: impl Future<Output = Result<()>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("millrace: could not start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("millrace: {}", with_causes(&error));
            ExitCode::FAILURE
        }
    }
}

/// What went wrong, and why, in one line.
fn with_causes(error: &Error) -> String {
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    causes.fold(error.message().to_owned(), |line, cause| format!("{line}: {cause}"))
}
