//! Connections that end right after a write, that are idle, that gather what is written, and that hang.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use milena::{Acks, BoxFuture, Client, Connector, DialError, NewTopic, Record, Stream};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use tokio::{
    io::{AsyncRead, AsyncWrite, BufWriter, ReadBuf},
    time::{Instant, sleep},
};

use crate::network::{self, Network};

const MINUTE: Duration = Duration::from_secs(60);

/// In the value of a record, ends the connection that it is written to.
const LAST: &[u8] = b"the last words";

/// A network whose connections are other than usual.
#[derive(Clone, Debug)]
struct Odd {
    network: Network,
    /// Writes are kept until they are flushed.
    gathers: bool,
    /// How many connections are still to end after their last words.
    cuts: Arc<AtomicUsize>,
    /// How many connections there are.
    open: Arc<AtomicUsize>,
}

impl Odd {
    fn new(cluster: &Arc<Cluster>) -> Self {
        Self {
            network: Network::of(cluster),
            gathers: false,
            cuts: Arc::default(),
            open: Arc::default(),
        }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

impl Connector for Odd {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        Box::pin(async move {
            let stream = self.network.connect(host, port, setup_timeout).await?;
            self.open.fetch_add(1, Ordering::SeqCst);
            let line = Line {
                stream,
                odd: self.clone(),
                ended: false,
            };
            Ok(if self.gathers {
                Box::new(BufWriter::with_capacity(1 << 20, line)) as Box<dyn Stream>
            } else {
                Box::new(line)
            })
        })
    }
}

struct Line {
    stream: Box<dyn Stream>,
    odd: Odd,
    /// Nothing more comes from the other side, though it takes what is written.
    ended: bool,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.odd.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut *self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream).poll_write_vectored(cx, slices);
        let last = |slice: &IoSlice<'_>| slice.windows(LAST.len()).any(|bytes| bytes == LAST);
        if matches!(written, Poll::Ready(Ok(_))) && slices.iter().any(last) {
            let cuts = &self.odd.cuts;
            let left = cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
            self.ended |= left.is_ok();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn without_acks_nothing_is_sent_twice_when_the_connection_ends_after_it() {
    let cluster = network::start(Cluster::builder().topic("orders", 1)).await;
    let odd = Odd::new(&cluster);
    let connecting = Client::builder(cluster.bootstrap()).connector(odd.clone());
    let client = connecting.connect().await.unwrap();
    let producer = client.producer().acks(Acks::None).linger(Duration::ZERO);
    let producer = producer.build().unwrap();
    for nth in 1..=20 {
        odd.cuts.store(1, Ordering::SeqCst);
        let record = Record::to("orders").value(LAST);
        let sent = producer.send(record).await.unwrap().await.unwrap();
        assert_eq!((sent.partition(), sent.offset()), (0, None));
        sleep(MINUTE).await;
        assert_eq!(odd.cuts.load(Ordering::SeqCst), 0, "the connection ended");
        assert_eq!(cluster.audit().stored(), nth);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_gathers_writes_until_it_is_flushed_will_do() {
    let builder = Cluster::builder().nodes(3).topic("orders", 3);
    let cluster = network::start(builder).await;
    let odd = Odd {
        gathers: true,
        ..Odd::new(&cluster)
    };
    let connecting = Client::builder(cluster.bootstrap()).connector(odd);
    let client = connecting.connect().await.unwrap();
    for acks in [Acks::All, Acks::None] {
        let producer = client.producer().acks(acks).build().unwrap();
        let before = cluster.audit().stored();
        for nth in 0..30 {
            let record = Record::to("orders").partition(nth % 3).value("v");
            producer.send(record).await.unwrap().await.unwrap();
        }
        sleep(Duration::from_millis(10)).await;
        assert_eq!(cluster.audit().stored(), before + 30, "{acks:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_to_produce_that_is_idle_is_closed_and_made_anew_when_it_is_wanted() {
    let builder = Cluster::builder().nodes(3).topic("orders", 3);
    let cluster = network::start(builder).await;
    let odd = Odd::new(&cluster);
    let connecting = Client::builder(cluster.bootstrap())
        .connector(odd.clone())
        .connections_max_idle(MINUTE)
        .metadata_max_age(MINUTE * 100);
    let client = connecting.connect().await.unwrap();
    for acks in [Acks::All, Acks::None] {
        let producer = client.producer().acks(acks).build().unwrap();
        for _ in 0..3 {
            let mut before = None;
            // In use now and then, it stays.
            for _ in 0..5 {
                for partition in 0..3 {
                    let record = Record::to("orders").partition(partition);
                    producer.send(record).await.unwrap().await.unwrap();
                }
                sleep(MINUTE / 2).await;
                let through = produced_through(&cluster);
                assert_eq!(*before.get_or_insert(through.clone()), through);
            }
            sleep(MINUTE).await;
            assert_eq!(odd.open(), 0, "{acks:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_holds_back_none_of_another_kind() {
    // All three kinds go to the same node.
    for hung in [ApiKey::PRODUCE, ApiKey::FETCH, ApiKey::CREATE_TOPICS] {
        let cluster = network::start(Cluster::builder().topic("orders", 1)).await;
        let client = network::client(&cluster).connect().await.unwrap();
        let producer = client.producer().build().unwrap();
        let record = || Record::to("orders").value("v");
        producer.send(record()).await.unwrap().await.unwrap();
        // Each reader has a connection of its own.
        let reader = || client.reader("orders").from_beginning().build();
        let (mut hangs, mut reads) = (reader().await.unwrap(), reader().await.unwrap());
        cluster.faults().push(Fault::hang().on(hung).times(1));
        let (admin, topic) = (client.admin(), NewTopic::new("hangs", 1, 1));
        let asked = tokio::spawn({
            let producer = producer.clone();
            async move {
                match hung {
                    ApiKey::PRODUCE => drop(producer.send(record()).await.unwrap().await),
                    ApiKey::FETCH => drop(hangs.next().await),
                    _ => drop(admin.create_topic(topic).await),
                }
            }
        });
        sleep(Duration::from_millis(100)).await;
        assert_eq!(cluster.faults().pending(), 0, "{hung:?} was asked");
        let started = Instant::now();
        if hung != ApiKey::PRODUCE {
            producer.send(record()).await.unwrap().await.unwrap();
        }
        if hung != ApiKey::CREATE_TOPICS {
            let topic = NewTopic::new("new", 1, 1);
            client.admin().create_topic(topic).await.unwrap();
        }
        reads.next().await.unwrap().unwrap();
        assert!(started.elapsed() < Duration::from_millis(100), "{hung:?}");
        assert!(!asked.is_finished());
        asked.await.unwrap();
    }
}

/// The latest connection of each node that a record came through.
fn produced_through(cluster: &Cluster) -> Vec<(i32, u64)> {
    let requests = cluster.requests();
    let through = (1..=3).filter_map(|node| {
        let latest = requests
            .iter()
            .rev()
            .find(|r| r.node == node && r.api == ApiKey::PRODUCE);
        latest.map(|request| (node, request.connection))
    });
    through.collect()
}
