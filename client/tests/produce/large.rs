//! Large payloads are shared, from the caller to the socket.

use std::{
    io::{self, IoSlice},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use milena::{Client, Record, TcpConnector};
use milena_broker::{Cluster, Fault, protocol::ApiKey};

use crate::{
    tcp::{HOUR, drained, run},
    watched::{Watch, Watched},
};

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

/// Notes from which addresses large writes are made.
#[derive(Clone, Debug, Default)]
struct Spy {
    large: Arc<Mutex<Vec<(usize, usize)>>>,
}

impl Watch for Spy {
    fn writes(&self, slices: &[IoSlice<'_>]) -> io::Result<()> {
        for slice in slices.iter().filter(|slice| slice.len() >= 32 << 10) {
            let mut large = self.large.lock().unwrap();
            large.push((slice.as_ptr().addr(), slice.len()));
        }
        Ok(())
    }
}

#[test]
fn a_large_payload_is_written_from_where_the_caller_has_it_and_held_until_it_is_acknowledged() {
    run(async {
        let cluster = Cluster::builder().topic("orders", 1).start().await.unwrap();
        let spy = Spy::default();
        let connector = Watched(TcpConnector::default(), spy.clone());
        let connecting = Client::builder(cluster.bootstrap()).connector(connector);
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
