//! Errors of reading.

use std::time::Duration;

use super::{Cause, ConfigError, TopicError, because};

/// Why a record could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A setting cannot be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The topic is not known.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// There is no such partition.
    #[error("topic {topic:?} has {count} partitions, and none with number {partition}")]
    NoPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: i32,
        /// How many there are.
        count: usize,
    },
    /// The offset to start from is not in the log, or fell out of it while reading.
    #[error("offset {offset} of {topic}-{partition} is not in the log, which has {start} to {end}")]
    OutOfRange {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that was wanted.
        offset: i64,
        /// The first offset there is.
        start: i64,
        /// The offset after the last.
        end: i64,
    },
    /// A batch in the log cannot be read. Reading goes on after it.
    #[error("{topic}-{partition} at offset {offset}: {reason}")]
    Corrupt {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Where the batch begins.
        offset: i64,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing could be fetched for too long.
    #[error(
        "nothing could be read from {topic}-{partition} for {waited:?}{}",
        because(cause)
    )]
    TimedOut {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Time without success.
        waited: Duration,
        /// What was last in the way.
        cause: Option<Cause>,
    },
    /// A broker refused, or cannot be spoken with, and another attempt will not help.
    #[error("{topic}-{partition}: {cause}")]
    Failed {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why.
        cause: Cause,
    },
}
