//! What becomes of a request.

use std::fmt;

use bytes::Bytes;
use milena_protocol::DecodeError;

use crate::handlers::fetch::Parked;

/// What the driver of a connection has to do about one request.
///
/// Answers leave a connection in the order of its requests. [`State`](crate::State) does not know connections apart from
/// their number, so keeping that order is the driver's part: an answer that is due later holds back those behind it.
#[derive(Debug)]
#[must_use]
pub enum Reply {
    /// Send this.
    Answer(Answer),
    /// Nothing to answer yet: call [`State::resume`](crate::State::resume) when [`State::changes`](crate::State::changes)
    /// moved or the deadline came. Kafka takes no further request from the connection in the meantime.
    Wait(Waiting),
    /// There is no answer to this request (`acks` 0). Go on with the next.
    Silence,
    /// Never answer this request, nor handle any further one of this connection; keep it open.
    Hang,
    /// Close the connection, after the answers that are due before this one.
    Close(CloseReason),
}

/// Bytes for the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The frame, length prefix included, for a vectored write.
    pub segments: Vec<Bytes>,
    /// When to send it, in ms on the clock that `now` came from; not after `now` means at once.
    pub due: i64,
    /// Close the connection when it is sent.
    pub then_close: bool,
}

/// A fetch that waits for records.
#[derive(Debug)]
pub struct Waiting(pub(crate) Box<Parked>);

impl Waiting {
    /// When to give up waiting, in ms on the clock that `now` came from.
    #[must_use]
    pub fn deadline(&self) -> i64 {
        self.0.deadline
    }
}

/// Why a connection is closed.
#[derive(Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The request could not be read.
    Malformed(DecodeError),
    /// The request is of an API or version that this cluster does not serve.
    Unsupported {
        /// The API's key.
        api: i16,
        /// The version asked for.
        version: i16,
    },
    /// A produce request with `acks` 0 failed; closing is the only way to tell.
    UnansweredError(milena_protocol::ErrorCode),
    /// A fault says so.
    Fault,
    /// The node is down.
    NodeDown,
    /// The answer could not be written; a defect of this broker.
    Internal(String),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(error) => write!(f, "malformed request: {error}"),
            Self::Unsupported { api, version } => {
                write!(f, "API {api} version {version} is not served")
            }
            Self::UnansweredError(code) => write!(f, "a request with acks 0 failed: {code}"),
            Self::Fault => f.write_str("an injected fault"),
            Self::NodeDown => f.write_str("the node is down"),
            Self::Internal(what) => write!(f, "the answer could not be written: {what}"),
        }
    }
}
