//! CreateTopics: Kafka's checks, then the topic.

use std::collections::BTreeMap;

use milena_protocol::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfigs, CreatableTopicResult,
    CreateTopicsRequest, CreateTopicsResponse,
};
use milena_protocol::{ErrorCode, Str, Uuid};

use crate::fault::Address;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};
use crate::topic_config::TopicConfig;
use crate::topology::TopologyError;

/// Kafka's limit on the partitions that one request creates.
pub(crate) const MAX_PARTITIONS_PER_REQUEST: usize = 10_000;

/// `ConfigSource` of a setting that the topic was given, and of one that it was not.
const SOURCE_TOPIC: i8 = 1;
const SOURCE_DEFAULT: i8 = 5;

/// An error and what it means.
pub(crate) type Refusal = (ErrorCode, String);

impl Serve for CreateTopicsRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        address.is_whole_request()
            || self
                .topics
                .iter()
                .any(|topic| address.covers_topic(&topic.name))
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<CreateTopicsResponse> {
        let mut named = BTreeMap::<Str, u32>::new();
        for topic in &self.topics {
            *named.entry(topic.name.clone()).or_default() += 1;
        }
        let mut room = MAX_PARTITIONS_PER_REQUEST;
        let results = self.topics.into_iter().filter_map(|topic| {
            // A name that is given twice is refused once.
            let times = named.remove(&topic.name)?;
            let made = match call.faults.error_for_topic(&topic.name) {
                Some(error) => Err((error, "an injected fault".to_owned())),
                None if times > 1 => Err((
                    ErrorCode::INVALID_REQUEST,
                    format!("the request names topic {} {times} times", topic.name),
                )),
                None => create(state, &topic, self.validate_only, &mut room),
            };
            Some(describe(topic.name, made))
        });
        let topics = results.collect();
        Served::Answer(CreateTopicsResponse {
            throttle_time_ms: call.faults.throttle(),
            topics,
            ..Default::default()
        })
    }
}

/// A topic that was created, or could be.
struct Made {
    id: Uuid,
    config: TopicConfig,
    partitions: usize,
    replication: usize,
}

fn create(
    state: &mut State,
    topic: &CreatableTopic,
    validate_only: bool,
    room: &mut usize,
) -> Result<Made, Refusal> {
    state.check_new_name(&topic.name).map_err(refusal)?;
    let mut config = state.default_config.clone();
    for setting in &topic.configs {
        let Some(value) = &setting.value else {
            return Err((
                ErrorCode::INVALID_CONFIG,
                format!("configuration {} has a null value", setting.name),
            ));
        };
        config
            .set(&setting.name, value)
            .map_err(|error| (ErrorCode::INVALID_CONFIG, error.to_string()))?;
    }
    let replicas = if topic.assignments.is_empty() {
        placed(state, topic, *room)?
    } else {
        assigned(state, topic)?
    };
    *room = room.checked_sub(replicas.len()).ok_or_else(too_many)?;
    let (partitions, replication) = (replicas.len(), replicas.first().map_or(0, Vec::len));
    let id = match validate_only {
        true => Uuid::ZERO,
        false => state.add_topic(&topic.name, config.clone(), replicas),
    };
    Ok(Made {
        id,
        config,
        partitions,
        replication,
    })
}

/// Replicas where the cluster puts them.
fn placed(state: &State, topic: &CreatableTopic, room: usize) -> Result<Vec<Vec<i32>>, Refusal> {
    let count = match topic.num_partitions {
        -1 => state.default_partitions,
        count => count,
    };
    let count = usize::try_from(count).ok().filter(|count| *count > 0);
    let count =
        count.ok_or_else(|| refusal(TopologyError::InvalidPartitions(topic.num_partitions)))?;
    if count > room {
        return Err(too_many());
    }
    let replication = match topic.replication_factor {
        -1 => state.default_replication,
        replication => replication,
    };
    state.place(0, count, replication).map_err(refusal)
}

