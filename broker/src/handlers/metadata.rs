//! Metadata: who the nodes are, and who leads what.

use milena_protocol::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use milena_protocol::{ErrorCode, Str, Uuid};

use crate::fault::Address;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};
use crate::topic::check_name;
use crate::view::{PartitionView, TopicView, View};

/// Every operation that Kafka has for topics, as bits; granted to everyone.
const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// Every operation that Kafka has for clusters.
const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;

impl Serve for MetadataRequest {
    fn touches(&self, state: &State, address: &Address) -> bool {
        match self.topics.as_deref() {
            _ if address.is_whole_request() => true,
            None => true,
            Some(topics) => {
                topics.iter().any(
                    |topic| match (&topic.name, state.names.get(&topic.topic_id)) {
                        (Some(name), _) | (None, Some(name)) => address.is_for_topic(name),
                        (None, None) => false,
                    },
                )
            }
        }
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<MetadataResponse> {
        let with_operations = self.include_topic_authorized_operations;
        let answers: Vec<Found> = match self.topics {
            None => all(state, call),
            // Version 0 cannot say "none", so an empty list means all topics there.
            Some(topics) if topics.is_empty() && call.version == 0 => all(state, call),
            Some(topics) => {
                let create = self.allow_auto_topic_creation;
                topics
                    .into_iter()
                    .map(|topic| find(state, call, topic, create))
                    .collect()
            }
        };
        let nodes = match call.faults.stale() {
            Some(view) => View {
                topics: Default::default(),
                ..View::clone(view)
            },
            None => View::of_nodes(state),
        };
        let brokers = nodes.nodes.into_iter().map(|node| MetadataResponseBroker {
            node_id: node.node,
            host: node.host,
            port: node.port,
            rack: node.rack,
            ..Default::default()
        });
        Served::Answer(MetadataResponse {
            throttle_time_ms: call.faults.throttle(),
            brokers: brokers.collect(),
            cluster_id: Some(state.cluster_id.clone()),
            controller_id: nodes.controller,
            topics: answers
                .into_iter()
                .map(|found| found.describe(call, with_operations))
                .collect(),
            cluster_authorized_operations: match self.include_cluster_authorized_operations {
                true => CLUSTER_OPERATIONS,
                false => i32::MIN,
            },
            ..Default::default()
        })
    }
}

/// A topic that was asked for.
struct Found {
    name: Option<Str>,
    id: Uuid,
    view: Result<TopicView, ErrorCode>,
}

fn all(state: &State, call: &Call) -> Vec<Found> {
    if let Some(view) = call.faults.stale() {
        let found = |(name, topic): (&Str, &TopicView)| Found {
            name: Some(name.clone()),
            id: topic.id,
            view: Ok(topic.clone()),
        };
        return view.topics.iter().map(found).collect();
    }
    let found = |topic| Found::of(state, topic);
    state.topics.values().map(found).collect()
}

fn find(state: &mut State, call: &Call, wanted: MetadataRequestTopic, create: bool) -> Found {
    let Some(name) = wanted.name else {
        return find_by_id(state, call, wanted.topic_id);
    };
    if let Some(view) = call.faults.stale() {
        let topic = view.topics.get(&name);
        return Found {
            id: topic.map_or(Uuid::ZERO, |topic| topic.id),
            view: topic.cloned().ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            name: Some(name),
        };
    }
    let error = match state.topics.get(&name) {
        Some(topic) => return Found::of(state, topic),
        None if check_name(&name).is_err() => ErrorCode::INVALID_TOPIC_EXCEPTION,
        None if create && state.auto_create && call.faults.error_for_topic(&name).is_none() => {
            match state.create_topic(&name, state.default_partitions) {
                Ok(_) => match state.topics.get(&name) {
                    Some(topic) => return Found::of(state, topic),
                    None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                },
                Err(error) => super::create_topics::code_of(&error),
            }
        }
        None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    };
    Found {
        name: Some(name),
        id: Uuid::ZERO,
        view: Err(error),
    }
}

fn find_by_id(state: &State, call: &Call, id: Uuid) -> Found {
    if let Some(view) = call.faults.stale() {
        let found = view.topics.iter().find(|(_, topic)| topic.id == id);
        return Found {
            name: found.map(|(name, _)| name.clone()),
            id,
            view: found
                .map(|(_, topic)| topic.clone())
                .ok_or(ErrorCode::UNKNOWN_TOPIC_ID),
        };
    }
    match state.topic_by_id(id) {
        Some(topic) => Found::of(state, topic),
        None => Found {
            name: None,
            id,
            view: Err(ErrorCode::UNKNOWN_TOPIC_ID),
        },
    }
}

impl Found {
    fn of(state: &State, topic: &crate::topic::Topic) -> Self {
        Self {
            name: Some(topic.name.clone()),
            id: topic.id,
            view: Ok(TopicView::of(state, topic)),
        }
    }

    fn describe(self, call: &Call, with_operations: bool) -> MetadataResponseTopic {
        let name = self.name.as_deref().unwrap_or_default();
        let (error_code, partitions) = match (call.faults.error_for_topic(name), self.view) {
            (Some(error), _) | (None, Err(error)) => (error, Vec::new()),
            (None, Ok(topic)) => {
                let partitions = (0..).zip(topic.partitions);
                (
                    ErrorCode::NONE,
                    partitions
                        .map(|(index, view)| describe(call, name, index, view))
                        .collect(),
                )
            }
        };
        MetadataResponseTopic {
            error_code,
            // Only newer versions can leave the name out.
            name: self.name.or_else(|| (call.version < 12).then(Str::default)),
            topic_id: self.id,
            partitions,
            topic_authorized_operations: if with_operations {
                TOPIC_OPERATIONS
            } else {
                i32::MIN
            },
            ..Default::default()
        }
    }
}

fn describe(
    call: &Call,
    topic: &str,
    index: i32,
    view: PartitionView,
) -> MetadataResponsePartition {
    let error_code = match (call.faults.error_only_at(topic, index), view.leader) {
        (Some(error), _) => error,
        (None, None) => ErrorCode::LEADER_NOT_AVAILABLE,
        (None, Some(_)) => ErrorCode::NONE,
    };
    MetadataResponsePartition {
        error_code,
        partition_index: index,
        leader_id: view.leader.unwrap_or(-1),
        leader_epoch: view.leader_epoch,
        replica_nodes: view.replicas,
        isr_nodes: view.in_sync,
        offline_replicas: view.offline,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
