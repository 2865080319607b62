//! Topics: creating them, looking at them, and the promises the worker's own topics must keep.

use std::time::Duration;

use connect_api::{Error, Props, Result};
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{
    admin_login,
    client::{LogContext, Role, librdkafka},
};

/// How long one question to the brokers may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// A thin admin client. Calls that block inside librdkafka run on the blocking pool.
pub struct Admin {
    client: AdminClient<LogContext>,
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: String,
    /// -1 for the broker's default, as for the replicas.
    pub partitions: i32,
    pub replicas: i32,
    pub settings: Props,
}

/// What came of a request to create a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    Created,
    Existed,
    /// The brokers don't let this client create topics; it may exist or be created by them.
    NotAllowed,
}

impl Admin {
    pub fn new(java: &Props) -> Result<Self> {
        let (config, context) = librdkafka(java, Role::Admin)?;
        let client = config
            .create_with_context(context)
            .map_err(|error| Error::config(format!("could not make an admin client: {error}")))?;
        let admin = Self { client };
        admin.renew_login()?;
        Ok(admin)
    }

    /// Where tokens are what it logs in with, hands the client one that is good for a while.
    fn renew_login(&self) -> Result<()> {
        match self.client.inner().context().tokens() {
            Some(tokens) => admin_login::hand_over(self.client.inner(), tokens.for_librdkafka()?),
            None => Ok(()),
        }
    }

    pub async fn create(&self, spec: &TopicSpec) -> Result<Created> {
        self.renew_login()?;
        let mut topic = NewTopic::new(&spec.name, spec.partitions, TopicReplication::Fixed(spec.replicas));
        for (key, value) in &spec.settings {
            topic = topic.set(key, value);
        }
        let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
        let what = |reason: String| format!("could not create topic {}: {reason}", spec.name);
        let results = self.client.create_topics([&topic], &options).await;
        let results = results.map_err(|error| Error::retriable(what(error.to_string())).caused_by(error))?;
        match results.into_iter().next() {
            Some(Ok(_)) => Ok(Created::Created),
            Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(Created::Existed),
            Some(Err((
                _,
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::UnsupportedVersion
                | RDKafkaErrorCode::UnsupportedFeature,
            ))) => Ok(Created::NotAllowed),
            Some(Err((_, code @ (RDKafkaErrorCode::RequestTimedOut | RDKafkaErrorCode::NotController)))) => {
                Err(Error::retriable(what(code.to_string())))
            }
            Some(Err((_, code))) => Err(Error::fatal(what(code.to_string()))),
            None => Err(Error::retriable(what("the brokers gave no answer".into()))),
        }
    }

    /// The number of partitions of a topic; `None` when there is no such topic.
    pub fn partitions(&self, topic: &str) -> Result<Option<i32>> {
        Ok(self.all_topics()?.into_iter().find(|(name, _)| name == topic).map(|(_, partitions)| partitions))
    }

    /// All topics by name.
    pub fn topics(&self) -> Result<Vec<String>> {
        Ok(self.all_topics()?.into_iter().map(|(name, _)| name).collect())
    }

    /// Asks for all topics even where one is meant: a question for one by name would make the brokers create it.
    fn all_topics(&self) -> Result<Vec<(String, i32)>> {
        self.renew_login()?;
        let metadata = tokio::task::block_in_place(|| self.client.inner().fetch_metadata(None, TIMEOUT));
        let metadata = metadata.map_err(|error| {
            Error::retriable(format!("could not ask the brokers for their topics: {error}")).caused_by(error)
        })?;
        let known = metadata.topics().iter().filter(|topic| topic.error().is_none());
        let count = |partitions: usize| i32::try_from(partitions).unwrap_or(i32::MAX);
        Ok(known.map(|topic| (topic.name().to_owned(), count(topic.partitions().len()))).collect())
    }

