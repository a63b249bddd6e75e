//! What can go wrong on a connection.

use std::time::Duration;

use milena_protocol::{ApiKey, DecodeError, EncodeError, ErrorCode};

use crate::{frame::FrameError, versions::VersionError};

/// Why a request was not accepted. The connection is as good as before.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendError {
    /// The handshake is not over, or the connection is closed.
    #[error("the connection is not ready")]
    NotReady,
    /// No version of the request fits.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// The request cannot be written in that version.
    #[error("the request cannot be written: {0}")]
    Encode(EncodeError),
}

/// Why a connection is of no further use.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectionError {
    /// What arrived is no Kafka frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A frame arrived that nobody asked for.
    #[error("an answer with correlation id {got} arrived, but nothing was asked")]
    Unasked {
        /// The id in the frame.
        got: i32,
    },
    /// An answer arrived out of order, or to something never asked.
    #[error("an answer with correlation id {got} arrived where {expected} ({api:?}) was due")]
    Correlation {
        /// The id in the frame.
        got: i32,
        /// The id of the oldest request.
        expected: i32,
        /// The oldest request.
        api: ApiKey,
    },
    /// A frame that has no room for a correlation id.
    #[error("a frame of {length} bytes arrived, too short for an answer")]
    TooShort {
        /// Its length.
        length: usize,
    },
    /// An answer cannot be read.
    #[error("the answer cannot be read: {0}")]
    Decode(DecodeError),
    /// The broker refused to say which versions it speaks.
    #[error("the broker refused the handshake: {0}")]
    Refused(ErrorCode),
    /// The first request of a connection cannot be written.
    #[error("the handshake cannot be written: {0}")]
    Handshake(EncodeError),
    /// The handshake took too long.
    #[error("the handshake was not answered within {waited:?}")]
    HandshakeTimedOut {
        /// Time since it began.
        waited: Duration,
    },
    /// A request took too long.
    #[error(
        "{api:?} was not answered within {waited:?}{}",
        if *.transmitted { "" } else { " (it could not even be written)" }
    )]
    RequestTimedOut {
        /// The request.
        api: ApiKey,
        /// Time since it was sent.
        waited: Duration,
        /// Whether all of it had been given to the stream.
        transmitted: bool,
    },
    /// The peer closed the connection before it said anything.
    #[error(
        "the connection was closed before the first answer; \
         the port may expect TLS, or belong to something other than Kafka 0.10 or later"
    )]
    ClosedInHandshake,
    /// The peer closed the connection within a frame.
    #[error("the connection was closed in mid-frame, after {} bytes of {}", .arrived, match .announced {
        Some(length) => length.to_string(),
        None => "an unfinished length".to_owned(),
    })]
    ClosedMidFrame {
        /// Bytes of the frame that arrived.
        arrived: usize,
        /// Bytes it should have had, when that was known.
        announced: Option<usize>,
    },
    /// The peer closed the connection.
    #[error("the connection was closed by the broker")]
    Closed,
}
