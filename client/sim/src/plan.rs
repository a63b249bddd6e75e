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
    /// How many of them the last topic has to begin with, if not all.
    pub grown: Option<i32>,
    /// The fastest and the slowest way of a packet.
    pub latency: (Duration, Duration),
    /// Requests that a connection takes before the broker reads any.
    pub window: usize,
    /// Epoch with which the broker gives out producer ids; a real one starts at 0. Those of transactions do.
    pub first_epoch: i16,
    /// Whether topics are produced to by name, as with brokers before 4.1.
    pub by_name: bool,
    /// The level of `transaction.version` that the cluster begins with.
    pub transaction_version: i16,
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
    /// Callers, each with the records that it appends one after the other. None with transactions.
    pub callers: Vec<Vec<Load>>,
    /// What it does in transactions, if it does.
    pub transactions: Option<TransactionsPlan>,
    /// Whether it has time and retries enough to deliver every record, provided that the broker refuses none for good.
    pub patient: bool,
}

/// A producer of transactions.
#[derive(Clone, Debug)]
pub struct TransactionsPlan {
    /// Number of its transactional id. Of those that share one, the later fences the earlier.
    pub id: usize,
    /// When it starts.
    pub starts: Duration,
    /// How long the coordinator lets a transaction stay open.
    pub timeout: Duration,
    /// Its transactions, one after the other.
    pub script: Vec<TransactionPlan>,
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct TransactionPlan {
    /// Pause before it begins.
    pub after: Duration,
    /// Its records.
    pub records: Vec<Load>,
    /// The partition of the first topic that it commits an offset of.
    pub offsets: Option<i32>,
    /// Whether it waits for the offsets before it ends.
    pub awaits_offsets: bool,
    /// How it ends.
    pub end: End,
}

/// What a caller does with its transaction in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Commits it.
    Commit,
    /// Commits it, and does not wait for that.
    CommitAndLeave,
    /// Aborts it.
    Abort,
    /// Drops it.
    Drop,
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

    /// The transactional id of that number; also the name of the group whose offsets it commits.
    pub(crate) fn transactional_id(number: usize) -> String {
        format!("transactions-{number}")
    }

    /// The number of a producer's transactional id.
    pub(crate) fn id_of(&self, producer: usize) -> Option<usize> {
        let producer = self.producers.get(producer)?;
        producer.transactions.as_ref().map(|mine| mine.id)
    }

    /// Every partition: index of the topic, and number.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (usize, i32)> {
        let topics = self.topics.iter().enumerate();
        topics.flat_map(|(topic, count)| (0..*count).map(move |partition| (topic, partition)))
    }
}
