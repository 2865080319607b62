//! The broker's scenarios.

mod clients;
mod crash;
mod full_disk;
mod harness;
mod limits;
mod log;
mod restart;
