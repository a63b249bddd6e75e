//! Why a record was not delivered.

use std::{fmt, sync::Arc, time::Duration};

use milena_engine::produce::{Cause, Failure, Reason};
use milena_protocol::ErrorCode;

pub use milena_engine::produce::Persistence;

use crate::{Forked, SerializeError, TopicError};

/// A record was not accepted, or was accepted and not delivered.
///
/// The message says what happened, to which partition, how often it was tried, and what went wrong last.
/// [`persistence`](Self::persistence) says whether the record may be in the log all the same.
#[derive(Clone, Debug)]
pub struct ProduceError {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: ProduceErrorKind,
    topic: Arc<str>,
    partition: Option<i32>,
    detail: Detail,
}

#[derive(Debug)]
enum Detail {
    Text(String),
    /// It is not settled yet.
    Unsettled(String),
    Topic(TopicError),
    Unserializable {
        part: &'static str,
        error: SerializeError,
    },
    Failure {
        failure: Arc<Failure>,
        index: u32,
    },
}

/// The kinds of [`ProduceError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProduceErrorKind {
    /// The producer is closed, or was closed before the record could be delivered.
    Closed,
    /// The topic or partition did not become known within `max_block`.
    UnknownTopic,
    /// The record is larger than `max_request_size` or `buffer_memory`, or than the topic's `max.message.bytes`.
    TooLarge,
    /// `buffer_memory` was used up, and stayed so for `max_block`.
    BufferFull,
    /// `delivery_timeout` passed.
    TimedOut,
    /// The broker does not allow it.
    Unauthorized,
    /// The broker refused the record for another reason; [`ProduceError::code`] says which.
    Refused,
    /// The broker found this very record at fault, and refused its batch.
    InvalidRecord,
    /// The broker refused the batch because of other records in it. Sent again without those, this one may be taken.
    OtherRecordInvalid,
    /// The connection was lost more often than `retries` allows.
    ConnectionLost,
    /// The broker lost track of what the producer had sent before, and whether this record is stored cannot be told.
    OutcomeUnknown,
    /// The record cannot be encoded, or names a partition below 0.
    Invalid,
    /// A [`Serializer`](crate::Serializer) could make nothing of its key or value.
    Unserializable,
    /// The transaction that the record was for has failed or was aborted.
    Aborted,
    /// [`Producer::purge`](crate::Producer::purge) gave it up.
    Purged,
    /// A call of [`blocking`](crate::blocking) would have had to wait in a callback, on the very thread that it waited for.
    WouldBlock,
    /// The process was [`Forked`], and the producer belongs to the parent. What that had accepted before goes on there.
    Forked,
}

impl ProduceErrorKind {
    /// Every kind that a record which was accepted can fail with.
    #[cfg(feature = "metrics")]
    pub(super) const ALL: [Self; 14] = [
        Self::Closed,
        Self::UnknownTopic,
        Self::TooLarge,
        Self::BufferFull,
        Self::TimedOut,
        Self::Unauthorized,
        Self::Refused,
        Self::InvalidRecord,
        Self::OtherRecordInvalid,
        Self::ConnectionLost,
        Self::OutcomeUnknown,
        Self::Invalid,
        Self::Aborted,
        Self::Purged,
    ];
}

impl ProduceError {
    pub(crate) fn new(
        kind: ProduceErrorKind,
        topic: impl Into<Arc<str>>,
        partition: Option<i32>,
        detail: impl Into<String>,
    ) -> Self {
        Self::with(kind, topic, partition, Detail::Text(detail.into()))
    }

    /// The key or the value was not to be serialized.
    pub(crate) fn unserializable(
        topic: &str,
        partition: Option<i32>,
        part: &'static str,
        error: SerializeError,
    ) -> Self {
        let detail = Detail::Unserializable { part, error };
        Self::with(ProduceErrorKind::Unserializable, topic, partition, detail)
    }

    /// A record that was accepted, and whose outcome nobody will tell.
    pub(crate) fn unsettled(
        kind: ProduceErrorKind,
        topic: &str,
        partition: i32,
        detail: String,
    ) -> Self {
        Self::with(kind, topic, Some(partition), Detail::Unsettled(detail))
    }

