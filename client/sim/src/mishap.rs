//! What goes wrong in a run, as data.

use std::time::Duration;

use milena_broker::Fault;
use milena_protocol::{ApiKey, ErrorCode};

/// Something that happens to the world at a certain time.
#[derive(Clone, Debug)]
pub enum Mishap {
    /// Connections to a node break, of one producer or of all. Of what is on its way, some part still arrives.
    Cut {
        /// The node.
        node: i32,
        /// The producer; `None` for all.
        producer: Option<usize>,
    },
    /// Nothing arrives any more on connections to a node, until the time is over; then everything does. A client that
    /// loses patience meanwhile connects anew, and what it had sent is applied behind its back.
    Stall {
        /// The node.
        node: i32,
        /// The producer; `None` for all.
        producer: Option<usize>,
        /// What is held back.
        way: Way,
        /// How long.
        lasts: Duration,
        /// Whether connections made meanwhile suffer as well.
        later_ones: bool,
    },
    /// A node fails and comes back.
    NodeDown {
        /// The node.
        node: i32,
        /// How long.
        lasts: Duration,
    },
    /// A node does not take connections: attempts stay without answer.
    Unreachable {
        /// The node.
        node: i32,
        /// How long.
        lasts: Duration,
    },
    /// Another node becomes the leader of a partition.
    MoveLeader {
        /// Index of the topic.
        topic: usize,
        /// The partition.
        partition: i32,
        /// The new leader.
        node: i32,
    },
    /// The leader of a partition falls silent, another takes its place, and producers hear of that.
    Usurp {
        /// Index of the topic.
        topic: usize,
        /// The partition.
        partition: i32,
        /// The new leader.
        node: i32,
        /// How long the old one is silent. What it was sent meanwhile it reads afterwards.
        lasts: Duration,
    },
    /// Another node becomes the coordinator of a transactional id and of the group of that name.
    MoveCoordinator {
        /// Number of the id.
        id: usize,
        /// The new coordinator.
        node: i32,
        /// How long it loads what it has to know.
        loads: Duration,
    },
    /// The cluster finalizes another level of `transaction.version`.
    Upgrade {
        /// The level.
        level: i16,
    },
    /// A topic is deleted, and created anew a while later.
    DeleteTopic {
        /// Index of the topic.
        topic: usize,
        /// How long there is none.
        lasts: Duration,
    },
    /// A topic gets the partitions that it lacks.
    AddPartitions {
        /// Index of the topic.
        topic: usize,
    },
    /// A producer's process stands still while the cluster goes on.
    Freeze {
        /// The producer.
        producer: usize,
        /// How long.
        lasts: Duration,
    },
    /// The clock that a producer stamps its records by is set.
    ClockJump {
        /// The producer.
        producer: usize,
        /// How far it is ahead of the cluster's from then on, in milliseconds.
        by: i64,
    },
    /// The broker does as a [`Spell`] says.
    Bewitch(Spell),
    /// A producer closes its open batches, as a flush does.
    Flush {
        /// The producer.
        producer: usize,
    },
    /// A producer gives up everything, and goes on.
    Purge {
        /// The producer.
        producer: usize,
    },
    /// A producer gives up everything and takes nothing more.
    Close {
        /// The producer.
        producer: usize,
    },
}

/// Which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From client to broker.
    Up,
    /// From broker to client.
    Down,
    /// Both.
    Both,
}

/// A fault of the broker's, with its address.
#[derive(Clone, Debug)]
pub struct Spell {
    /// What happens.
    pub kind: SpellKind,
    /// To which requests.
    pub api: ApiKey,
    /// At which topic (by index) and partition, for errors.
    pub at: Option<(usize, i32)>,
    /// At which node, for everything else.
    pub node: Option<i32>,
    /// How many requests pass before.
    pub after: u32,
    /// How many requests it meets.
    pub times: u32,
}

/// What the broker does.
#[derive(Clone, Copy, Debug)]
pub enum SpellKind {
    /// Refuses.
    Refuse(ErrorCode),
    /// Applies and says that it did not.
    Deny(ErrorCode),
    /// Closes the connection instead of applying.
    LoseRequest,
    /// Applies and closes the connection.
    LoseAnswer,
    /// Falls silent.
    Hang,
    /// Applies and falls silent.
    HangAfterApplying,
    /// Applies and answers nonsense.
    Garbage,
    /// Applies, and sends only the beginning of the answer.
    Truncate,
    /// Applies, and answers somebody else.
    WrongCorrelationId,
    /// Answers late.
    Delay(Duration),
    /// Asks for silence.
    Throttle(Duration),
    /// Tells of the cluster as it is now, however it may change.
    Stale,
}

impl Spell {
    /// As the broker takes it. `names` are the topics by index.
    pub(crate) fn fault(&self, names: &[String]) -> Fault {
        let mut fault = match self.kind {
            SpellKind::Refuse(code) => Fault::error(code),
            SpellKind::Deny(code) => Fault::error_after_applying(code),
            SpellKind::LoseRequest => Fault::lose_request(),
            SpellKind::LoseAnswer => Fault::lose_answer(),
            SpellKind::Hang => Fault::hang(),
            SpellKind::HangAfterApplying => Fault::hang_after_applying(),
            SpellKind::Garbage => Fault::garbage(),
            SpellKind::Truncate => Fault::truncate(7),
            SpellKind::WrongCorrelationId => Fault::wrong_correlation_id(),
            SpellKind::Delay(by) => Fault::delay(by),
            SpellKind::Throttle(time) => Fault::throttle(time),
            SpellKind::Stale => Fault::stale_metadata(),
        };
        fault = fault.on(self.api).after(self.after).times(self.times);
        if let Some((topic, partition)) = self.at
            && let Some(name) = names.get(topic)
        {
            fault = fault.topic(name).partition(partition);
        }
        match self.node {
            Some(node) => fault.node(node),
            None => fault,
        }
    }
}