/// Replicas where the request puts them.
fn assigned(state: &State, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
    if topic.num_partitions != -1 || topic.replication_factor != -1 {
        let what = "number of partitions and replication factor must be -1 beside an assignment";
        return Err((ErrorCode::INVALID_REQUEST, what.to_owned()));
    }
    let mut by_index = BTreeMap::new();
    for CreatableReplicaAssignment {
        partition_index,
        broker_ids,
        ..
    } in &topic.assignments
    {
        if by_index
            .insert(*partition_index, broker_ids.clone())
            .is_some()
        {
            return Err(unassignable(format!(
                "partition {partition_index} is assigned twice"
            )));
        }
    }
    if !by_index.keys().copied().eq((0..).take(by_index.len())) {
        return Err(unassignable(
            "partitions must be numbered from 0 without a gap".to_owned(),
        ));
    }
    let replicas = by_index.into_values().collect::<Vec<_>>();
    check_assignment(state, &replicas, None)?;
    Ok(replicas)
}

/// Whether each of `replicas` is a list of different nodes of the cluster, all of one length.
pub(crate) fn check_assignment(
    state: &State,
    replicas: &[Vec<i32>],
    replication: Option<usize>,
) -> Result<(), Refusal> {
    let expected = replication
        .or_else(|| replicas.first().map(Vec::len))
        .unwrap_or(0);
    for nodes in replicas {
        if nodes.is_empty() || nodes.len() != expected {
            return Err(unassignable(format!(
                "{nodes:?} are {} replicas, not {expected}",
                nodes.len()
            )));
        }
        let mut sorted = nodes.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != nodes.len() {
            return Err(unassignable(format!("{nodes:?} names a node twice")));
        }
        if let Some(unknown) = nodes.iter().find(|node| state.node(**node).is_none()) {
            return Err(unassignable(format!("the cluster has no node {unknown}")));
        }
    }
    Ok(())
}

fn unassignable(what: String) -> Refusal {
    (ErrorCode::INVALID_REPLICA_ASSIGNMENT, what)
}

pub(crate) fn too_many() -> Refusal {
    (
        ErrorCode::POLICY_VIOLATION,
        format!("one request creates at most {MAX_PARTITIONS_PER_REQUEST} partitions"),
    )
}

pub(crate) fn refusal(error: TopologyError) -> Refusal {
    (code_of(&error), error.to_string())
}

/// Kafka's code for a change that cannot be made.
pub(crate) fn code_of(error: &TopologyError) -> ErrorCode {
    match error {
        TopologyError::UnknownTopic(_) | TopologyError::UnknownPartition { .. } => {
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        }
        TopologyError::UnknownNode(_) | TopologyError::NodeDown(_) => {
            ErrorCode::BROKER_NOT_AVAILABLE
        }
        TopologyError::TopicExists(_) => ErrorCode::TOPIC_ALREADY_EXISTS,
        TopologyError::InvalidName(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
        TopologyError::InvalidPartitions(_) => ErrorCode::INVALID_PARTITIONS,
        TopologyError::InvalidReplication { .. } => ErrorCode::INVALID_REPLICATION_FACTOR,
        TopologyError::Config(_) => ErrorCode::INVALID_CONFIG,
        TopologyError::InvalidTransactionVersion(_) => ErrorCode::INVALID_UPDATE_VERSION,
    }
}

fn describe(name: Str, made: Result<Made, Refusal>) -> CreatableTopicResult {
    match made {
        Ok(made) => CreatableTopicResult {
            name,
            topic_id: made.id,
            error_message: None,
            num_partitions: i32::try_from(made.partitions).unwrap_or(i32::MAX),
            replication_factor: i16::try_from(made.replication).unwrap_or(i16::MAX),
            configs: Some(configs(&made.config)),
            ..Default::default()
        },
        Err((error_code, message)) => CreatableTopicResult {
            name,
            error_code,
            error_message: Some(Str::from(message)),
            ..Default::default()
        },
    }
}

fn configs(config: &TopicConfig) -> Vec<CreatableTopicConfigs> {
    let entries = config
        .entries()
        .map(|(name, value, given)| CreatableTopicConfigs {
            name: Str::from_static(name),
            value: Some(Str::from(value)),
            config_source: if given { SOURCE_TOPIC } else { SOURCE_DEFAULT },
            ..Default::default()
        });
    entries.collect()
}

#[cfg(test)]
mod tests;