    pub async fn cleanup_policy(&self, topic: &str) -> Result<Option<String>> {
        self.renew_login()?;
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT));
        let results = self.client.describe_configs([&ResourceSpecifier::Topic(topic)], &options).await;
        let results = results.map_err(|error| {
            Error::retriable(format!("could not read the settings of topic {topic}: {error}")).caused_by(error)
        })?;
        match results.into_iter().next() {
            Some(Ok(resource)) => Ok(resource.get("cleanup.policy").and_then(|entry| entry.value.clone())),
            _ => Ok(None),
        }
    }

    /// Removes consumer groups; groups that don't exist are no error.
    pub async fn delete_group(&self, group: &str) -> Result<()> {
        self.renew_login()?;
        let options = AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT));
        let results = self.client.delete_groups(&[group], &options).await;
        let results = results.map_err(|error| Error::retriable(format!("could not delete group {group}: {error}")))?;
        match results.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::GroupIdNotFound => {
                Err(Error::fatal(format!("could not delete group {group}: {code}")))
            }
            _ => Ok(()),
        }
    }

    pub fn cluster_id(&self) -> Option<String> {
        tokio::task::block_in_place(|| self.client.inner().fetch_cluster_id(TIMEOUT))
    }
}

/// One of the three topics a worker keeps its state in, with the words of the refusals about it.
#[derive(Clone, Debug)]
pub struct InternalTopic {
    pub spec: TopicSpec,
    /// The worker setting that names the topic.
    pub setting: &'static str,
    pub purpose: &'static str,
    pub single_partition: bool,
}

impl InternalTopic {
    /// Creates the topic when missing, and refuses one that would lose records. Answers its number of partitions.
    pub async fn ensure(&self, admin: &Admin) -> Result<i32> {
        let name = &self.spec.name;
        let created = admin.create(&self.spec).await?;
        match created {
            Created::Created => tracing::info!(topic = name, "created the topic for {}", self.purpose),
            Created::Existed => {}
            Created::NotAllowed => {
                tracing::warn!(
                    topic = name,
                    "not allowed to create the topic, it must exist or be created by the brokers"
                );
            }
        }
        // Another worker may have created it this moment, so that the broker asked does not know it yet.
        let partitions = until_known(admin, name).await?;
        // What was created here is as it was asked for.
        if created != Created::Created {
            self.ensure_compacted(admin).await?;
        }
        if self.single_partition && partitions != 1 {
            return Err(Error::config(format!(
                "Topic '{name}' supplied via the '{}' property is required to have a single partition in order to \
                 guarantee consistency of {}, but found {partitions} partitions.",
                self.setting, self.purpose
            )));
        }
        Ok(partitions)
    }

    async fn ensure_compacted(&self, admin: &Admin) -> Result<()> {
        let name = &self.spec.name;
        match admin.cleanup_policy(name).await {
            Ok(Some(policy)) if policy.trim() != "compact" => return Err(self.not_compacted(&policy)),
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                tracing::warn!(topic = name, "could not read cleanup.policy; make sure that it is compact");
            }
        }
        Ok(())
    }

    fn not_compacted(&self, policy: &str) -> Error {
        let (name, setting, purpose) = (&self.spec.name, self.setting, self.purpose);
        Error::config(format!(
            "Topic '{name}' supplied via the '{setting}' property is required to have 'cleanup.policy=compact' to \
             guarantee consistency and durability of {purpose}, but found the topic currently has \
             'cleanup.policy={policy}'. Continuing would likely result in eventually losing {purpose} and problems \
             restarting this Connect cluster in the future. Change the '{setting}' property in the Connect worker \
             configurations to use a topic with 'cleanup.policy=compact'."
        ))
    }
}

/// The number of partitions of a topic that may have been created this moment.
async fn until_known(admin: &Admin, topic: &str) -> Result<i32> {
    for _ in 0..KNOWN_ATTEMPTS {
        if let Some(partitions) = admin.partitions(topic)? {
            return Ok(partitions);
        }
        tokio::time::sleep(KNOWN_PAUSE).await;
    }
    Err(Error::retriable(format!("topic {topic} is not there yet")))
}

const KNOWN_ATTEMPTS: u32 = 50;
const KNOWN_PAUSE: Duration = Duration::from_millis(100);

/// Whether a failed call may succeed when repeated.
pub fn is_transient(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::BrokerTransportFailure
                | Code::AllBrokersDown
                | Code::OperationTimedOut
                | Code::RequestTimedOut
                | Code::NotCoordinator
                | Code::CoordinatorNotAvailable
                | Code::CoordinatorLoadInProgress
                | Code::LeaderNotAvailable
                | Code::NotLeaderForPartition
                | Code::NetworkException
                | Code::Resolve
                | Code::WaitingForCoordinator
                | Code::RebalanceInProgress
        )
    )
}
