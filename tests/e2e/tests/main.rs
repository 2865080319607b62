//! End-to-end tests: the binary, over HTTP, against real services.

mod bad_input;
mod embedded;
mod environment;
mod golden;
mod kill;
mod licences;
mod lines;
mod pipeline;
mod providers;
mod real_configs;
mod rest;
mod restart;
mod secured;
mod standalone;
mod tidy;
