//! Scenarios of a group, step by step.
