//! What users and other workers ask of the herder, and what it answers. Knows no HTTP.

use connect_api::Props;

use crate::storage::config_state::{TargetState, TaskId};

/// Names a question until it is answered.
pub type ReplyId = u64;

/// A request that changes the cluster's state; reads go to the published snapshot instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Create {
        name: String,
        props: Props,
        initial: Option<TargetState>,
    },
    /// Writes a configuration, whether or not the connector exists.
    Put {
        name: String,
        props: Props,
    },
    Delete {
        name: String,
    },
    SetTarget {
        name: String,
        target: TargetState,
    },
    /// Configurations of tasks, computed by a worker that does not lead.
    TaskConfigs {
        name: String,
        tasks: Vec<Props>,
    },
    /// Restarts the connector instance alone; answered when it runs or has failed.
    RestartConnector {
        name: String,
    },
    RestartTask {
        id: TaskId,
    },
    /// Restarts by a record that every worker reads (KIP-745).
    Restart {
        name: String,
        include_tasks: bool,
        only_failed: bool,
    },
    /// Sets a log level on all workers.
    Logger {
        namespace: String,
        level: String,
    },
    /// Asks whether offsets may be changed: the connector is stopped and has no tasks.
    OffsetsModifiable {
        name: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Done,
    /// The connector is new.
    Created,
}

/// Why a request is not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    NotFound(String),
    Exists(String),
    Invalid(String),
    Conflict(String),
    Failed(String),
    /// Only the leader may; its address when it is known.
    NotLeader(Option<String>),
}

pub type Answer = Result<Reply, Refusal>;

pub fn unknown(name: &str) -> Refusal {
    Refusal::NotFound(format!("Connector {name} not found"))
}

/// The JVM words it differently for changes of state.
pub fn unknown_connector(name: &str) -> Refusal {
    Refusal::NotFound(format!("Unknown connector {name}"))
}
