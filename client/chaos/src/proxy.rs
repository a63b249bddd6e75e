//! A stretch of bad network in front of each broker: bytes in both directions, and all that can happen to them.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use fastrand::Rng;
use milena::{BoxFuture, Connector, DialError, Stream, TcpConnector};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::watch,
    time::sleep,
};

use crate::schedule::{NetworkKind, Way};

/// Bytes that are in a proxy's own hands, in one direction of a connection.
const BUFFER: usize = 16 << 10;

/// Carries all connections to one port.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) port: u16,
    weather: watch::Sender<Weather>,
}

/// How the connections of a proxy fare.
#[derive(Clone, Copy, Debug, Default)]
struct Weather {
    to_broker: Sky,
    to_client: Sky,
    /// So often were all connections ended; those that were there when it was one less are to end.
    closes: u32,
    resets: u32,
}

/// How bytes fare in one direction.
#[derive(Clone, Copy, Debug, Default)]
struct Sky {
    delay: Duration,
    chop: Option<usize>,
    stalled: bool,
    /// As [`Weather::closes`], of this direction.
    closes: u32,
}

impl Weather {
    const fn sky(&self, way: Way) -> &Sky {
        match way {
            Way::ToBroker => &self.to_broker,
            Way::ToClient => &self.to_client,
        }
    }

    /// Begins a fault, and ends the one before it.
    fn turn(&mut self, fault: Option<NetworkKind>) {
        for (way, sky) in [
            (Way::ToBroker, &mut self.to_broker),
            (Way::ToClient, &mut self.to_client),
        ] {
            *sky = Sky {
                closes: sky.closes,
                ..Sky::default()
            };
            match fault {
                Some(NetworkKind::Slow(ways, delay)) if ways.contain(way) => sky.delay = delay,
                Some(NetworkKind::Chopped(ways, most)) if ways.contain(way) => {
                    sky.chop = Some(most)
                }
                Some(NetworkKind::Stalled(ways)) if ways.contain(way) => sky.stalled = true,
                Some(NetworkKind::HalfClosed(one)) if one == way => sky.closes += 1,
                _ => {}
            }
        }
        match fault {
            Some(NetworkKind::Closed) => self.closes += 1,
            Some(NetworkKind::Reset) => self.resets += 1,
            _ => {}
        }
    }
}

impl Proxy {
    /// Begins to listen, for connections to that port of this machine.
    pub(crate) async fn to(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (weather, forecast) = watch::channel(Weather::default());
        let own = listener.local_addr()?.port();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, port, forecast.clone()));
            }
        });
        Ok(Self { port: own, weather })
    }

    /// Begins a fault, and ends the one before it; `None` is fair weather.
    pub(crate) fn turn(&self, fault: Option<NetworkKind>) {
        self.weather.send_modify(|weather| weather.turn(fault));
    }
}

