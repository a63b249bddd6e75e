//! Administration of topics.

mod attempts;
mod topic;

use std::{collections::BTreeMap, time::Duration};

use milena_engine::throttle::Throttled;
use milena_protocol::{
    ErrorCode, Request, Str,
    create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic},
    create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest},
    delete_topics::{DeleteTopicState, DeleteTopicsRequest},
    metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseTopic},
};
use tracing::info;

use self::attempts::Attempts;
pub use self::topic::{NewTopic, TopicDescription, TopicId, TopicListing, TopicResult};
use crate::{
    Client,
    error::{AdminError, Cause, KafkaError},
    io::{bootstrap, pool::Target},
};

/// Administration of topics; made by [`Client::admin`].
///
/// Each call tries again for as long as that may help, until the client's API timeout. Calls for several topics tell what
/// became of each.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cluster = milena_broker::Cluster::builder().nodes(3).start().await?;
/// # let client = milena::Client::builder(cluster.bootstrap()).connect().await?;
/// use milena::NewTopic;
///
/// let admin = client.admin();
/// admin.create_topic(NewTopic::new("orders", 6, 3).config("retention.ms", "86400000")).await?;
/// for topic in admin.list_topics().await? {
///     println!("{} has {} partitions", topic.name, topic.partitions);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Admin {
    client: Client,
}

/// What an attempt says of one topic.
struct Verdict {
    topic: String,
    code: ErrorCode,
    message: Option<Str>,
}

impl Admin {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Creates a topic, and waits until each of its partitions has a leader.
    pub async fn create_topic(&self, topic: NewTopic) -> Result<TopicDescription, AdminError> {
        only(self.create_topics([topic]).await)
    }

    /// Creates topics, and waits until each of their partitions has a leader. The results are in the given order.
    pub async fn create_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> Vec<TopicResult<TopicDescription>> {
        let topics: Vec<NewTopic> = topics.into_iter().collect();
        let names = topics.iter().map(|topic| topic.name.clone()).collect();
        let mut attempts = self.attempts();
        let by_name: BTreeMap<String, CreatableTopic> = topics
            .iter()
            .map(|topic| (topic.name.clone(), creatable(topic)))
            .collect();
        let ask = move |names: &[String], timeout_ms, _| CreateTopicsRequest {
            topics: names
                .iter()
                .filter_map(|name| by_name.get(name).cloned())
                .collect(),
            timeout_ms,
            ..Default::default()
        };
        let read = |response: <CreateTopicsRequest as Request>::Response| {
            let topics = response.topics.into_iter();
            topics
                .map(|t| verdict(Some(t.name), t.error_code, t.error_message))
                .collect()
        };
        let done_before = ErrorCode::TOPIC_ALREADY_EXISTS;
        let created = self
            .change(&mut attempts, names, done_before, ask, read)
            .await;
        let expected = topics
            .iter()
            .map(|topic| (topic.name.clone(), topic.partitions))
            .collect();
        self.await_leaders(&mut attempts, created, &expected).await
    }

