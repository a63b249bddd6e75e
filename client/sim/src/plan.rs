//! A run as data: the cluster, the producers with their records, and everything that goes wrong.

use std::time::Duration;

use milena_engine::{produce::Settings, time::Instant};

use crate::mishap::Mishap;

/// Everything about a run. The same plan gives the same run, event for event.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was drawn from; also the seed of all chance in the run itself.
    pub seed: u64,
    /// Nodes of the cluster.
    pub nodes: i32,
    /// Partitions of each topic.
    pub topics: Vec<i32>,
    /// The fastest and the slowest way of a packet.
    pub latency: (Duration, Duration),
    /// Requests that a connection takes before the broker reads any.
    pub window: usize,
    /// Epoch with which the broker gives out producer ids; a real one starts at 0.
    pub first_epoch: i16,
    /// The producers.
    pub producers: Vec<ProducerPlan>,
    /// What goes wrong, and when.
    pub mishaps: Vec<(Instant, Mishap)>,
    /// When everything that is broken becomes whole again.
    pub heal: Instant,
}

/// One producer.
#[derive(Clone, Debug)]
pub struct ProducerPlan {
    /// Its settings.
    pub settings: Settings,
    /// Bytes of its budget.
    pub buffer_memory: usize,
    /// How long a caller waits for memory.
    pub max_block: Duration,
    /// How long a connection and its handshake may take.
    pub setup_timeout: Duration,
    /// Callers, each with the records that it appends one after the other.
    pub callers: Vec<Vec<Load>>,
    /// Whether it has time and retries enough to deliver every record, provided that the broker refuses none for good.
    pub patient: bool,
}

/// A record to append.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Pause before it.
    pub after: Duration,
    /// Index of the topic.
    pub topic: usize,
    /// The partition.
    pub partition: i32,
    /// Bytes of the value.
    pub size: usize,
}

impl Plan {
    /// Names of the topics.
    pub(crate) fn names(&self) -> Vec<String> {
        (0..self.topics.len())
            .map(|topic| format!("topic-{topic}"))
            .collect()
    }

    /// Every partition: index of the topic, and number.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (usize, i32)> {
        let topics = self.topics.iter().enumerate();
        topics.flat_map(|(topic, count)| (0..*count).map(move |partition| (topic, partition)))
    }
}