/// One connection, to its end.
async fn carry(mut client: TcpStream, port: u16, weather: watch::Receiver<Weather>) {
    let birth = *weather.borrow();
    // A client that cannot be carried further sees its connection closed.
    let Ok(mut broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await else {
        return;
    };
    if client
        .set_nodelay(true)
        .and(broker.set_nodelay(true))
        .is_err()
    {
        return;
    }
    let (mut closing, mut resetting) = (weather.clone(), weather.clone());
    let reset = {
        let (from_client, to_client) = client.split();
        let (from_broker, to_broker) = broker.split();
        let there = Pump {
            way: Way::ToBroker,
            weather: weather.clone(),
        };
        let back = Pump {
            way: Way::ToClient,
            weather,
        };
        tokio::select! {
            ended = async { tokio::try_join!(
                there.run(birth, from_client, to_broker),
                back.run(birth, from_broker, to_client),
            ) } => ended.is_err(),
            _ = closing.wait_for(|now| now.closes != birth.closes) => false,
            _ = resetting.wait_for(|now| now.resets != birth.resets) => true,
        }
    };
    if reset {
        for stream in [&client, &broker] {
            // Without lingering, closing is a reset.
            let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
        }
    }
}

/// One direction of a connection.
struct Pump {
    way: Way,
    weather: watch::Receiver<Weather>,
}

impl Pump {
    /// Carries bytes until there are no more, or this direction is closed; then whoever reads them is told.
    async fn run(
        mut self,
        birth: Weather,
        mut from: ReadHalf<'_>,
        mut to: WriteHalf<'_>,
    ) -> io::Result<()> {
        let (way, mut closing) = (self.way, self.weather.clone());
        tokio::select! {
            carried = self.carry(&mut from, &mut to) => carried?,
            _ = closing.wait_for(|now| now.sky(way).closes != birth.sky(way).closes) => {}
        }
        to.shutdown().await
    }

    async fn carry(&mut self, from: &mut ReadHalf<'_>, to: &mut WriteHalf<'_>) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        let mut dice = Rng::new();
        loop {
            let read = from.read(&mut buffer).await?;
            let mut rest = buffer.get(..read).unwrap_or_default();
            if rest.is_empty() {
                return Ok(());
            }
            while !rest.is_empty() {
                let sky = *self.weather.borrow().sky(self.way);
                let most = sky
                    .chop
                    .map_or(rest.len(), |most| dice.usize(1..=most.max(1)));
                let (piece, after) = rest.split_at(most.min(rest.len()));
                if !sky.delay.is_zero() {
                    sleep(sky.delay).await;
                }
                let _ = self
                    .weather
                    .wait_for(|now| !now.sky(self.way).stalled)
                    .await;
                to.write_all(piece).await?;
                rest = after;
            }
        }
    }
}

/// Connects through the proxies: to the proxy of the port that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Detour {
    tcp: TcpConnector,
    /// By a broker's port, its proxy's.
    ports: Arc<BTreeMap<u16, u16>>,
}

impl Detour {
    pub(crate) fn new(ports: BTreeMap<u16, u16>) -> Self {
        Self {
            tcp: TcpConnector::default(),
            ports: Arc::new(ports),
        }
    }
}

