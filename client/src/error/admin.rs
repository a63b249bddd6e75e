//! Errors of administration.

use std::time::Duration;

use super::{Cause, KafkaError, because};

/// Why a topic could not be created, deleted, changed or described.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The cluster refused.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// It did not come about in time. The cluster may have begun, and may still finish.
    #[error("not done within {waited:?}{}", because(cause))]
    TimedOut {
        /// Time spent, over all attempts.
        waited: Duration,
        /// What was last in the way.
        cause: Option<Cause>,
    },
    /// A broker cannot be spoken with, and another attempt will not help.
    #[error("{0}")]
    Failed(Cause),
    /// The answer says nothing about the topic.
    #[error("the broker's answer does not mention the topic")]
    NotMentioned,
}

impl AdminError {
    /// Kafka's code for it, when it was the cluster that refused.
    pub fn code(&self) -> Option<i16> {
        match self {
            Self::Kafka(error) => Some(error.code),
            _ => None,
        }
    }
}
