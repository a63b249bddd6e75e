//! What Metadata tells about a cluster: its nodes, and who leads what.

use std::collections::BTreeMap;

use milena_protocol::{Str, Uuid};

use crate::state::State;
use crate::topic::Topic;

/// The cluster as a client sees it at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) nodes: Vec<Endpoint>,
    pub(crate) controller: i32,
    pub(crate) topics: BTreeMap<Str, TopicView>,
}

/// Where a node can be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) node: i32,
    pub(crate) host: Str,
    pub(crate) port: i32,
    pub(crate) rack: Option<Str>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicView {
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<PartitionView>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionView {
    pub(crate) leader: Option<i32>,
    pub(crate) leader_epoch: i32,
    pub(crate) replicas: Vec<i32>,
    pub(crate) in_sync: Vec<i32>,
    pub(crate) offline: Vec<i32>,
}

impl View {
    /// The nodes alone.
    pub(crate) fn of_nodes(state: &State) -> Self {
        let nodes = state.nodes.iter().filter(|node| node.up);
        let endpoints = nodes.map(|node| node.endpoint.clone()).collect::<Vec<_>>();
        let controller = endpoints.first().map_or(-1, |endpoint| endpoint.node);
        Self {
            nodes: endpoints,
            controller,
            topics: BTreeMap::new(),
        }
    }

    /// The nodes and every topic.
    pub(crate) fn of_all(state: &State) -> Self {
        let topics = state
            .topics
            .values()
            .map(|topic| (topic.name.clone(), TopicView::of(state, topic)));
        Self {
            topics: topics.collect(),
            ..Self::of_nodes(state)
        }
    }
}

impl TopicView {
    pub(crate) fn of(state: &State, topic: &Topic) -> Self {
        let partitions = topic.partitions.iter().map(|partition| {
            let (in_sync, offline) = partition
                .replicas
                .iter()
                .partition(|node| state.is_up(**node));
            PartitionView {
                leader: partition.leader,
                leader_epoch: partition.leader_epoch,
                replicas: partition.replicas.clone(),
                in_sync,
                offline,
            }
        });
        Self {
            id: topic.id,
            partitions: partitions.collect(),
        }
    }
}
