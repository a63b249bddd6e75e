//! How a stream to a broker is made: the seam for TLS, for other networks, and for tests without one.

use std::{fmt, future::Future, io, net::SocketAddr, pin::Pin, sync::Arc, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

/// A future on the heap, so that traits may return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A connected stream of bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Makes streams to brokers.
///
/// The client brings one for plain TCP. Another one may add a tunnel, or connect to something within the process.
pub trait Connector: fmt::Debug + Send + Sync + 'static {
    /// Connects to `host` (a name or an address, without brackets) at `port`.
    ///
    /// `setup_timeout` is for each single address that the name stands for; the client bounds the whole call besides.
    /// Dropping the future gives up.
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>>;
}

/// Turns a host name into addresses.
pub trait Resolver: fmt::Debug + Send + Sync + 'static {
    /// All addresses of `host`, in the order in which to try them.
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// Why no stream could be made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The host name stands for no address.
    #[error("the host name {host:?} does not resolve{}", reason.as_ref().map(|e| format!(": {e}")).unwrap_or_default())]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said; `None` when it returned no address.
        reason: Option<Arc<io::Error>>,
    },
    /// None of the addresses could be connected to.
    #[error("{}", list(attempts))]
    Connect {
        /// Each address with what happened.
        attempts: Vec<(SocketAddr, Arc<io::Error>)>,
    },
    /// Anything else that a connector meets.
    #[error("{0}")]
    Other(Arc<io::Error>),
}

impl From<io::Error> for DialError {
    fn from(error: io::Error) -> Self {
        Self::Other(Arc::new(error))
    }
}

fn list(attempts: &[(SocketAddr, Arc<io::Error>)]) -> String {
    let one = |(address, error): &(SocketAddr, Arc<io::Error>)| match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("connection refused ({address})"),
        io::ErrorKind::TimedOut => format!("no answer to connecting ({address})"),
        _ => format!("{error} ({address})"),
    };
    attempts.iter().map(one).collect::<Vec<_>>().join(", ")
}
