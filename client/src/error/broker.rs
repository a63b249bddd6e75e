//! Trouble with one broker, and errors that Kafka itself returns.

use std::{fmt, io, sync::Arc, time::Duration};

use milena_engine::{connection::ConnectionError, frame::FrameError};
use milena_protocol::ErrorCode;

use crate::io::connector::DialError;

/// Trouble with the connection to one broker: who, and what was seen.
///
/// ```text
/// broker 2 (advertised at kafka-2:9092): the host name "kafka-2" does not resolve
/// kafka-1:9093: the port speaks TLS, and this connection is plaintext
/// ```
#[derive(Clone)]
pub struct BrokerError(Arc<Inner>);

struct Inner {
    peer: Arc<Peer>,
    kind: BrokerErrorKind,
    detail: String,
}

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BrokerErrorKind {
    /// The host name stands for no address.
    DoesNotResolve,
    /// No connection could be made: refused, unreachable, or no answer in time.
    CannotConnect,
    /// The port speaks TLS.
    SpeaksTls,
    /// The port speaks HTTP.
    SpeaksHttp,
    /// What arrived is not what a Kafka broker says: a length that cannot be, an answer that cannot be read or that
    /// nobody asked for.
    Garbage,
    /// The handshake was refused, or no version is common to both sides.
    Incompatible,
    /// The connection is open and no answer comes.
    NoAnswer,
    /// An answer came that is of no use, such as from a broker that has not joined its cluster yet.
    NotServing,
    /// The connection was closed or broke.
    Lost,
}

/// Whom a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The broker's number; `None` for an address that the client was started with.
    pub(crate) node: Option<i32>,
    pub(crate) host: Arc<str>,
    pub(crate) port: u16,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, host, port } = self;
        let address = fmt::from_fn(|f| {
            if host.contains(':') {
                write!(f, "[{host}]:{port}")
            } else {
                write!(f, "{host}:{port}")
            }
        });
        match node {
            Some(node) => write!(f, "broker {node} (advertised at {address})"),
            None => write!(f, "{address}"),
        }
    }
}

impl BrokerError {
    /// The broker's number; `None` for an address that the client was started with.
    pub fn node(&self) -> Option<i32> {
        self.0.peer.node
    }

    /// The host that was connected to, or should have been.
    pub fn host(&self) -> &str {
        &self.0.peer.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.0.peer.port
    }

    /// What kind of trouble it is.
    pub fn kind(&self) -> BrokerErrorKind {
        self.0.kind
    }

    /// Whether another attempt may go better. What speaks another protocol goes on doing so.
    pub fn is_retriable(&self) -> bool {
        use BrokerErrorKind::{
            CannotConnect, DoesNotResolve, Garbage, Incompatible, Lost, NoAnswer, NotServing,
            SpeaksHttp, SpeaksTls,
        };
        match self.0.kind {
            DoesNotResolve | CannotConnect | NoAnswer | NotServing | Lost => true,
            SpeaksTls | SpeaksHttp | Garbage | Incompatible => false,
        }
    }

    pub(crate) fn new(peer: &Arc<Peer>, kind: BrokerErrorKind, detail: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            peer: peer.clone(),
            kind,
            detail: detail.into(),
        }))
    }

    pub(crate) fn dial(peer: &Arc<Peer>, error: &DialError) -> Self {
        let kind = match error {
            DialError::Resolve { .. } => BrokerErrorKind::DoesNotResolve,
            DialError::Connect { .. } | DialError::Other(_) => BrokerErrorKind::CannotConnect,
        };
        Self::new(peer, kind, error.to_string())
    }

    pub(crate) fn dial_timeout(peer: &Arc<Peer>, waited: Duration) -> Self {
        let detail = format!("no connection within {waited:?}");
        Self::new(peer, BrokerErrorKind::CannotConnect, detail)
    }

    /// The stream failed; `ready` tells whether the handshake was over.
    pub(crate) fn io(peer: &Arc<Peer>, error: &io::Error, ready: bool) -> Self {
        let detail = if ready {
            format!("the connection broke: {error}")
        } else {
            format!(
                "the connection broke before the first answer ({error}); the port may expect TLS"
            )
        };
        Self::new(peer, BrokerErrorKind::Lost, detail)
    }

    pub(crate) fn connection(peer: &Arc<Peer>, error: &ConnectionError) -> Self {
        use ConnectionError as E;
        let kind = match error {
            E::Frame(FrameError::Http) => BrokerErrorKind::SpeaksHttp,
            E::Frame(FrameError::Tls) => BrokerErrorKind::SpeaksTls,
            E::Frame(FrameError::Negative { .. } | FrameError::TooLarge { .. })
            | E::Unasked { .. }
            | E::Correlation { .. }
            | E::TooShort { .. }
            | E::Decode(_) => BrokerErrorKind::Garbage,
            E::Refused(_) | E::Handshake(_) => BrokerErrorKind::Incompatible,
            E::HandshakeTimedOut { .. } | E::RequestTimedOut { .. } => BrokerErrorKind::NoAnswer,
            E::ClosedInHandshake | E::ClosedMidFrame { .. } | E::Closed => BrokerErrorKind::Lost,
        };
        Self::new(peer, kind, error.to_string())
    }
}

impl fmt::Display for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.peer, self.0.detail)
    }
}

impl fmt::Debug for BrokerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BrokerError({:?}, \"{self}\")", self.0.kind)
    }
}

impl std::error::Error for BrokerError {}

/// An error that a broker returned: its code, Kafka's name for it, and what the broker said besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaError {
    /// The number on the wire.
    pub code: i16,
    /// Kafka's name for it, such as `TOPIC_ALREADY_EXISTS`; `UNKNOWN` for a code that this client does not know.
    pub name: &'static str,
    /// What the broker added in words.
    pub message: Option<String>,
}

impl KafkaError {
    pub(crate) fn new(code: ErrorCode, message: Option<&str>) -> Self {
        let message = message
            .filter(|message| !message.is_empty())
            .map(str::to_owned);
        Self {
            code: code.0,
            name: code.name().unwrap_or("UNKNOWN"),
            message,
        }
    }

    /// Whether Kafka counts it among those that another attempt may mend.
    pub fn is_retriable(&self) -> bool {
        ErrorCode(self.code).is_retriable()
    }
}

impl From<ErrorCode> for KafkaError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code, None)
    }
}

impl fmt::Display for KafkaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.code)?;
        self.message
            .as_ref()
            .map_or(Ok(()), |message| write!(f, ": {message}"))
    }
}

impl std::error::Error for KafkaError {}
