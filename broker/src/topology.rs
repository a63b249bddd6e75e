//! What changes in a cluster from outside the protocol: topics come and go, leaders move, nodes fail and return.

use milena_protocol::{Str, Uuid};
use thiserror::Error;

use crate::coordinators::Coordinator;
use crate::state::State;
use crate::topic::{self, Partition, Topic};
use crate::topic_config::{TopicConfig, TopicConfigError};

/// A change that the cluster cannot make.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// No such topic.
    #[error("topic {0} does not exist")]
    UnknownTopic(String),
    /// No such partition.
    #[error("topic {topic} has no partition {partition}")]
    UnknownPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: i32,
    },
    /// No such node.
    #[error("the cluster has no node {0}")]
    UnknownNode(i32),
    /// The node is down, and a leader has to be up.
    #[error("node {0} is down")]
    NodeDown(i32),
    /// There is a topic of this name.
    #[error("topic {0} exists already")]
    TopicExists(String),
    /// The name breaks Kafka's rule.
    #[error("{0}")]
    InvalidName(String),
    /// The number of partitions is not 1 or more.
    #[error("a topic has at least 1 partition, not {0}")]
    InvalidPartitions(i32),
    /// More replicas than nodes, or none.
    #[error("{replication} replicas do not fit on {nodes} nodes")]
    InvalidReplication {
        /// Replicas asked for.
        replication: i16,
        /// Nodes that are up.
        nodes: usize,
    },
    /// The feature `transaction.version` has no such level.
    #[error("transaction.version is 0, 1 or 2, not {0}")]
    InvalidTransactionVersion(i16),
    /// A setting of the topic.
    #[error(transparent)]
    Config(#[from] TopicConfigError),
}

impl State {
    /// Creates a topic with the cluster's settings for topics and its replication factor, and gives its id.
    ///
    /// # Errors
    /// If the name is taken or breaks Kafka's rule, or `partitions` is not 1 or more.
    pub fn create_topic(&mut self, name: &str, partitions: i32) -> Result<Uuid, TopologyError> {
        self.create_topic_with(name, partitions, &[])
    }

    /// Creates a topic with settings of its own, by Kafka's names.
    ///
    /// # Errors
    /// As [`create_topic`](Self::create_topic), and if a setting is unknown or out of range.
    pub fn create_topic_with(
        &mut self,
        name: &str,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Result<Uuid, TopologyError> {
        let mut config = self.default_config.clone();
        for (name, value) in settings {
            config.set(name, value)?;
        }
        self.check_new_name(name)?;
        let count = usize::try_from(partitions).ok().filter(|count| *count > 0);
        let count = count.ok_or(TopologyError::InvalidPartitions(partitions))?;
        let replicas = self.place(0, count, self.default_replication)?;
        Ok(self.add_topic(name, config, replicas))
    }

    /// Deletes a topic with all that it holds.
    ///
    /// # Errors
    /// If there is no such topic.
    pub fn delete_topic(&mut self, name: &str) -> Result<(), TopologyError> {
        let topic = self
            .topics
            .remove(name)
            .ok_or_else(|| TopologyError::UnknownTopic(name.to_owned()))?;
        self.names.remove(&topic.id);
        for partition in &topic.partitions {
            self.log_bytes -= partition.log.bytes();
            self.acknowledged_in_deleted += partition.ledger.acknowledged();
        }
        for group in self.groups.values_mut() {
            group.forget(name);
        }
        self.changes += 1;
        Ok(())
    }

    /// Deletes a topic and creates it anew: same name, partitions and settings, another id, nothing in it.
    ///
    /// # Errors
    /// If there is no such topic.
    pub fn recreate_topic(&mut self, name: &str) -> Result<Uuid, TopologyError> {
        let unknown = || TopologyError::UnknownTopic(name.to_owned());
        let topic = self.topics.get(name).ok_or_else(unknown)?;
        let config = topic.config.clone();
        let replicas = topic
            .partitions
            .iter()
            .map(|partition| partition.replicas.clone())
            .collect();
        self.delete_topic(name)?;
        Ok(self.add_topic(name, config, replicas))
    }

    /// The id of a topic.
    #[must_use]
    pub fn topic_id(&self, name: &str) -> Option<Uuid> {
        self.topics.get(name).map(|topic| topic.id)
    }

    /// The leader of a partition and its epoch; `None` if there is no such partition, or no leader.
    #[must_use]
    pub fn leader(&self, topic: &str, partition: i32) -> Option<(i32, i32)> {
        let partition = self.topics.get(topic)?.partition(partition)?;
        Some((partition.leader?, partition.leader_epoch))
    }

    /// The offsets at which a partition's log starts and ends.
    #[must_use]
    pub fn log_range(&self, topic: &str, partition: i32) -> Option<(i64, i64)> {
        let log = &self.topics.get(topic)?.partition(partition)?.log;
        Some((log.start(), log.end()))
    }

    /// Makes `node` the leader of a partition, in the next leader epoch. A node that holds no replica takes the place
    /// of the present leader, as if a reassignment had just ended. Nothing happens to the leader itself.
    ///
    /// # Errors
    /// If there is no such topic, partition or node, or the node is down.
    pub fn move_leader(
        &mut self,
        topic: &str,
        partition: i32,
        node: i32,
    ) -> Result<(), TopologyError> {
        let known = self.node(node).ok_or(TopologyError::UnknownNode(node))?;
        if !known.up {
            return Err(TopologyError::NodeDown(node));
        }
        let found = self
            .topics
            .get_mut(topic)
            .ok_or_else(|| TopologyError::UnknownTopic(topic.to_owned()))?;
        let unknown = || TopologyError::UnknownPartition {
            topic: topic.to_owned(),
            partition,
        };
        let moved = found.partition_mut(partition).ok_or_else(unknown)?;
        if !moved.replicas.contains(&node) {
            let leader = moved.leader;
            match moved
                .replicas
                .iter_mut()
                .find(|replica| Some(**replica) == leader)
            {
                Some(replica) => *replica = node,
                None => moved.replicas.push(node),
            }
        }
        moved.elect(Some(node));
        self.changes += 1;
        Ok(())
    }

    /// Takes a node down: its partitions go to the next replica that is up, in the next epoch, or stay without leader.
    /// What it coordinated goes to another node in the same way.
    /// Logs and what they know of producers are replicated data and stay.
    ///
    /// The caller closes the node's connections.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn node_down(&mut self, node: i32) -> Result<(), TopologyError> {
        self.set_up(node, false)?;
        self.elect_leaders(|partition| partition.leader == Some(node));
        self.elect_coordinators(|coordinator| coordinator.leader == Some(node));
        Ok(())
    }

