//! Large payloads are shared, from the caller to the socket.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use milena::{BoxFuture, Client, Connector, DialError, Record, Stream, TcpConnector};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tcp::{HOUR, drained, run};

/// A payload that tells when nobody holds it any more.
struct Payload {
    bytes: Vec<u8>,
    held: Arc<()>,
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// TCP, noting from which addresses large writes are made.
#[derive(Clone, Debug, Default)]
struct Spy {
    tcp: TcpConnector,
    large: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl Connector for Spy {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        Box::pin(async move {
            let stream = self.tcp.connect(host, port, setup_timeout).await?;
            Ok(Box::new(Spied {
                stream,
                large: self.large.clone(),
            }) as Box<dyn Stream>)
        })
    }
}

struct Spied {
    stream: Box<dyn Stream>,
    large: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl AsyncRead for Spied {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Spied {
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
        for slice in slices.iter().filter(|slice| slice.len() >= 32 << 10) {
            self.large
                .lock()
                .unwrap()
                .push((slice.as_ptr().addr(), slice.len()));
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

#[test]
fn a_large_payload_is_written_from_where_the_caller_has_it_and_held_until_it_is_acknowledged() {
    run(async {
        let cluster = Cluster::builder().topic("orders", 1).start().await.unwrap();
        let spy = Spy::default();
        let connecting = Client::builder(cluster.bootstrap()).connector(spy.clone());
        let producer = connecting
            .connect()
            .await
            .unwrap()
            .producer()
            .batch_size(1 << 20)
            .linger(HOUR)
            .build()
            .unwrap();
        drop(producer.send(Record::to("orders")).await.unwrap());
        producer.flush().await;
        // The first answer is lost: it is sent again from the same place.
        cluster
            .faults()
            .push(Fault::lose_answer().on(ApiKey::PRODUCE));
        for length in [32 << 10, 100_000, 900_000] {
            let held = Arc::new(());
            let payload = Payload {
                bytes: vec![0x61; length],
                held: held.clone(),
            };
            let value = Bytes::from_owner(payload);
            let address = value.as_ptr().addr();
            let delivery = producer
                .send(Record::to("orders").key("k").value(&value))
                .await
                .unwrap();
            drop(value);
            assert_eq!(Arc::strong_count(&held), 2, "the record shares it");
            producer.flush().await;
            delivery.await.unwrap();
            let written = std::mem::take(&mut *spy.large.lock().unwrap());
            assert!(
                written.contains(&(address, length)),
                "{length} at {address:x}: {written:x?}"
            );
            let elsewhere =
                |(from, _): &&(usize, usize)| !(address..address + length).contains(from);
            assert_eq!(written.iter().find(elsewhere), None);
            drained(&producer).await;
            assert_eq!(Arc::strong_count(&held), 1, "and gives it back");
        }
        assert_eq!(cluster.faults().pending(), 0);
    });
}

impl Drop for Payload {
    fn drop(&mut self) {
        assert_eq!(Arc::strong_count(&self.held), 2, "dropped once");
    }
}
