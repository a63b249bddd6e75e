//! Allocations on the way of a record into its batch.
//!
//! Counted on the thread that sends; the producer's tasks run on another. A record costs none. A batch costs a few (its
//! completion, its list of buffers; a buffer only while the free list grows, since buffers come back when batches are
//! acknowledged), which 500 or more records share here: hence 0.02 per record, and not 0.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::{io::Write, time::Duration};

use milena::{
    Acks, Client, Payload, Producer, Record, SerializeError, Serializer, SerializerContext, Text,
    TrySendError,
};
use milena_broker::Cluster;
use tokio::runtime::{Builder, Runtime};

const RECORDS: u64 = 200_000;
const TOLERANCE: f64 = 0.02;
const MEMORY: usize = 16 << 20;

/// A runtime whose only worker runs the producer's tasks and the broker's.
fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

async fn start(acks: Acks) -> (Cluster, Producer) {
    let cluster = Cluster::builder()
        .topic("orders", 6)
        .retention_bytes(32 << 20)
        .start()
        .await
        .unwrap();
    let client = Client::builder(cluster.bootstrap())
        .connect()
        .await
        .unwrap();
    let producer = client
        .producer()
        .acks(acks)
        .batch_size(64 << 10)
        // Batches are full when they go, however long this thread pauses.
        .linger(Duration::from_secs(3600));
    let producer = producer.buffer_memory(MEMORY).build().unwrap();
    assert_eq!(producer.partitions_for("orders").await.unwrap(), 6);
    (cluster, producer)
}

/// Allocations per record in `send_all`, which is called once before to warm up.
fn count(told: &str, mut send_all: impl FnMut()) {
    send_all();
    let counted = allocation_counter::measure(&mut send_all);
    let each = counted.count_total as f64 / RECORDS as f64;
    println!(
        "{told}: {} allocations, {each:.4} per record",
        counted.count_total
    );
    assert!(each <= TOLERANCE, "{told}: {each} allocations per record");
}

fn record(nth: u64, value: &[u8]) -> Record<'_> {
    // A slice of what the caller has, another one each time.
    let at = usize::try_from(nth).unwrap() % 900;
    Record::to("orders").value(&value[at..at + 100])
}

/// Sends from this thread, waiting outside of what is counted.
fn try_send(producer: &Producer, mut record: Record<'_>) {
    loop {
        match producer.try_send(record) {
            Ok(delivery) => return drop(delivery),
            Err(TrySendError::Full(again)) => record = again,
            Err(error) => panic!("{error}"),
        }
        // For long enough that few attempts are made in vain, which do allocate.
        allocation_counter::opt_out(|| {
            while producer.buffered() > MEMORY / 2 {
                std::thread::yield_now();
            }
        });
    }
}

#[test]
fn a_record_that_is_tried_allocates_nothing() {
    let runtime = runtime();
    let value: Vec<u8> = (0..1000_u16).map(|n| n.to_le_bytes()[0]).collect();
    for acks in [Acks::All, Acks::None] {
        let (_cluster, producer) = runtime.block_on(start(acks));
        count(&format!("try_send, {acks:?}"), || {
            for nth in 0..RECORDS {
                try_send(&producer, record(nth, &value));
            }
        });
    }
}

#[test]
fn a_record_with_a_key_and_a_partition_of_its_own_allocates_nothing() {
    let runtime = runtime();
    let value: Vec<u8> = (0..1000_u16).map(|n| n.to_le_bytes()[0]).collect();
    let headers = [milena::HeaderRef {
        key: "trace",
        value: Some("0123456789abcdef".into()),
    }];
    let (_cluster, producer) = runtime.block_on(start(Acks::All));
    count("try_send, with key and headers", || {
        for nth in 0..RECORDS {
            let key = nth.to_le_bytes();
            let record = record(nth, &value)
                .key(&key)
                .headers(&headers)
                .timestamp(1_700_000_000_000);
            try_send(
                &producer,
                if nth % 2 == 0 {
                    record.partition(3)
                } else {
                    record
                },
            );
        }
    });
}

#[test]
fn a_record_that_is_sent_allocates_nothing() {
    let runtime = runtime();
    let value: Vec<u8> = (0..1000_u16).map(|n| n.to_le_bytes()[0]).collect();
    let (_cluster, producer) = runtime.block_on(start(Acks::All));
    count("send", || {
        // On this thread, not on the worker; it waits for memory when that is used up.
        runtime.block_on(async {
            for nth in 0..RECORDS {
                drop(producer.send(record(nth, &value)).await.unwrap());
            }
        });
    });
}

/// Writes numbers as text, into the memory it is given.
struct Digits;

impl Serializer<u64> for Digits {
    fn serialize<'a>(
        &self,
        value: &'a u64,
        _: &mut SerializerContext<'_>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Payload<'a>, SerializeError> {
        write!(buffer, "{value:030}")?;
        Ok(Payload::Slice(buffer))
    }
}

#[test]
fn a_record_that_is_serialized_allocates_nothing() {
    let runtime = runtime();
    let (_cluster, producer) = runtime.block_on(start(Acks::All));
    let orders = producer.typed::<str, u64>("orders", Text, Digits);
    count("send, serialized", || {
        runtime.block_on(async {
            for nth in 0..RECORDS {
                let record = orders.record().key("k").value(&nth);
                drop(orders.send(record).await.unwrap());
            }
        });
    });
}

#[test]
fn nothing_as_large_as_the_records_is_allocated_to_send_them() {
    // Here the producer's tasks are on the counting thread, and the broker is on another.
    let serving = runtime();
    let cluster = Cluster::builder()
        .topic("orders", 1)
        .retention_bytes(32 << 20);
    let cluster = serving.block_on(cluster.start()).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let producer = runtime.block_on(async {
        let client = Client::builder(cluster.bootstrap())
            .connect()
            .await
            .unwrap();
        client
            .producer()
            .batch_size(64 << 10)
            .buffer_memory(1 << 20)
            .build()
            .unwrap()
    });
    let value = [0x61; 1000];
    let send_all = || {
        runtime.block_on(async {
            for _ in 0..20_000 {
                drop(
                    producer
                        .send(Record::to("orders").value(&value))
                        .await
                        .unwrap(),
                );
            }
            producer.flush().await;
        });
    };
    send_all();
    let counted = allocation_counter::measure(send_all);
    let (all, sent) = (counted.bytes_total, 20_000 * 1000);
    println!(
        "{all} bytes allocated to send {sent}, {} at once",
        counted.bytes_max
    );
    assert!(all < sent / 10, "{all} bytes were allocated to send {sent}");
}
