//! What became of a batch, and what an answer means for it.

use std::{fmt, sync::Arc, time::Duration};

use milena_protocol::ErrorCode;

use crate::cluster::NodeId;

/// A batch is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Offset of the first record; the others follow it one by one. Unknown with acks 0, and when the broker only
    /// said that it had the batch already.
    pub base_offset: Option<i64>,
    /// When the broker appended the batch, in milliseconds since 1970, where the topic stamps records on arrival.
    pub log_append_time: Option<i64>,
}

/// Whether a record that failed may be in the log all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Persistence {
    /// It is not in the log: it never left, or every attempt was refused.
    No,
    /// It may be: at least one attempt went out whose answer never came or did not say.
    Maybe,
    /// It is in the log, although not everything that was asked for was done.
    Yes,
}

/// Why a batch was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The broker refused it for good, or refused it more often than `retries` allows.
    Refused(ErrorCode),
    /// The delivery timeout passed.
    Expired,
    /// The connection was lost more often than `retries` allows.
    ConnectionLost,
    /// The broker does not have what came before it, and an earlier attempt is unaccounted for: sending it under a
    /// new sequence number could store it twice.
    Unresolved,
    /// What was sent after it is stored already, because the broker had nothing of what came before: it could only be
    /// stored out of its place.
    Overtaken,
    /// The producer was closed before it could be delivered.
    Closed,
    /// The transaction that it belonged to is aborted.
    Aborted,
    /// The caller wanted it to be given up.
    Purged,
    /// The batch cannot be sent: compressing it failed.
    Unsendable(Arc<str>),
}

/// What went wrong with the latest attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The broker answered with an error.
    Answer {
        /// The error code.
        code: ErrorCode,
        /// The broker's words, if any.
        message: Option<Arc<str>>,
    },
    /// The connection was lost, or the answer did not come in time.
    Connection(Arc<str>),
}

/// A batch was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// How many records it held.
    pub records: u32,
    /// Whether its records may be in the log.
    pub persistence: Persistence,
    /// Times it was sent.
    pub attempts: u32,
    /// Whether it had a place in its partition's sequence, sent or not: it leaves a hole there.
    pub numbered: bool,
    /// What went wrong last.
    pub cause: Option<Cause>,
    /// The broker it was sent to last.
    pub broker: Option<NodeId>,
    /// Time from its creation to the first attempt, or to the end if there was none.
    pub queued: Duration,
    /// Time from the first attempt to the end.
    pub in_flight: Duration,
    /// Records that the broker found at fault, by index in the batch (KIP-467).
    pub record_errors: Vec<(u32, Option<Arc<str>>)>,
}

/// What an error code means for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is stored, now or by an earlier attempt.
    Stored,
    /// Send it again after a while.
    Retry,
    /// The broker does not have what the sequence number says should come before.
    Misplaced,
    /// It may be of use to send it again in parts.
    TooLarge,
    /// It is of no use to send it again.
    Final,
}

impl Verdict {
    pub(super) fn of(code: ErrorCode, idempotent: bool) -> Self {
        match code {
            ErrorCode::NONE | ErrorCode::DUPLICATE_SEQUENCE_NUMBER => Self::Stored,
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
            | ErrorCode::UNKNOWN_PRODUCER_ID
            | ErrorCode::INVALID_PRODUCER_EPOCH
                if idempotent =>
            {
                Self::Misplaced
            }
            ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => Self::TooLarge,
            _ if code.is_retriable() => Self::Retry,
            _ => Self::Final,
        }
    }
}

/// Whether a batch may be in the log although the broker answered `code`: it was appended but not replicated in
/// time, or the broker itself does not know.
///
/// A leader that loses its partition while a batch waits to be replicated answers with the same code as one that never led
/// it. What tells them apart is `base_offset`: the former says where it appended the batch, the latter -1. (One whose topic
/// is deleted meanwhile answers `UNKNOWN_TOPIC_OR_PARTITION`, with an offset too, but then nothing is in the log.)
pub(super) const fn may_be_written(code: ErrorCode, base_offset: i64) -> bool {
    match code {
        ErrorCode::NOT_LEADER_OR_FOLLOWER => base_offset >= 0,
        ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND
        | ErrorCode::REQUEST_TIMED_OUT
        | ErrorCode::NETWORK_EXCEPTION
        | ErrorCode::KAFKA_STORAGE_ERROR
        | ErrorCode::UNKNOWN_SERVER_ERROR => true,
        _ => false,
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer {
                code,
                message: Some(message),
            } => write!(f, "{code}: {message}"),
            Self::Answer {
                code,
                message: None,
            } => write!(f, "{code}"),
            Self::Connection(what) => f.write_str(what),
        }
    }
}
