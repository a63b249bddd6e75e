//! Times of which the task that sends has to be woken, and others at which it has not.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use milena::{BoxFuture, Client, Connector, DialError, Record, Stream};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, advance, sleep},
};

use crate::network::{self, Network};

/// A network that takes its time at the reading that is counted down to, as a thread does that is not run for a while.
#[derive(Clone, Debug)]
struct Slow {
    network: Network,
    pause: Arc<Mutex<Option<(usize, Duration)>>>,
}

impl Connector for Slow {
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
                pause: self.pause.clone(),
            }) as Box<dyn Stream>)
        })
    }
}

struct Line {
    stream: Box<dyn Stream>,
    pause: Arc<Mutex<Option<(usize, Duration)>>>,
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut due = None;
        if let Some((left, time)) = &mut *self.pause.lock().unwrap() {
            *left -= 1;
            due = (*left == 0).then_some(*time);
        }
        if let Some(time) = due {
            *self.pause.lock().unwrap() = None;
            let _ = pin!(advance(time)).poll(&mut Context::from_waker(Waker::noop()));
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
async fn a_pause_that_ends_while_the_task_is_at_work_ends_all_the_same() {
    // At the second reading the task looks for the last time before it sleeps.
    for reading in 1..=3 {
        let cluster = network::start(Cluster::builder().topic("orders", 1)).await;
        let slow = Slow {
            network: Network::of(&cluster),
            pause: Arc::default(),
        };
        let client = Client::builder(cluster.bootstrap())
            .connector(slow.clone())
            .connect()
            .await
            .unwrap();
        let producer = client.producer().linger(Duration::ZERO).build().unwrap();
        let record = || Record::to("orders").value("v");
        producer.send(record()).await.unwrap().await.unwrap();
        cluster
            .faults()
            .push(Fault::throttle(Duration::from_secs(1)).on(ApiKey::PRODUCE));
        producer.send(record()).await.unwrap().await.unwrap();
        sleep(Duration::from_millis(900)).await;
        let started = Instant::now();
        *slow.pause.lock().unwrap() = Some((reading, Duration::from_millis(200)));
        let delivery = producer.send(record()).await.unwrap();
        delivery.await.unwrap();
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "reading {reading}: {took:?}");
    }
}

/// Hangs if the task is busy: paused time stands still meanwhile.
#[tokio::test(start_paused = true)]
async fn nothing_is_busy_while_records_linger_for_ever() {
    let cluster = network::start(Cluster::builder().topic("orders", 1)).await;
    let client = network::client(&cluster)
        .connections_max_idle(Duration::from_secs(60))
        .connect()
        .await
        .unwrap();
    let producer = client.producer().linger(Duration::MAX).build().unwrap();
    let first = producer
        .send(Record::to("orders").value("v"))
        .await
        .unwrap();
    producer.flush().await;
    first.await.unwrap();
    sleep(Duration::from_secs(61)).await;
    let second = producer
        .send(Record::to("orders").value("v"))
        .await
        .unwrap();
    sleep(Duration::from_secs(1)).await;
    producer.flush().await;
    second.await.unwrap();
}
