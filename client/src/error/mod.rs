//! What can go wrong: one type per kind of operation, each saying what was seen and from whom.

mod admin;
mod broker;
mod connect;
mod read;

use std::{sync::Arc, time::Duration};

use milena_protocol::ErrorCode;

pub(crate) use self::broker::Peer;
pub use self::{
    admin::AdminError,
    broker::{BrokerError, BrokerErrorKind, KafkaError},
    connect::{ConfigError, ConnectError},
    read::ReadError,
};
use crate::{io::lane::RequestError, process::Forked};

/// What was behind a failure that took some time to show.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// A broker refused.
    #[error(transparent)]
    Kafka(KafkaError),
    /// A broker could not be reached, or did not answer as a broker does.
    #[error(transparent)]
    Broker(BrokerError),
    /// The client belongs to the parent of this process.
    #[error(transparent)]
    Forked(Forked),
    /// Anything else, in words.
    #[error("{0}")]
    Other(Arc<str>),
}

impl From<ErrorCode> for Cause {
    fn from(code: ErrorCode) -> Self {
        Self::Kafka(code.into())
    }
}

impl From<RequestError> for Cause {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Broker(error) => Self::Broker(error),
            RequestError::Forked(forked) => Self::Forked(forked),
            other => Self::Other(other.to_string().into()),
        }
    }
}

/// Why nothing is known of a topic.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// The cluster refused to tell, in a way that waiting does not mend.
    #[error("topic {topic:?}: {error}")]
    Refused {
        /// The topic.
        topic: String,
        /// What the broker said.
        error: KafkaError,
    },
    /// The topic did not become known in time.
    #[error(
        "topic {topic:?} did not become known within {waited:?}{}",
        because(cause)
    )]
    TimedOut {
        /// The topic.
        topic: String,
        /// Time waited.
        waited: Duration,
        /// What was last in the way.
        cause: Option<Cause>,
    },
    /// The topic is known, and has fewer partitions than that.
    #[error(
        "topic {topic:?} has {count} partitions, and none with number {partition} came within {waited:?}"
    )]
    NoPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: i32,
        /// How many there are.
        count: usize,
        /// Time waited.
        waited: Duration,
    },
    /// The client's tasks are gone: its runtime has shut down.
    #[error("the client has ended")]
    Ended,
    /// The client belongs to the parent of this process.
    #[error(transparent)]
    Forked(#[from] Forked),
}

/// ` (last: …)`, when there is a cause.
pub(crate) fn because(cause: &Option<Cause>) -> String {
    cause
        .as_ref()
        .map(|cause| format!(" (last: {cause})"))
        .unwrap_or_default()
}

/// What happened at several addresses, in one line.
pub(crate) fn list(errors: &[BrokerError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}
