//! Throughput and memory, measured.
