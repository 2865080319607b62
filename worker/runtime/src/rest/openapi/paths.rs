//! All that users call. What only workers ask of each other is left out, but where it shares a path with the rest.

use super::{Operation, operation};

pub(super) const PATHS: &[(&str, &[Operation])] = &[
    ("/", &[operation("get", "the versions of the worker and its cluster", &[(200, Some("Root"))])]),
    ("/health", &[operation("get", "whether the worker is up", &[(200, Some("Health"))])]),
    (
        "/connectors",
        &[
            operation("get", "the names of all connectors, or more about each", &[(200, Some("Connectors"))])
                .query(&[("expand", "Expand")]),
            operation("post", "create a connector", &[(201, Some("Connector"))])
                .takes("CreateConnectorRequest")
                .refuses(&[409]),
        ],
    ),
    (
        "/connectors/{connector}",
        &[
            operation("get", "a connector", &[(200, Some("Connector"))]).refuses(&[404]),
            operation("delete", "stop a connector and forget it", &[(204, None)]).refuses(&[404, 409]),
        ],
    ),
    (
        "/connectors/{connector}/config",
        &[
            operation("get", "a connector's configuration", &[(200, Some("Config"))]).refuses(&[404]),
            operation(
                "put",
                "create a connector or replace its configuration",
                &[(200, Some("Connector")), (201, Some("Connector"))],
            )
            .takes("ConnectorConfig")
            .refuses(&[409]),
            operation("patch", "change some settings; null removes one", &[(200, Some("Connector"))])
                .takes("ConfigChange")
                .refuses(&[404, 409]),
        ],
    ),
    (
        "/connectors/{connector}/status",
        &[operation("get", "how a connector and its tasks fare", &[(200, Some("Status"))]).refuses(&[404])],
    ),
    (
        "/connectors/{connector}/restart",
        &[operation("post", "restart a connector", &[(202, Some("Status")), (204, None)])
            .query(&[("includeTasks", "Flag"), ("onlyFailed", "Flag")])
            .refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/pause",
        &[operation("put", "pause a connector and its tasks", &[(202, None)]).refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/resume",
        &[operation("put", "let a connector go on", &[(202, None)]).refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/stop",
        &[operation("put", "stop a connector and drop its tasks", &[(204, None)]).refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/tasks",
        &[
            operation("get", "a connector's tasks with their configurations", &[(200, Some("Tasks"))]).refuses(&[404]),
            operation("post", "new tasks, sent and signed by the worker that runs the connector", &[(200, None)])
                .refuses(&[403, 404, 409]),
        ],
    ),
    (
        "/connectors/{connector}/tasks/{task}/status",
        &[operation("get", "how a task fares", &[(200, Some("TaskStatus"))]).refuses(&[404])],
    ),
    (
        "/connectors/{connector}/tasks/{task}/restart",
        &[operation("post", "restart a task", &[(204, None)]).refuses(&[404, 409])],
    ),
    (
        "/connectors/{connector}/topics",
        &[operation("get", "the topics a connector has used", &[(200, Some("Topics"))]).refuses(&[403])],
    ),
    (
        "/connectors/{connector}/topics/reset",
        &[operation("put", "forget the topics a connector has used", &[(202, None)]).refuses(&[403])],
    ),
    (
        "/connectors/{connector}/offsets",
        &[
            operation("get", "how far a connector has got", &[(200, Some("Offsets"))]).refuses(&[404]),
            operation("patch", "move a stopped connector", &[(200, Some("Message"))])
                .takes("OffsetsChange")
                .refuses(&[404, 409]),
            operation("delete", "let a stopped connector begin anew", &[(200, Some("Message"))]).refuses(&[404, 409]),
        ],
    ),
    (
        "/connector-plugins",
        &[operation("get", "the plugins that this worker has", &[(200, Some("Plugins"))])
            .query(&[("connectorsOnly", "Flag")])],
    ),
    (
        "/connector-plugins/{plugin}/config",
        &[operation("get", "the settings of a plugin", &[(200, Some("Definitions"))])
            .query(&[("version", "Name")])
            .refuses(&[404])],
    ),
    (
        "/connector-plugins/{plugin}/config/validate",
        &[operation("put", "what is wrong with a configuration", &[(200, Some("Validation"))])
            .takes("ConnectorConfig")
            .refuses(&[404])],
    ),
    ("/admin/loggers", &[operation("get", "the levels of all loggers", &[(200, Some("Loggers"))]).refuses(&[404])]),
    (
        "/admin/loggers/{logger}",
        &[
            operation("get", "the level of a logger", &[(200, Some("Logger"))]).refuses(&[404]),
            operation("put", "set the level of a logger and those below it", &[(200, Some("Names")), (204, None)])
                .query(&[("scope", "Scope")])
                .takes("Level")
                .refuses(&[404, 409]),
        ],
    ),
    ("/metrics", &[operation("get", "all figures, for Prometheus", &[(200, Some("Metrics"))])]),
];