    /// The topic, or the partition of it, is not known.
    pub(crate) fn unknown(topic: &str, partition: Option<i32>, error: TopicError) -> Self {
        let kind = match refusal(&error) {
            _ if matches!(error, TopicError::Ended) => ProduceErrorKind::Closed,
            _ if matches!(error, TopicError::Forked(_)) => ProduceErrorKind::Forked,
            Some(
                ErrorCode::TOPIC_AUTHORIZATION_FAILED | ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
            ) => ProduceErrorKind::Unauthorized,
            _ => ProduceErrorKind::UnknownTopic,
        };
        Self::with(kind, topic, partition, Detail::Topic(error))
    }

    pub(crate) fn undelivered(
        topic: Arc<str>,
        partition: i32,
        index: u32,
        failure: Arc<Failure>,
    ) -> Self {
        let kind = ProduceErrorKind::of(&failure, index);
        let detail = Detail::Failure { failure, index };
        Self::with(kind, topic, Some(partition), detail)
    }

    fn with(
        kind: ProduceErrorKind,
        topic: impl Into<Arc<str>>,
        partition: Option<i32>,
        detail: Detail,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                kind,
                topic: topic.into(),
                partition,
                detail,
            }),
        }
    }

    /// What kind of error it is.
    pub fn kind(&self) -> ProduceErrorKind {
        self.inner.kind
    }

    /// The topic the record was for; empty where it is about all that a sink has taken.
    pub fn topic(&self) -> &str {
        &self.inner.topic
    }

    /// The partition the record was for, if it was chosen already.
    pub fn partition(&self) -> Option<i32> {
        self.inner.partition
    }

    /// Whether the record may be in the log all the same.
    pub fn persistence(&self) -> Persistence {
        match &self.inner.detail {
            Detail::Failure { failure, .. } => failure.persistence,
            Detail::Unsettled(_) => Persistence::Maybe,
            Detail::Text(_) | Detail::Topic(_) | Detail::Unserializable { .. } => Persistence::No,
        }
    }

    /// Kafka's error code, if a broker's answer was the last thing that went wrong.
    pub fn code(&self) -> Option<i16> {
        match &self.inner.detail {
            Detail::Text(_) | Detail::Unsettled(_) | Detail::Unserializable { .. } => None,
            Detail::Topic(error) => refusal(error).map(|code| code.0),
            Detail::Failure { failure, .. } => match failure.cause.as_ref()? {
                Cause::Answer { code, .. } => Some(code.0),
                Cause::Connection(_) => None,
            },
        }
    }

    /// How often the record was sent.
    pub fn attempts(&self) -> u32 {
        self.failure().map_or(0, |failure| failure.attempts)
    }

    /// The id of the broker it was sent to last.
    pub fn broker(&self) -> Option<i32> {
        self.failure()?.broker.map(|node| node.0)
    }

    /// Time the record's batch waited until it was first sent.
    pub fn queued(&self) -> Duration {
        self.failure()
            .map_or(Duration::ZERO, |failure| failure.queued)
    }

    /// Time from the first attempt to the end.
    pub fn in_flight(&self) -> Duration {
        self.failure()
            .map_or(Duration::ZERO, |failure| failure.in_flight)
    }

    fn failure(&self) -> Option<&Failure> {
        match &self.inner.detail {
            Detail::Failure { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

/// The broker's answer that stood in the way of knowing a topic.
const fn refusal(error: &TopicError) -> Option<ErrorCode> {
    match error {
        TopicError::Refused { error, .. }
        | TopicError::TimedOut {
            cause: Some(crate::Cause::Kafka(error)),
            ..
        } => Some(ErrorCode(error.code)),
        _ => None,
    }
}

impl ProduceErrorKind {
    /// The kind for the record at `index` of its batch.
    pub(super) fn of(failure: &Failure, index: u32) -> Self {
        use ErrorCode as Code;
        match &failure.reason {
            Reason::Refused(_) if failure.record_errors.iter().any(|(at, _)| *at == index) => {
                Self::InvalidRecord
            }
            Reason::Refused(_) if !failure.record_errors.is_empty() => Self::OtherRecordInvalid,
            Reason::Expired => Self::TimedOut,
            Reason::Closed => Self::Closed,
            Reason::Aborted => Self::Aborted,
            Reason::Purged => Self::Purged,
            Reason::ConnectionLost => Self::ConnectionLost,
            Reason::Unresolved => Self::OutcomeUnknown,
            Reason::Overtaken => Self::Refused,
            Reason::Unsendable(_) => Self::Invalid,
            Reason::Refused(Code::MESSAGE_TOO_LARGE | Code::RECORD_LIST_TOO_LARGE) => {
                Self::TooLarge
            }
            Reason::Refused(
                Code::TOPIC_AUTHORIZATION_FAILED
                | Code::CLUSTER_AUTHORIZATION_FAILED
                | Code::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
            ) => Self::Unauthorized,
            Reason::Refused(Code::INVALID_TOPIC_EXCEPTION) => Self::UnknownTopic,
            Reason::Refused(_) => Self::Refused,
        }
    }
}

impl fmt::Display for ProduceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.inner.topic {
            "" => f.write_str("records")?,
            topic => write!(f, "record for {topic}")?,
        }
        if let Some(partition) = self.inner.partition {
            write!(f, "-{partition}")?;
        }
        match &self.inner.detail {
            Detail::Text(text) | Detail::Unsettled(text) => write!(f, ": {text}"),
            Detail::Topic(error) => write!(f, ": {error}"),
            Detail::Unserializable { part, error } => {
                write!(f, ": its {part} cannot be serialized: {error}")
            }
            Detail::Failure { failure, index } => describe(f, failure, *index),
        }
    }
}

fn describe(f: &mut fmt::Formatter<'_>, failure: &Failure, index: u32) -> fmt::Result {
    match &failure.reason {
        Reason::Refused(_) => f.write_str(": refused by the broker")?,
        Reason::Expired => f.write_str(": delivery timeout")?,
        Reason::ConnectionLost => f.write_str(": no more retries after a lost connection")?,
        Reason::Unresolved => f.write_str(": the broker lost track of what was sent before it")?,
        Reason::Overtaken => f.write_str(": what was sent after it is stored already")?,
        Reason::Closed => f.write_str(": the producer was closed before it was delivered")?,
        Reason::Aborted => f.write_str(": its transaction is aborted")?,
        Reason::Purged => f.write_str(": given up on request")?,
        Reason::Unsendable(why) => write!(f, ": cannot be sent: {why}")?,
    }
    match failure.persistence {
        Persistence::No => f.write_str(" (it is not stored)")?,
        Persistence::Maybe => f.write_str(" (it may be stored)")?,
        Persistence::Yes => f.write_str(" (it is stored)")?,
    }
    let (queued, in_flight) = (failure.queued, failure.in_flight);
    if failure.attempts == 0 {
        write!(f, "; it waited {queued:.1?} and was never sent")?;
    } else {
        let times = if failure.attempts == 1 {
            "time"
        } else {
            "times"
        };
        write!(f, "; sent {} {times}", failure.attempts)?;
        if let Some(broker) = failure.broker {
            write!(f, ", last to broker {broker}")?;
        }
        write!(f, "; {queued:.1?} queued, {in_flight:.1?} in flight")?;
    }
    if let Some(cause) = &failure.cause {
        write!(f, "; last error: {cause}")?;
    }
    if !failure.record_errors.is_empty() {
        match failure.record_errors.iter().find(|(at, _)| *at == index) {
            Some((_, Some(message))) => write!(f, "; this record: {message}")?,
            Some((_, None)) => f.write_str("; the broker found this record at fault")?,
            None => write!(
                f,
                "; the broker found {} other records of its batch at fault",
                failure.record_errors.len()
            )?,
        }
    }
    Ok(())
}

impl std::error::Error for ProduceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.inner.detail {
            Detail::Unserializable { error, .. } => Some(&**error),
            _ => None,
        }
    }
}

/// Why [`Producer::try_send`](crate::Producer::try_send) did not take a record.
#[derive(Debug)]
pub enum TrySendError<'a> {
    /// There is no memory at the moment; here is the record back.
    Full(crate::Record<'a>),
    /// The topic's partitions are not known yet; here is the record back.
    NotReady(crate::Record<'a>),
    /// The record cannot be sent.
    Rejected(ProduceError),
}

impl fmt::Display for TrySendError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(record) => {
                write!(f, "record for {}: buffer_memory is used up", record.topic)
            }
            Self::NotReady(record) => {
                write!(f, "record for {}: the topic is not known yet", record.topic)
            }
            Self::Rejected(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TrySendError<'_> {}

/// A producer was not closed, or not everything it had accepted was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// So many records were given up; each one's [`Delivery`](crate::Delivery) says whether it may be stored.
    #[error("{0} records were not delivered before the deadline")]
    Undelivered(u64),
    /// The producer belongs to the parent of this process, and goes on there.
    #[error(transparent)]
    Forked(#[from] Forked),
}
