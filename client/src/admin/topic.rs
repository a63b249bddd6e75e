//! Topics as an administrator sees them.

use std::fmt;

use milena_engine::cluster::NodeId;
use milena_protocol::{Uuid, metadata::MetadataResponseTopic};

use crate::{
    client::Partition,
    error::{AdminError, KafkaError},
};

/// A topic to be created.
///
/// ```
/// use milena::NewTopic;
///
/// let topic = NewTopic::new("orders", 6, 3).config("cleanup.policy", "compact");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    pub(super) name: String,
    pub(super) partitions: i32,
    pub(super) replication: i16,
    pub(super) configs: Vec<(String, String)>,
}

impl NewTopic {
    /// A topic with so many partitions, each on so many brokers; -1 leaves a number to the broker (Kafka 2.4 and later).
    pub fn new(name: impl Into<String>, partitions: i32, replication: i16) -> Self {
        Self {
            name: name.into(),
            partitions,
            replication,
            configs: Vec::new(),
        }
    }

    /// Sets one of Kafka's topic configs, such as `retention.ms`.
    #[must_use]
    pub fn config(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.configs.push((name.into(), value.into()));
        self
    }
}

/// What became of one topic of several.
#[derive(Clone, Debug)]
pub struct TopicResult<T> {
    /// The topic.
    pub topic: String,
    /// What became of it.
    pub result: Result<T, AdminError>,
}

/// A topic's id, which tells it from an earlier or later one of the same name. Written as Kafka's tools write it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId([u8; 16]);

impl TopicId {
    /// The id's 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn read(id: Uuid) -> Option<Self> {
        (id != Uuid::ZERO).then_some(Self(id.0))
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Uuid(self.0).fmt(f)
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TopicId({self})")
    }
}

/// A topic in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicListing {
    /// Its name.
    pub name: String,
    /// Its id; `None` from brokers before 2.8.
    pub id: Option<TopicId>,
    /// Whether it is Kafka's own.
    pub internal: bool,
    /// How many partitions it has.
    pub partitions: usize,
}

impl TopicListing {
    pub(super) fn read(topic: &MetadataResponseTopic) -> Option<Self> {
        Some(Self {
            name: topic.name.as_deref()?.to_owned(),
            id: TopicId::read(topic.topic_id),
            internal: topic.is_internal,
            partitions: topic.partitions.len(),
        })
    }
}

/// A topic with its partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id; `None` from brokers before 2.8.
    pub id: Option<TopicId>,
    /// Whether it is Kafka's own.
    pub internal: bool,
    /// Its partitions, by number.
    pub partitions: Vec<Partition>,
}

impl TopicDescription {
    pub(super) fn read(topic: &MetadataResponseTopic) -> Result<Self, AdminError> {
        if topic.error_code.is_err() {
            return Err(KafkaError::from(topic.error_code).into());
        }
        let mut partitions: Vec<_> = topic
            .partitions
            .iter()
            .map(|partition| Partition {
                id: partition.partition_index,
                leader: NodeId::from_wire(partition.leader_id).map(|node| node.0),
                replicas: partition.replica_nodes.clone(),
                isr: partition.isr_nodes.clone(),
            })
            .collect();
        partitions.sort_by_key(|partition| partition.id);
        Ok(Self {
            name: topic.name.as_deref().unwrap_or_default().to_owned(),
            id: TopicId::read(topic.topic_id),
            internal: topic.is_internal,
            partitions,
        })
    }

    /// Whether it has its partitions, `expected` if that is a number, and each has a leader.
    pub(super) fn is_led(&self, expected: i32) -> bool {
        let expected = usize::try_from(expected).unwrap_or(1);
        self.partitions.len() >= expected && self.partitions.iter().all(|p| p.leader.is_some())
    }
}