impl Connector for Detour {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        match self.ports.get(&port) {
            Some(port) => self.tcp.connect(host, *port, setup_timeout),
            None => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                let error = io::Error::other(format!("{address} has no proxy"));
                Box::pin(async move { Err(DialError::from(error)) })
            }
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]
mod tests {
    use std::time::{Duration, Instant};

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
        time::{sleep, timeout},
    };

    use super::Proxy;
    use crate::schedule::{NetworkKind, Way, Ways};

    /// Longer than anything here takes that ends at all.
    const LONG: Duration = Duration::from_secs(20);
    /// Long enough for bytes to come that should not.
    const SHORT: Duration = Duration::from_millis(150);

    /// A proxy, and both ends of a connection through it.
    async fn connection() -> (Proxy, TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::to(listener.local_addr().unwrap().port())
            .await
            .unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        let (mut broker, _) = listener.accept().await.unwrap();
        // Bytes there and back: the connection is carried from here on.
        client.write_all(b"?").await.unwrap();
        assert_eq!(read(&mut broker, 1).await, b"?");
        broker.write_all(b"!").await.unwrap();
        assert_eq!(read(&mut client, 1).await, b"!");
        (proxy, client, broker)
    }

    async fn read(from: &mut TcpStream, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        timeout(LONG, from.read_exact(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        bytes
    }

    async fn is_silent(from: &TcpStream) -> bool {
        sleep(SHORT).await;
        let mut byte = [0];
        timeout(SHORT, from.peek(&mut byte)).await.is_err()
    }

    /// What is read until the end; an error is an end too.
    async fn rest(from: &mut TcpStream) -> (Vec<u8>, bool) {
        let mut bytes = Vec::new();
        let ended = timeout(LONG, from.read_to_end(&mut bytes)).await.unwrap();
        (bytes, ended.is_ok())
    }

    #[tokio::test]
    async fn chopped_bytes_arrive_whole_and_in_order() {
        let (proxy, mut client, mut broker) = connection().await;
        proxy.turn(Some(NetworkKind::Chopped(Ways::Both, 50)));
        let bytes: Vec<u8> = (0..40_000_u32).map(|n| (n % 251) as u8).collect();
        let sent = bytes.clone();
        let sending = tokio::spawn(async move {
            client.write_all(&sent).await.unwrap();
            client
        });
        assert!(read(&mut broker, bytes.len()).await == bytes);
        let mut client = sending.await.unwrap();
        broker.write_all(&bytes).await.unwrap();
        assert!(read(&mut client, bytes.len()).await == bytes);
    }

    #[tokio::test]
    async fn delayed_bytes_come_later() {
        let (proxy, mut client, mut broker) = connection().await;
        let delay = Duration::from_millis(200);
        proxy.turn(Some(NetworkKind::Slow(Ways::One(Way::ToClient), delay)));
        let started = Instant::now();
        broker.write_all(b"late").await.unwrap();
        assert_eq!(read(&mut client, 4).await, b"late");
        assert!(started.elapsed() >= delay);
    }

    #[tokio::test]
    async fn what_stalls_in_one_direction_arrives_when_it_is_over_even_from_a_client_that_is_gone()
    {
        let (proxy, mut client, mut broker) = connection().await;
        proxy.turn(Some(NetworkKind::Stalled(Ways::One(Way::ToBroker))));
        client.write_all(b"request").await.unwrap();
        broker.write_all(b"answer").await.unwrap();
        assert_eq!(read(&mut client, 6).await, b"answer");
        assert!(is_silent(&broker).await);
        drop(client);
        assert!(is_silent(&broker).await);
        proxy.turn(None);
        assert_eq!(rest(&mut broker).await.0, b"request");
    }

    #[tokio::test]
    async fn a_connection_is_closed_at_both_ends() {
        let (proxy, mut client, mut broker) = connection().await;
        proxy.turn(Some(NetworkKind::Closed));
        assert_eq!(rest(&mut client).await, (vec![], true));
        assert_eq!(rest(&mut broker).await, (vec![], true));
    }

    #[tokio::test]
    async fn a_reset_is_an_error_at_both_ends() {
        let (proxy, mut client, mut broker) = connection().await;
        proxy.turn(Some(NetworkKind::Reset));
        assert_eq!(rest(&mut client).await, (vec![], false));
        assert_eq!(rest(&mut broker).await, (vec![], false));
    }

    #[tokio::test]
    async fn one_direction_ends_and_the_other_goes_on() {
        let (proxy, mut client, mut broker) = connection().await;
        proxy.turn(Some(NetworkKind::HalfClosed(Way::ToClient)));
        assert_eq!(rest(&mut client).await, (vec![], true));
        client.write_all(b"still there").await.unwrap();
        assert_eq!(read(&mut broker, 11).await, b"still there");

        let (proxy, mut client, mut broker) = connection().await;
        proxy.turn(Some(NetworkKind::HalfClosed(Way::ToBroker)));
        assert_eq!(rest(&mut broker).await, (vec![], true));
        broker.write_all(b"still there").await.unwrap();
        assert_eq!(read(&mut client, 11).await, b"still there");
    }

    #[tokio::test]
    async fn a_connection_made_after_others_were_ended_lives() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::to(listener.local_addr().unwrap().port())
            .await
            .unwrap();
        for end in [
            NetworkKind::Closed,
            NetworkKind::Reset,
            NetworkKind::HalfClosed(Way::ToBroker),
        ] {
            proxy.turn(Some(end));
        }
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
        let (mut broker, _) = listener.accept().await.unwrap();
        client.write_all(b"new").await.unwrap();
        assert_eq!(read(&mut broker, 3).await, b"new");
    }
}