    /// Brings a node back: partitions without leader get one, in the next epoch; others keep theirs.
    ///
    /// # Errors
    /// If there is no such node.
    pub fn node_up(&mut self, node: i32) -> Result<(), TopologyError> {
        self.set_up(node, true)?;
        self.elect_leaders(|partition| partition.leader.is_none());
        self.elect_coordinators(|coordinator| coordinator.leader.is_none());
        Ok(())
    }

    fn set_up(&mut self, node: i32, up: bool) -> Result<(), TopologyError> {
        self.node_mut(node)
            .ok_or(TopologyError::UnknownNode(node))?
            .up = up;
        self.changes += 1;
        Ok(())
    }

    fn elect_leaders(&mut self, which: impl Fn(&Partition) -> bool) {
        let up = self.nodes_up();
        let partitions = self
            .topics
            .values_mut()
            .flat_map(|topic| topic.partitions.iter_mut());
        for partition in partitions.filter(|partition| which(partition)) {
            partition.elect(
                partition
                    .replicas
                    .iter()
                    .copied()
                    .find(|replica| up.contains(replica)),
            );
        }
    }

    fn elect_coordinators(&mut self, which: impl Fn(&Coordinator) -> bool) {
        let nodes = i32::try_from(self.nodes.len()).unwrap_or(i32::MAX);
        let up = self.nodes_up();
        self.coordinators.elect(nodes, &up, which);
    }

    pub(crate) fn nodes_up(&self) -> Vec<i32> {
        self.nodes
            .iter()
            .filter(|node| node.up)
            .map(|node| node.endpoint.node)
            .collect()
    }

    /// Replicas on nodes that are up, for `count` partitions from number `first` on.
    pub(crate) fn place(
        &self,
        first: usize,
        count: usize,
        replication: i16,
    ) -> Result<Vec<Vec<i32>>, TopologyError> {
        let up = self.nodes_up();
        match usize::try_from(replication) {
            Ok(replicas) if replicas > 0 && replicas <= up.len() => {
                Ok(topic::spread(&up, first, count, replicas))
            }
            _ => Err(TopologyError::InvalidReplication {
                replication,
                nodes: up.len(),
            }),
        }
    }

    pub(crate) fn check_new_name(&self, name: &str) -> Result<(), TopologyError> {
        topic::check_name(name).map_err(TopologyError::InvalidName)?;
        if self.topics.contains_key(name) {
            return Err(TopologyError::TopicExists(name.to_owned()));
        }
        match self.topics.keys().find(|other| topic::collide(name, other)) {
            Some(other) => Err(TopologyError::InvalidName(format!(
                "the name {name} collides with topic {other}"
            ))),
            None => Ok(()),
        }
    }

    /// Adds a topic that was checked.
    pub(crate) fn add_topic(
        &mut self,
        name: &str,
        config: TopicConfig,
        replicas: Vec<Vec<i32>>,
    ) -> Uuid {
        self.topics_created += 1;
        let id = topic_id(&self.cluster_id, self.topics_created);
        // A copy: a name from a request must not keep the whole frame in memory.
        let name = Str::from(name);
        let up = self.nodes_up();
        let partitions = replicas
            .into_iter()
            .map(|replicas| Partition::new(replicas, |node| up.contains(&node)));
        let topic = Topic {
            name: name.clone(),
            id,
            config,
            partitions: partitions.collect(),
        };
        self.names.insert(id, name.clone());
        self.topics.insert(name, topic);
        self.changes += 1;
        id
    }
}

/// The id of the `n`th topic of a cluster: no two alike, and the same in every run.
fn topic_id(cluster_id: &str, n: u64) -> Uuid {
    let seed = cluster_id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    // splitmix64 is a bijection of n, so ids differ in their first half already.
    let mix = |mut z: u64| {
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let first = mix(seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
    let second = mix(first.wrapping_add(seed));
    let mut bits = u128::from(first) << 64 | u128::from(second);
    // The marks of a random (version 4) UUID, which Kafka's ids carry too.
    bits = bits & !(0xf << 76) | 4 << 76;
    bits = bits & !(3 << 62) | 2 << 62;
    Uuid(bits.to_be_bytes())
}
