//! `millrace connect-standalone`: a worker that is alone, with its connectors in files and its offsets in another.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use connect_api::{Error, Props, Result};

use crate::{
    config::{Mode, StandaloneConfig, WorkerSettings},
    herder::{
        driver::HerderHandle,
        state::{Event, Herder},
    },
    kafka::{
        admin::Admin,
        client::{Role, java_props},
        connection::ensure_reachable,
    },
    logging::Loggers,
    plugins::Plugins,
    properties,
    rest::{
        App,
        body::{self, CreateRequest, RawConfig},
        connectors,
    },
    storage::{memory::MemoryLog, offset_file::OffsetFile, offsets::OffsetsReader, statuses::StatusReader},
    worker::{self, Parts, config_reader, until_reachable},
};

/// Runs a worker and the connectors of these files until it is told to stop. An error is why it could not go on.
pub async fn run(file: &Path, connector_files: &[PathBuf], plugins: Plugins) -> Result<()> {
    let settings = WorkerSettings::standalone(&properties::load(file)?)?;
    let loggers = Loggers::install(&settings.config.log)?;
    let requests: Vec<(&PathBuf, CreateRequest)> =
        connector_files.iter().map(|file| Ok((file, connector_file(file)?))).collect::<Result<_>>()?;
    let start = async |app: &Arc<App>, handle: &HerderHandle| match &settings.mode {
        Mode::Standalone(own) => start(&settings, own, app, handle).await,
        Mode::Distributed(_) => Err(Error::config("a worker that is alone needs offset.storage.file.filename")),
    };
    let begin = async |app: &App| {
        for (file, request) in requests {
            let created = connectors::create_for(app, request).await;
            let name = created.map_err(|error| {
                Error::config(format!("could not create the connector of {}: {}", file.display(), error.message))
            })?;
            tracing::info!(connector = name, file = %file.display(), "created connector");
        }
        Ok(())
    };
    worker::serve(&settings, loggers, plugins, start, begin).await
}

async fn start(
    settings: &WorkerSettings,
    own: &StandaloneConfig,
    app: &Arc<App>,
    handle: &HerderHandle,
) -> Result<Parts> {
    let offset_reader = OffsetsReader::default();
    let reader = offset_reader.clone();
    let offsets = OffsetFile::open(Path::new(&own.offset_file), move |entry| reader.take(&entry))?;
    let status_reader = StatusReader::default();
    let reader = status_reader.clone();
    let statuses = MemoryLog::new(move |entry| reader.take(&entry));
    app.stage("connecting to Kafka");
    let servers = &settings.config.bootstrap_servers;
    let cluster_id = until_reachable(servers, async || {
        let name = if settings.config.client_id.is_empty() { "connect-standalone" } else { &settings.config.client_id };
        let java = java_props(settings, Role::Admin, &format!("{name}-admin"), &Props::new());
        ensure_reachable(&java).await?;
        Ok(Admin::new(&java)?.cluster_id())
    });
    let cluster_id = cluster_id.await?;
    tracing::info!(cluster = cluster_id, "connected to Kafka");
    app.cluster_id(cluster_id);
    drop(handle.events.send(Event::CaughtUp));
    Ok(Parts {
        herder: Herder::alone(&format!("http://{}/", settings.worker_id())),
        configs: Arc::new(MemoryLog::new(config_reader(handle))),
        offsets: (offset_reader, Arc::new(offsets)),
        statuses: (status_reader, Arc::new(statuses)),
        group: None,
    })
}

/// A connector as a file has it: a flat JSON object, the JSON body of `POST /connectors`, or properties.
fn connector_file(path: &Path) -> Result<CreateRequest> {
    let wrong = |what: &str| Error::config(format!("the connector file {}: {what}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(&format!("could not read it: {error}")))?;
    let name_of = |config: &RawConfig| config.get("name").cloned().flatten();
    if let Ok(config) = body::config_body(&bytes)
        && let Some(name) = name_of(&config)
    {
        return Ok(CreateRequest { name: Some(name), config, initial_state: None });
    }
    if let Ok(request) = body::create_body(&bytes) {
        return match name_of(&request.config) {
            Some(name) if request.name.as_ref() != Some(&name) => Err(wrong(
                "Connector name configuration in 'config' doesn't match the one specified in 'name' at the top level.",
            )),
            _ => Ok(request),
        };
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is no text"))?;
    let config: RawConfig = properties::parse(&text).into_iter().map(|(key, value)| (key, Some(value))).collect();
    let name = name_of(&config).ok_or_else(|| wrong("it names no connector (name=...)"))?;
    Ok(CreateRequest { name: Some(name), config, initial_state: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> std::result::Result<(String, String, Option<String>), String> {
        let name = format!("connector_{}_{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let request = connector_file(&path);
        std::fs::remove_file(&path).unwrap();
        let request = request.map_err(|error| error.message().replace(&path.display().to_string(), "F"))?;
        let config: Vec<String> =
            request.config.iter().map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("null"))).collect();
        Ok((request.name.unwrap_or_default(), config.join(" "), request.initial_state))
    }

    #[test]
    fn a_connector_is_read_from_every_form_of_file_that_the_jvm_takes() {
        let plain = |config: &str| Ok(("c".to_owned(), config.to_owned(), None));
        assert_eq!(parsed("name=c\ntasks.max=1\n"), plain("name=c tasks.max=1"));
        assert_eq!(parsed(r#"{"name":"c","tasks.max":1}"#), plain("name=c tasks.max=1"));
        assert_eq!(parsed(r#"{"name":"c","config":{"tasks.max":"1"}}"#), plain("tasks.max=1"));
        assert_eq!(
            parsed(r#"{"name":"c","config":{"name":"c"},"initial_state":"STOPPED"}"#),
            Ok(("c".to_owned(), "name=c".to_owned(), Some("STOPPED".to_owned())))
        );
    }

    #[test]
    fn a_file_without_a_name_or_with_two_is_refused() {
        assert_eq!(parsed("tasks.max=1\n"), Err("the connector file F: it names no connector (name=...)".into()));
        assert_eq!(
            parsed(r#"{"name":"c","config":{"name":"d"}}"#),
            Err("the connector file F: Connector name configuration in 'config' doesn't match the one specified in \
                 'name' at the top level."
                .into())
        );
    }
}
