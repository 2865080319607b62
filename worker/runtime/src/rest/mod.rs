//! The REST interface: HTTP to herder requests and back.

pub mod body;
pub mod connectors;
pub mod dispatch;
pub mod error;
pub mod forward;
pub mod headers;
pub mod loggers;
pub mod metrics;
pub mod model;
pub mod offsets;
pub mod openapi;
pub mod plugins;
pub mod route;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use connect_api::{Error, Result};
use tokio::net::TcpListener;

use crate::{
    config::WorkerSettings, herder::driver::HerderHandle, logging::Loggers, metrics::Metrics, plugins::Plugins,
    task::run::Shared,
};

/// What is there only once the worker has read its topics.
pub struct Services {
    pub shared: Arc<Shared>,
}

/// Everything the handlers share.
pub struct App {
    pub settings: WorkerSettings,
    pub plugins: Plugins,
    pub herder: HerderHandle,
    pub loggers: Loggers,
    pub metrics: Metrics,
    services: OnceLock<Services>,
    cluster_id: OnceLock<String>,
    stage: Mutex<String>,
    pub headers: headers::Headers,
}

impl App {
    pub fn new(settings: WorkerSettings, plugins: Plugins, herder: HerderHandle, loggers: Loggers) -> Arc<Self> {
        let headers = headers::Headers::of(&settings.config);
        Arc::new(Self {
            settings,
            plugins,
            herder,
            loggers,
            metrics: Metrics::default(),
            services: OnceLock::new(),
            cluster_id: OnceLock::new(),
            stage: Mutex::new("starting up".into()),
            headers,
        })
    }

    /// Says what the worker is busy with, for those who ask before it is up.
    pub fn stage(&self, stage: &str) {
        stage.clone_into(&mut self.stage.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub fn current_stage(&self) -> String {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn cluster_id(&self, id: Option<String>) {
        if let Some(id) = id {
            self.cluster_id.get_or_init(|| id);
        }
    }

    pub fn known_cluster_id(&self) -> Option<&str> {
        self.cluster_id.get().map(String::as_str)
    }

    pub fn ready(&self, services: Services) {
        self.services.get_or_init(|| services);
    }

    pub fn services(&self) -> Result<&Services, error::RestError> {
        self.services
            .get()
            .ok_or_else(|| error::RestError::new(503, format!("Worker is still starting up. {}", self.current_stage())))
    }
}

/// Listens, and serves until the handle is aborted.
pub async fn serve(app: Arc<App>) -> Result<tokio::task::JoinHandle<()>> {
    let (host, port) = app.settings.listen_address();
    let host = if host.is_empty() { "0.0.0.0".to_owned() } else { host };
    let listener = TcpListener::bind((host.trim_matches(['[', ']']), port)).await.map_err(|error| {
        Error::config(format!("could not listen on {host}:{port}: {error}; set listeners=http://HOST:PORT"))
    })?;
    tracing::info!(address = format!("{host}:{port}"), "REST server is listening");
    let router = Router::new().fallback(dispatch::handle).with_state(app);
    Ok(tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "REST server has ended");
        }
    }))
}
