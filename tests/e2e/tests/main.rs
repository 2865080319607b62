//! End-to-end tests: the binary, over HTTP, against real services.

mod auto_restart;
mod bad_input;
mod cluster;
mod embedded;
mod environment;
mod golden;
mod kill;
mod licences;
mod lines;
mod metrics;
mod pipeline;
mod providers;
mod real_configs;
mod rest;
mod restart;
mod secured;
mod standalone;
mod stuck;
mod tidy;
