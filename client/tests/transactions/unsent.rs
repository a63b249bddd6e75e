//! Records that never left.
use crate::{
    held::{VERSIONS, committed, fill, filled, ms, producer, seconds},
    network::{self, Network},
};
use milena::{BoxFuture, Client, Connector, DialError, Record, Stream};
use milena_broker::Cluster;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep},
};

/// Whatever is to carry this breaks.
const LAST: &[u8] = b"the last words";

/// Connections that break, once, before anything of a request has left.
#[derive(Clone, Debug)]
struct Brittle {
    network: Network,
    breaks: Arc<AtomicBool>,
}

impl Connector for Brittle {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        Box::pin(async move {
            let stream = self.network.connect(host, port, timeout).await?;
            Ok(Box::new(Line {
                stream,
                breaks: self.breaks.clone(),
            }) as Box<dyn Stream>)
        })
    }
}

struct Line {
    stream: Box<dyn Stream>,
    breaks: Arc<AtomicBool>,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
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
        let last = |slice: &IoSlice<'_>| slice.windows(LAST.len()).any(|bytes| bytes == LAST);
        if slices.iter().any(last) && self.breaks.swap(false, Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut *self.stream).poll_write_vectored(cx, slices)
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
async fn a_transaction_given_up_with_records_that_never_left_holds_up_nothing() {
    for version in VERSIONS {
        let builder = Cluster::builder()
            .nodes(3)
            .topic("orders", 3)
            .topic("bills", 3)
            .transaction_version(version);
        let cluster = network::start(builder).await;
        let brittle = Brittle {
            network: Network::of(&cluster),
            breaks: Arc::default(),
        };
        let client = Client::builder(cluster.bootstrap())
            .connector(brittle.clone())
            .connect()
            .await
            .unwrap();
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        brittle.breaks.store(true, Ordering::SeqCst);
        let record = Record::to("orders").partition(0).value(LAST);
        drop(transaction.send(record).await.unwrap());
        sleep(ms(15)).await;
        assert!(
            !brittle.breaks.load(Ordering::SeqCst),
            "it was to be written"
        );
        transaction.abort().await.unwrap();
        let transaction = producer.begin().await.unwrap();
        let started = Instant::now();
        fill(&transaction, "second").await;
        let outcome = transaction
            .commit()
            .await
            .map_err(|e| e.error().to_string());
        let took = started.elapsed();
        assert_eq!(outcome, Ok(()), "version {version}");
        assert!(took < seconds(1), "version {version}: {took:?}");
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["second"]));
    }
}
