//! Everything that makes plugins run: herder, tasks, topics, REST, metrics.
