//! All that users call. What only workers ask of each other is left out, but where it shares a path with the rest.

use super::{Operation, operation};

pub(super) const PATHS: &[(&str, &[Operation])] = &[
    ("/", &[operation("get", "serverInfo", "the versions of the worker and its cluster", &[(200, Some("Root"))])]),
    ("/health", &[operation("get", "healthCheck", "whether the worker is up", &[(200, Some("Health"))])]),
    (
        "/connectors",
        &[
            operation(
                "get",
                "listConnectors",
                "the names of all connectors, or more about each",
                &[(200, Some("Connectors"))],
            )
            .query(&[("expand", "Expand")]),
            operation("post", "createConnector", "create a connector", &[(201, Some("Connector"))])
                .takes("CreateConnectorRequest")
                .refuses(&[409]),
        ],
    ),
    (
        "/connectors/{connector}",
        &[
            operation("get", "getConnector", "a connector", &[(200, Some("Connector"))]).refuses(&[404]),
            operation("delete", "destroyConnector", "stop a connector and forget it", &[(204, None)])
                .refuses(&[404, 409]),
        ],
    ),
    (
        "/connectors/{connector}/config",
        &[
            operation("get", "getConnectorConfig", "a connector's configuration", &[(200, Some("Config"))])
                .refuses(&[404]),
            operation(
                "put",
                "putConnectorConfig",
                "create a connector or replace its configuration",
                &[(200, Some("Connector")), (201, Some("Connector"))],
            )
            .takes("ConnectorConfig")
            .refuses(&[409]),
            operation(
                "patch",
                "patchConnectorConfig",
                "change some settings; null removes one",
                &[(200, Some("Connector"))],
            )
            .takes("ConfigChange")
            .refuses(&[404, 409]),
        ],
    ),
    (
        "/connectors/{connector}/status",
        &[operation("get", "getConnectorStatus", "how a connector and its tasks fare", &[(200, Some("Status"))])
            .refuses(&[404])],
    ),
    (
        "/connectors/{connector}/restart",
        &[operation("post", "restartConnector", "restart a connector", &[(202, Some("Status")), (204, None)])
            .query(&[("includeTasks", "Flag"), ("onlyFailed", "Flag")])
            .refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/pause",
        &[operation("put", "pauseConnector", "pause a connector and its tasks", &[(202, None)]).refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/resume",
        &[operation("put", "resumeConnector", "let a connector go on", &[(202, None)]).refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/stop",
        &[operation("put", "stopConnector", "stop a connector and drop its tasks", &[(204, None)])
            .refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/tasks",
        &[
            operation(
                "get",
                "getTaskConfigs",
                "a connector's tasks with their configurations",
                &[(200, Some("Tasks"))],
            )
            .refuses(&[404]),
            operation(
                "post",
                "putTaskConfigs",
                "new tasks, sent and signed by the worker that runs the connector",
                &[(200, None)],
            )
            .refuses(&[403, 404, 409]),
        ],
    ),
    (
        "/connectors/{connector}/tasks/{task}/status",
        &[operation("get", "getTaskStatus", "how a task fares", &[(200, Some("TaskStatus"))]).refuses(&[404])],
    ),
    (
        "/connectors/{connector}/tasks/{task}/restart",
        &[operation("post", "restartTask", "restart a task", &[(204, None)]).refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/topics",
        &[operation("get", "getConnectorActiveTopics", "the topics a connector has used", &[(200, Some("Topics"))])
            .refuses(&[403])],
    ),
    (
        "/connectors/{connector}/topics/reset",
        &[operation("put", "resetConnectorActiveTopics", "forget the topics a connector has used", &[(202, None)])
            .refuses(&[403])],
    ),
    (
        "/connectors/{connector}/offsets",
        &[
            operation("get", "getOffsets", "how far a connector has got", &[(200, Some("Offsets"))]).refuses(&[404]),
            operation("patch", "alterConnectorOffsets", "move a stopped connector", &[(200, Some("Message"))])
                .takes("OffsetsChange")
                .refuses(&[404, 409]),
            operation(
                "delete",
                "resetConnectorOffsets",
                "let a stopped connector begin anew",
                &[(200, Some("Message"))],
            )
            .refuses(&[404, 409]),
        ],
    ),
    (
        "/connector-plugins",
        &[operation("get", "listConnectorPlugins", "the plugins that this worker has", &[(200, Some("Plugins"))])
            .query(&[("connectorsOnly", "Flag")])],
    ),
    (
        "/connector-plugins/{plugin}/config",
        &[operation("get", "getConnectorConfigDef", "the settings of a plugin", &[(200, Some("Definitions"))])
            .query(&[("version", "Name")])
            .refuses(&[404])],
    ),
    (
        "/connector-plugins/{plugin}/config/validate",
        &[operation("put", "validateConfigs", "what is wrong with a configuration", &[(200, Some("Validation"))])
            .takes("ConnectorConfig")
            .refuses(&[404])],
    ),
    (
        "/admin/loggers",
        &[operation("get", "listLoggers", "the levels of all loggers", &[(200, Some("Loggers"))]).refuses(&[404])],
    ),
    (
        "/admin/loggers/{logger}",
        &[
            operation("get", "getLogger", "the level of a logger", &[(200, Some("Logger"))]).refuses(&[404]),
            operation(
                "put",
                "setLevel",
                "set the level of a logger and those below it",
                &[(200, Some("Names")), (204, None)],
            )
            .query(&[("scope", "Scope")])
            .takes("Level")
            .refuses(&[404, 409]),
        ],
    ),
    ("/metrics", &[operation("get", "metrics", "all figures, for Prometheus", &[(200, Some("Metrics"))])]),
];
