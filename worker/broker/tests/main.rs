//! The broker's scenarios.