    /// Deletes topics. The results are in the given order.
    ///
    /// When a broker answers that a topic is deleted, others may not have heard of it yet.
    pub async fn delete_topics(
        &self,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Vec<TopicResult<()>> {
        let names = topics.into_iter().map(Into::into).collect();
        let ask = |names: &[String], timeout_ms, version| {
            let mut request = DeleteTopicsRequest {
                timeout_ms,
                ..Default::default()
            };
            if version < 6 {
                request.topic_names = names.iter().map(|name| Str::from(name.as_str())).collect();
            } else {
                let state = |name: &String| DeleteTopicState {
                    name: Some(Str::from(name.as_str())),
                    ..Default::default()
                };
                request.topics = names.iter().map(state).collect();
            }
            request
        };
        let read = |response: <DeleteTopicsRequest as Request>::Response| {
            let topics = response.responses.into_iter();
            topics
                .map(|t| verdict(t.name, t.error_code, t.error_message))
                .collect()
        };
        let done_before = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
        self.change(&mut self.attempts(), names, done_before, ask, read)
            .await
    }

    /// Gives topics more partitions: the numbers are totals. Waits until each partition has a leader. The results are in
    /// the given order.
    pub async fn create_partitions(
        &self,
        totals: impl IntoIterator<Item = (impl Into<String>, i32)>,
    ) -> Vec<TopicResult<TopicDescription>> {
        let totals: Vec<(String, i32)> = totals
            .into_iter()
            .map(|(name, total)| (name.into(), total))
            .collect();
        let names = totals.iter().map(|(name, _)| name.clone()).collect();
        let expected: BTreeMap<String, i32> = totals.into_iter().collect();
        let mut attempts = self.attempts();
        let by_name = expected.clone();
        let ask = move |names: &[String], timeout_ms, _| {
            let topic = |name: &String| CreatePartitionsTopic {
                name: Str::from(name.as_str()),
                count: by_name.get(name).copied().unwrap_or(-1),
                assignments: None,
                ..Default::default()
            };
            let topics = names.iter().map(topic).collect();
            CreatePartitionsRequest {
                topics,
                timeout_ms,
                ..Default::default()
            }
        };
        let read = |response: <CreatePartitionsRequest as Request>::Response| {
            let topics = response.results.into_iter();
            topics
                .map(|t| verdict(Some(t.name), t.error_code, t.error_message))
                .collect()
        };
        // That there are so many already is how a repeated attempt is refused.
        let done_before = ErrorCode::INVALID_PARTITIONS;
        let created = self
            .change(&mut attempts, names, done_before, ask, read)
            .await;
        self.await_leaders(&mut attempts, created, &expected).await
    }

    /// Describes topics: their partitions, leaders and replicas. The results are in the given order.
    pub async fn describe_topics(
        &self,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Vec<TopicResult<TopicDescription>> {
        let names: Vec<String> = topics.into_iter().map(Into::into).collect();
        let mut attempts = self.attempts();
        loop {
            let outcome = self.look_up(Some(&names), &attempts).await;
            let response = match attempts.heed(outcome).await {
                Ok(Some(response)) => response,
                Ok(None) => continue,
                Err(error) => return all(names, &error),
            };
            let passing =
                |topic: &MetadataResponseTopic| topic.error_code == ErrorCode::LEADER_NOT_AVAILABLE;
            if let Some(topic) = response.topics.iter().find(|topic| passing(topic)) {
                let cause = Cause::from(topic.error_code);
                if attempts.pause(Some(cause)).await.is_ok() {
                    continue;
                }
            }
            return names
                .into_iter()
                .map(|name| TopicResult {
                    result: described(&response, &name),
                    topic: name,
                })
                .collect();
        }
    }

    /// All topics of the cluster, by name; Kafka's own among them.
    pub async fn list_topics(&self) -> Result<Vec<TopicListing>, AdminError> {
        let mut attempts = self.attempts();
        let response = loop {
            let outcome = self.look_up(None, &attempts).await;
            if let Some(response) = attempts.heed(outcome).await? {
                break response;
            }
        };
        let mut topics: Vec<_> = response
            .topics
            .iter()
            .filter_map(TopicListing::read)
            .collect();
        topics.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(topics)
    }
}

impl Admin {
    fn attempts(&self) -> Attempts {
        let config = self.client.config();
        Attempts::new(config.api_timeout, config.request_timeout, config.retry)
    }

    /// Has the controller do something for topics, as often as it takes. `done_before` is the refusal by which a repeated
    /// attempt learns that an earlier one, whose answer was lost, has done it.
    async fn change<R>(
        &self,
        attempts: &mut Attempts,
        names: Vec<String>,
        done_before: ErrorCode,
        ask: impl Fn(&[String], i32, i16) -> R + Clone + Send + 'static,
        read: impl Fn(R::Response) -> Vec<Verdict>,
    ) -> Vec<TopicResult<()>>
    where
        R: Request<Response: Throttled>,
    {
        let mut open = names.clone();
        let mut done: BTreeMap<String, Result<(), AdminError>> = BTreeMap::new();
        let mut may_be_done = false;
        while !open.is_empty() {
            let timeout = attempts.timeout();
            // The broker is to answer before the client gives up on it.
            let timeout_ms = i32::try_from((timeout / 10 * 9).as_millis()).unwrap_or(i32::MAX);
            let (ask, asked_for) = (ask.clone(), open.clone());
            let make = move |version| ask(&asked_for, timeout_ms, version);
            let outcome = self
                .client
                .request_with::<R>(Target::Controller, make, None, timeout)
                .await;
            let lost = outcome.is_err();
            let response = match attempts.heed(outcome).await {
                Ok(Some(response)) => response,
                Ok(None) => {
                    may_be_done |= lost;
                    self.client.control().request_refresh();
                    continue;
                }
                Err(error) => {
                    for name in open.drain(..) {
                        done.insert(name, Err(error.clone()));
                    }
                    break;
                }
            };
            let mut verdicts: BTreeMap<String, Verdict> = read(response)
                .into_iter()
                .map(|v| (v.topic.clone(), v))
                .collect();
            let mut again = None;
            for name in std::mem::take(&mut open) {
                let Some(verdict) = verdicts.remove(&name) else {
                    done.insert(name, Err(AdminError::NotMentioned));
                    continue;
                };
                let code = verdict.code;
                let error = KafkaError::new(code, verdict.message.as_deref());
                if !code.is_err() || (may_be_done && code == done_before) {
                    done.insert(name, Ok(()));
                } else if code.is_retriable() && code != ErrorCode::UNKNOWN_TOPIC_OR_PARTITION {
                    may_be_done |= code == ErrorCode::REQUEST_TIMED_OUT;
                    again = Some(Cause::Kafka(error));
                    open.push(name);
                } else {
                    done.insert(name, Err(AdminError::Kafka(error)));
                }
            }
            if again.is_some() {
                self.client.control().request_refresh();
                if let Err(error) = attempts.pause(again).await {
                    for name in open.drain(..) {
                        done.insert(name, Err(error.clone()));
                    }
                }
            }
        }
        let result = |name: &String| {
            done.get(name)
                .cloned()
                .unwrap_or(Err(AdminError::NotMentioned))
        };
        names
            .iter()
            .map(|name| TopicResult {
                topic: name.clone(),
                result: result(name),
            })
            .collect()
    }

    /// Waits until the topics that were created have leaders for all partitions, as many as expected.
    async fn await_leaders(
        &self,
        attempts: &mut Attempts,
        created: Vec<TopicResult<()>>,
        expected: &BTreeMap<String, i32>,
    ) -> Vec<TopicResult<TopicDescription>> {
        let fine = |result: &&TopicResult<()>| result.result.is_ok();
        let names: Vec<String> = created
            .iter()
            .filter(fine)
            .map(|r| r.topic.clone())
            .collect();
        info!(topics = ?names, "topics created, waiting for leaders");
        let mut outcome = Err(AdminError::NotMentioned);
        while !names.is_empty() {
            let response = self.look_up(Some(&names), attempts).await;
            let response = match attempts.heed(response).await {
                Ok(Some(response)) => response,
                Ok(None) => continue,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            };
            let lacking = names.iter().find(|&name| {
                let wanted = expected.get(name).copied().unwrap_or(-1);
                described(&response, name).map_or(true, |topic| !topic.is_led(wanted))
            });
            if lacking.is_none() {
                outcome = Ok(response);
                break;
            }
            let cause = Cause::from(ErrorCode::LEADER_NOT_AVAILABLE);
            if let Err(error) = attempts.pause(Some(cause)).await {
                outcome = Err(error);
                break;
            }
        }
        let finish = |result: TopicResult<()>| {
            let described = |()| {
                let response = outcome.as_ref().map_err(Clone::clone)?;
                described(response, &result.topic)
            };
            TopicResult {
                result: result.result.and_then(described),
                topic: result.topic,
            }
        };
        created.into_iter().map(finish).collect()
    }

    /// Asks any broker about topics; about all for `None`. Never creates any.
    async fn look_up(
        &self,
        names: Option<&[String]>,
        attempts: &Attempts,
    ) -> Result<MetadataResponse, crate::io::lane::RequestError> {
        let topic = |name: &String| MetadataRequestTopic {
            name: Some(Str::from(name.as_str())),
            ..Default::default()
        };
        let request = MetadataRequest {
            topics: names.map(|names| names.iter().map(topic).collect()),
            allow_auto_topic_creation: false,
            ..Default::default()
        };
        let make = move |version| bootstrap::for_version(request, version);
        let timeout: Duration = attempts.timeout();
        let client = &self.client;
        client.request_with(Target::Any, make, None, timeout).await
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic {
    let config = |(name, value): &(String, String)| CreatableTopicConfig {
        name: Str::from(name.as_str()),
        value: Some(Str::from(value.as_str())),
        ..Default::default()
    };
    CreatableTopic {
        name: Str::from(topic.name.as_str()),
        num_partitions: topic.partitions,
        replication_factor: topic.replication,
        configs: topic.configs.iter().map(config).collect(),
        ..Default::default()
    }
}

fn verdict(name: Option<Str>, code: ErrorCode, message: Option<Str>) -> Verdict {
    Verdict {
        topic: name.map(String::from).unwrap_or_default(),
        code,
        message,
    }
}

fn described(response: &MetadataResponse, name: &str) -> Result<TopicDescription, AdminError> {
    let topics = response.topics.iter();
    let topic = topics
        .into_iter()
        .find(|topic| topic.name.as_deref() == Some(name));
    TopicDescription::read(topic.ok_or(AdminError::NotMentioned)?)
}

fn all<T>(names: Vec<String>, error: &AdminError) -> Vec<TopicResult<T>> {
    names
        .into_iter()
        .map(|topic| TopicResult {
            topic,
            result: Err(error.clone()),
        })
        .collect()
}

fn only<T>(results: Vec<TopicResult<T>>) -> Result<T, AdminError> {
    results
        .into_iter()
        .next()
        .map_or(Err(AdminError::NotMentioned), |result| result.result)
}
