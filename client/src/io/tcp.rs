//! Plain TCP.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream, lookup_host};

use super::connector::{BoxFuture, Connector, DialError, Resolver, Stream};

/// Silence after which the kernel asks whether the peer is still there. Below the four minutes after which some clouds'
/// load balancers forget an idle connection without telling anybody.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Connects over TCP, to all addresses of a name in turn.
#[derive(Clone, Debug)]
pub struct TcpConnector {
    resolver: Arc<dyn Resolver>,
    send_buffer: Option<u32>,
    receive_buffer: Option<u32>,
}

impl TcpConnector {
    /// Takes addresses from `resolver` instead of the system.
    pub fn with_resolver(resolver: impl Resolver) -> Self {
        Self {
            resolver: Arc::new(resolver),
            send_buffer: None,
            receive_buffer: None,
        }
    }

    /// Bytes that the kernel holds for what is to be sent. Default: as many as it likes.
    #[doc(alias = "send.buffer.bytes")]
    #[must_use]
    pub const fn send_buffer(mut self, bytes: Option<u32>) -> Self {
        self.send_buffer = bytes;
        self
    }

    /// Bytes that the kernel holds for what was received. Default: as many as it likes.
    #[doc(alias = "receive.buffer.bytes")]
    #[must_use]
    pub const fn receive_buffer(mut self, bytes: Option<u32>) -> Self {
        self.receive_buffer = bytes;
        self
    }

    async fn dial(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        // Before connecting, for what is offered to the peer then depends on it.
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        prepare(socket.connect(address).await?)
    }
}

impl Default for TcpConnector {
    fn default() -> Self {
        Self::with_resolver(SystemResolver)
    }
}

impl Connector for TcpConnector {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        Box::pin(async move {
            let unresolved = |reason| DialError::Resolve {
                host: host.to_owned(),
                reason,
            };
            // A name is looked up for each attempt: addresses change while a client runs.
            let addresses = self.resolver.resolve(host, port).await;
            let addresses = addresses.map_err(|error| unresolved(Some(Arc::new(error))))?;
            if addresses.is_empty() {
                return Err(unresolved(None));
            }
            let mut attempts = Vec::new();
            for address in addresses {
                let connecting = tokio::time::timeout(setup_timeout, self.dial(address));
                let connected = connecting
                    .await
                    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
                match connected {
                    Ok(stream) => return Ok(Box::new(stream) as Box<dyn Stream>),
                    Err(error) => attempts.push((address, Arc::new(error))),
                }
            }
            Err(DialError::Connect { attempts })
        })
    }
}

fn prepare(stream: TcpStream) -> io::Result<TcpStream> {
    // The client gathers what belongs together itself; waiting for more would only add delay.
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    Ok(stream)
}

/// The system's resolver.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    /// Knows the addresses of one name.
    #[derive(Debug)]
    struct Fixed(Vec<SocketAddr>);

    impl Resolver for Fixed {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(async { Ok(self.0.clone()) })
        }
    }

    /// An address at which nobody listens, as somebody just did.
    async fn deserted() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
    }

    async fn connect(addresses: Vec<SocketAddr>) -> Result<Box<dyn Stream>, DialError> {
        let connector = TcpConnector::with_resolver(Fixed(addresses));
        connector
            .connect("kafka", 9092, Duration::from_secs(5))
            .await
    }

    #[tokio::test]
    async fn all_addresses_of_a_name_are_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = listener.local_addr().unwrap();
        assert!(connect(vec![deserted().await, good]).await.is_ok());
    }

    /// Gives other addresses each time.
    #[derive(Debug)]
    struct Moving(std::sync::Mutex<Vec<SocketAddr>>);

    impl Resolver for Moving {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(async { Ok(self.0.lock().unwrap().pop().into_iter().collect()) })
        }
    }

    #[tokio::test]
    async fn a_name_is_looked_up_anew_for_each_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let now = listener.local_addr().unwrap();
        let before = deserted().await;
        let connector = TcpConnector::with_resolver(Moving(vec![now, before].into()));
        let patience = Duration::from_secs(5);
        assert!(connector.connect("kafka", 9092, patience).await.is_err());
        assert!(connector.connect("kafka", 9092, patience).await.is_ok());
    }

    #[tokio::test]
    async fn the_kernel_is_told_how_much_to_hold() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connector = TcpConnector::default();
        let free = connector.dial(address).await.unwrap();
        let connector = connector
            .send_buffer(Some(8_192))
            .receive_buffer(Some(10_000));
        let told = connector.dial(address).await.unwrap();
        // Some kernels double what they are told.
        let sizes = |stream: &TcpStream| {
            let socket = SockRef::from(stream);
            (
                socket.send_buffer_size().unwrap(),
                socket.recv_buffer_size().unwrap(),
            )
        };
        assert!(
            (8_192..=16_384).contains(&sizes(&told).0),
            "{:?}",
            sizes(&told)
        );
        assert!(
            (10_000..=20_000).contains(&sizes(&told).1),
            "{:?}",
            sizes(&told)
        );
        assert!(sizes(&free).0 > 16_384 && sizes(&free).1 > 20_000);
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_is_given_up() {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let silent = socket();
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        silent.bind(&any.into()).unwrap();
        silent.listen(0).unwrap();
        let address = silent.local_addr().unwrap();
        // Connections that nobody accepts fill its queue; whoever comes then gets no answer.
        let _queue: Vec<_> = (0..8)
            .map(|_| {
                let socket = socket();
                socket.set_nonblocking(true).unwrap();
                let _ = socket.connect(&address);
                socket
            })
            .collect();
        let listener = TcpListener::bind(any).await.unwrap();
        let good = listener.local_addr().unwrap();
        let silent = address.as_socket().unwrap();
        let patience = Duration::from_millis(100);
        for (addresses, expected) in [(vec![silent, good], true), (vec![silent], false)] {
            let connector = TcpConnector::with_resolver(Fixed(addresses));
            let connecting = connector.connect("kafka", 9092, patience);
            let connected = tokio::time::timeout(200 * patience, connecting).await;
            assert_eq!(connected.unwrap().is_ok(), expected);
        }
    }

    #[tokio::test]
    async fn a_failure_tells_of_each_address() {
        let (one, two) = (deserted().await, deserted().await);
        let Err(error) = connect(vec![one, two]).await else {
            panic!("connected to nobody")
        };
        let message = error.to_string();
        assert!(
            message.contains(&one.to_string()) && message.contains("refused"),
            "{message}"
        );
        assert!(message.contains(&two.to_string()), "{message}");
    }

    #[tokio::test]
    async fn a_name_without_addresses_does_not_resolve() {
        let Err(error) = connect(Vec::new()).await else {
            panic!("connected to nobody")
        };
        assert!(
            error.to_string().contains("\"kafka\" does not resolve"),
            "{error}"
        );
    }
}
