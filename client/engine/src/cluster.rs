//! What is known of the cluster: an immutable snapshot of brokers, topics, leaders and epochs.

use std::{collections::BTreeMap, fmt, sync::Arc};

use milena_protocol::{ErrorCode, Uuid};

/// The number by which a broker is known in its cluster.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub i32);

impl NodeId {
    /// A node id as it stands on the wire, where a negative number means that there is none.
    pub fn from_wire(id: i32) -> Option<Self> {
        (id >= 0).then_some(Self(id))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.0)
    }
}

/// One consistent picture of the cluster, as last told by one of its brokers.
///
/// A snapshot never changes; something new makes a new snapshot with a higher [`version`](Self::version), which
/// shares the topics that stayed the same. Only topics that somebody asked for are in it. Names are copied out of the
/// answer they came in, so that a snapshot does not keep a whole frame alive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cluster {
    /// Counts snapshots; 0 is the empty one before the first answer.
    pub version: u64,
    /// The cluster's own name for itself, when it told one.
    pub cluster_id: Option<Arc<str>>,
    /// The broker that takes administrative requests, when known.
    pub controller: Option<NodeId>,
    /// Brokers by id.
    pub brokers: BTreeMap<NodeId, BrokerView>,
    /// Topics by name.
    pub topics: BTreeMap<Arc<str>, Arc<TopicView>>,
}

/// A broker and the address it advertises to clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerView {
    /// Its number.
    pub id: NodeId,
    /// Advertised host name or address.
    pub host: Arc<str>,
    /// Advertised port.
    pub port: u16,
    /// Rack or zone, when configured.
    pub rack: Option<Arc<str>>,
}

/// A topic and its partitions.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicView {
    /// Its name.
    pub name: Arc<str>,
    /// Its id; [`Uuid::ZERO`] from brokers that have none. A re-created topic has a new one.
    pub id: Uuid,
    /// Whether Kafka made it for its own use.
    pub internal: bool,
    /// The partitions; the index is the partition number. Empty while `error` keeps them from being known.
    pub partitions: Vec<PartitionView>,
    /// What the last answer said against the topic, such as `UNKNOWN_TOPIC_OR_PARTITION`.
    /// Partitions may be present all the same: those known from before.
    pub error: Option<ErrorCode>,
}

/// A partition and who leads it.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionView {
    /// The leader, unless there is none at the moment.
    pub leader: Option<NodeId>,
    /// The leader's epoch, -1 when unknown. It rises with every election.
    pub leader_epoch: i32,
    /// Brokers that hold the partition, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Replicas that are in sync with the leader.
    pub isr: Vec<NodeId>,
    /// What the last answer said against the partition, such as `LEADER_NOT_AVAILABLE`.
    pub error: Option<ErrorCode>,
}

/// The broker that leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The broker.
    pub node: NodeId,
    /// The epoch of its leadership, -1 when unknown.
    pub epoch: i32,
}

impl Cluster {
    /// The topic of that name.
    pub fn topic(&self, name: &str) -> Option<&Arc<TopicView>> {
        self.topics.get(name)
    }

    /// The topic of that name, if it has partitions: without any, it is of no use yet.
    pub fn known(&self, name: &str) -> Option<&Arc<TopicView>> {
        self.topic(name).filter(|view| !view.partitions.is_empty())
    }

    /// The partition of a topic.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionView> {
        self.topic(topic)?.partition(partition)
    }

    /// The broker that leads a partition, when there is one.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<NodeId> {
        self.partition(topic, partition)?.leader
    }

    /// The broker with that id.
    pub fn broker(&self, id: NodeId) -> Option<&BrokerView> {
        self.brokers.get(&id)
    }
}

impl TopicView {
    /// The partition of that number.
    pub fn partition(&self, partition: i32) -> Option<&PartitionView> {
        self.partitions.get(usize::try_from(partition).ok()?)
    }
}

impl PartitionView {
    /// A partition of which nothing is known but that it exists.
    pub fn unknown() -> Self {
        Self {
            leader: None,
            leader_epoch: -1,
            replicas: Vec::new(),
            isr: Vec::new(),
            error: None,
        }
    }
}

impl BrokerView {
    /// A broker as a response names it; none if its port is not one.
    pub fn from_wire(id: NodeId, host: &str, port: i32, rack: Option<&str>) -> Option<Self> {
        Some(Self {
            id,
            host: host.into(),
            port: u16::try_from(port).ok()?,
            rack: rack.map(Arc::from),
        })
    }
}
