//! The producer against the embedded cluster over TCP, on a runtime with several threads.
#![allow(missing_docs)]

#[path = "support/stored.rs"]
#[allow(dead_code, reason = "each test file uses its part")]
mod stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use milena::{
    Acks, Client, Compression, HeaderRef, Persistence, ProduceErrorKind, Producer, ProducerBuilder,
    Record, TrySendError,
};
use milena_broker::{
    Cluster, ClusterBuilder, Fault,
    protocol::{ApiKey, ErrorCode},
};
use milena_codec::{CompressionType, RecordRef};
use stored::{Flow, Stored, check, check_present, stored};
use tokio::{runtime::Runtime, time::timeout};

/// Only so that a hang is told of; nothing is measured by it.
const HANG: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn run(test: impl Future<Output = ()>) {
    runtime().block_on(async { timeout(HANG, test).await.expect("the test hangs") });
}

async fn start(builder: ClusterBuilder) -> (Cluster, Client) {
    let cluster = builder.start().await.unwrap();
    let client = Client::builder(cluster.bootstrap())
        .connect()
        .await
        .unwrap();
    (cluster, client)
}

async fn orders(partitions: i32) -> (Cluster, Client) {
    start(Cluster::builder().nodes(3).topic("orders", partitions)).await
}

/// Nothing is held any more for records that are settled.
async fn drained(producer: &Producer) {
    while producer.buffered() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn hang() -> Fault {
    Fault::hang().on(ApiKey::PRODUCE).always()
}

#[test]
fn records_of_a_partition_stay_in_the_order_in_which_they_were_accepted() {
    run(async {
        let (cluster, client) = orders(4).await;
        let producer = client
            .producer()
            .linger(Duration::ZERO)
            .batch_size(300)
            .build()
            .unwrap();
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 4, 3000).await;
        let outcomes = flow.settle().await;
        check(&cluster, "orders", &outcomes);
        for partition in 0..4 {
            let acknowledged = outcomes
                .iter()
                .filter(|outcome| outcome.partition == partition);
            let offsets: Vec<_> = acknowledged
                .map(|outcome| outcome.result.as_ref().unwrap().offset().unwrap())
                .collect();
            assert_eq!(offsets, (0..750).collect::<Vec<_>>());
        }
        drained(&producer).await;
    });
}

#[test]
fn a_key_goes_to_the_partition_that_java_chooses() {
    run(async {
        let (_cluster, client) = orders(7).await;
        let producer = client.producer().build().unwrap();
        // Kafka's own test vectors of murmur2, of which Java takes the lower 31 bits.
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
            ("", 275_646_681),
        ] {
            let delivery = producer.send(Record::to("orders").key(key)).await.unwrap();
            assert_eq!(delivery.partition(), (hash & 0x7fff_ffff) % 7, "{key:?}");
            assert_eq!(
                delivery.await.unwrap().partition(),
                (hash & 0x7fff_ffff) % 7
            );
        }
    });
}

#[test]
fn records_without_a_key_spread_over_all_partitions() {
    run(async {
        let (_cluster, client) = orders(6).await;
        let producer = client.producer().batch_size(1024).build().unwrap();
        let mut counts = [0; 6];
        for _ in 0..6000 {
            let delivery = producer
                .send(Record::to("orders").value(&[7; 100]))
                .await
                .unwrap();
            counts[usize::try_from(delivery.partition()).unwrap()] += 1;
        }
        producer.flush().await;
        assert!(
            counts.iter().all(|count| (400..2000).contains(count)),
            "{counts:?}"
        );
    });
}

#[test]
fn keys_values_and_headers_arrive_as_they_were() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client.producer().build().unwrap();
        let headers = [
            HeaderRef {
                key: "b",
                value: Some("1".into()),
            },
            HeaderRef {
                key: "a",
                value: None,
            },
            HeaderRef {
                key: "b",
                value: Some("".into()),
            },
            HeaderRef {
                key: "",
                value: Some("1".into()),
            },
        ];
        let large = Bytes::from(vec![0x5a; 40_000]);
        let to = || Record::to("orders").partition(0).timestamp(5);
        for record in [
            to(),
            to().key("").value(""),
            to().key("k"),
            to().value("v"),
            to().headers(&headers),
            to().value("v").header("x", "1").header("x", "2"),
            to().key(&large).value(&large).header("large", &large),
        ] {
            let _ = producer.send(record).await.unwrap();
        }
        producer.flush().await;
        let log = stored(&cluster, "orders", 0);
        let bytes = Bytes::from_static;
        let told: Vec<_> = log
            .iter()
            .map(|r| (r.key.clone(), r.value.clone()))
            .collect();
        assert_eq!(
            told,
            [
                (None, None),
                (Some(bytes(b"")), Some(bytes(b""))),
                (Some(bytes(b"k")), None),
                (None, Some(bytes(b"v"))),
                (None, None),
                (None, Some(bytes(b"v"))),
                (Some(large.clone()), Some(large.clone())),
            ]
        );
        let name = str::to_owned;
        assert_eq!(
            log[4].headers,
            [
                (name("b"), Some(bytes(b"1"))),
                (name("a"), None),
                (name("b"), Some(bytes(b""))),
                (name(""), Some(bytes(b"1"))),
            ]
        );
        assert_eq!(
            log[5].headers,
            [
                (name("x"), Some(bytes(b"1"))),
                (name("x"), Some(bytes(b"2")))
            ]
        );
        assert_eq!(log[6].headers, [(name("large"), Some(large))]);
        assert!(log[0].headers.is_empty());
    });
}

#[test]
fn timestamps_are_the_callers_or_the_time_of_sending() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client.producer().build().unwrap();
        let now = || {
            i64::try_from(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap()
                    .as_millis(),
            )
            .unwrap()
        };
        let explicit = [1_700_000_000_000, 0, 1_600_000_000_123];
        let mut deliveries = Vec::new();
        for timestamp in explicit {
            deliveries.push(
                producer
                    .send(Record::to("orders").timestamp(timestamp))
                    .await
                    .unwrap(),
            );
        }
        let before = now();
        deliveries.push(producer.send(Record::to("orders")).await.unwrap());
        let after = now();
        let mut told = Vec::new();
        for delivery in deliveries {
            told.push(delivery.await.unwrap().timestamp());
        }
        let log: Vec<_> = stored(&cluster, "orders", 0)
            .iter()
            .map(|r| r.timestamp)
            .collect();
        assert_eq!(log, told);
        assert_eq!(log[..3], explicit);
        assert!((before..=after).contains(&log[3]));
    });
}

#[test]
fn a_topic_may_stamp_records_on_arrival() {
    run(async {
        let stamped = &[("message.timestamp.type", "LogAppendTime")];
        let (cluster, client) = start(Cluster::builder().topic_with("orders", 1, stamped)).await;
        let producer = client.producer().build().unwrap();
        let delivery = producer
            .send(Record::to("orders").timestamp(5))
            .await
            .unwrap();
        let told = delivery.await.unwrap().timestamp();
        assert!(told > 1_600_000_000_000, "{told}");
        assert!(told <= cluster.now());
    });
}

#[test]
fn an_explicit_partition_is_taken_and_one_that_there_is_not_is_an_error() {
    run(async {
        let (cluster, client) = orders(3).await;
        let producer = client
            .producer()
            .max_block(Duration::from_millis(200))
            .build()
            .unwrap();
        for partition in [2, 0, 1] {
            let record = Record::to("orders")
                .key("always the same")
                .partition(partition);
            assert_eq!(
                producer
                    .send(record)
                    .await
                    .unwrap()
                    .await
                    .unwrap()
                    .partition(),
                partition
            );
        }
        for partition in [3, -1, i32::MAX, i32::MIN] {
            let error = producer
                .send(Record::to("orders").partition(partition))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::UnknownTopic, "{error}");
            let says = format!("{partition}");
            assert!(
                error.to_string().contains(&says) && error.to_string().contains('3'),
                "{error}"
            );
            assert_eq!(
                (error.persistence(), error.partition()),
                (Persistence::No, Some(partition))
            );
            let record = Record::to("orders").partition(partition);
            assert!(matches!(
                producer.try_send(record),
                Err(TrySendError::NotReady(_))
            ));
        }
        assert_eq!(cluster.audit().stored(), 3);
    });
}

#[test]
fn partitions_that_are_added_are_found_and_used() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client.producer().batch_size(100).build().unwrap();
        producer
            .send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
        client
            .admin()
            .create_partitions([("orders", 4)])
            .await
            .remove(0)
            .result
            .unwrap();
        // Waits until the partition is known.
        let delivery = producer
            .send(Record::to("orders").partition(3))
            .await
            .unwrap();
        assert_eq!(delivery.await.unwrap().offset(), Some(0));
        assert_eq!(producer.partitions_for("orders").await.unwrap(), 4);
        let mut used = BTreeSet::new();
        for _ in 0..200 {
            used.insert(
                producer
                    .send(Record::to("orders").value(&[1; 90]))
                    .await
                    .unwrap()
                    .partition(),
            );
        }
        producer.flush().await;
        assert_eq!(used, (0..4).collect());
        assert_eq!(cluster.audit().acknowledged(), 202);
    });
}

#[test]
fn every_codec_at_every_kind_of_level() {
    run(async {
        let (cluster, client) = orders(1).await;
        let compressions = [
            Compression::NONE,
            Compression::GZIP,
            Compression::gzip(1).unwrap(),
            Compression::gzip(9).unwrap(),
            Compression::SNAPPY,
            Compression::LZ4,
            Compression::ZSTD,
            Compression::zstd(1).unwrap(),
            Compression::zstd(9).unwrap(),
        ];
        for compression in compressions {
            let name = format!("codec-{compression}").replace(':', ".");
            cluster.create_topic(&name, 1).unwrap();
            let producer = client
                .producer()
                .compression(compression)
                .linger(HOUR)
                .batch_size(8192)
                .build()
                .unwrap();
            let mut flow = Flow::default();
            flow.send(&producer, &name, 1, 2000).await;
            producer.flush().await;
            flow.settle_well(&cluster, &name).await;
            for record in stored(&cluster, &name, 0) {
                assert_eq!(record.codec, compression.codec(), "{record:?}");
            }
            drained(&producer).await;
        }
    });
}

#[test]
fn a_batch_that_does_not_shrink_goes_uncompressed() {
    run(async {
        let (cluster, client) = orders(1).await;
        for compression in [
            Compression::GZIP,
            Compression::SNAPPY,
            Compression::LZ4,
            Compression::ZSTD,
        ] {
            let producer = client.producer().compression(compression).build().unwrap();
            // Too short to be worth a codec's framing.
            producer
                .send(Record::to("orders").value("x"))
                .await
                .unwrap()
                .await
                .unwrap();
        }
        let log = stored(&cluster, "orders", 0);
        assert_eq!(log.len(), 4);
        assert!(
            log.iter()
                .all(|record| record.codec == CompressionType::None && record.text() == "x")
        );
    });
}

#[test]
fn acknowledgements_of_every_kind() {
    run(async {
        let (cluster, client) = orders(1).await;
        for (acks, told) in [
            (Acks::None, None),
            (Acks::Leader, Some(10)),
            (Acks::All, Some(20)),
        ] {
            let producer = client.producer().acks(acks).build().unwrap();
            for nth in 0..10 {
                let delivery = producer
                    .send(Record::to("orders").value("v"))
                    .await
                    .unwrap();
                let offset = delivery.await.unwrap().offset();
                assert_eq!(offset, told.map(|first: i64| first + nth), "{acks:?}");
            }
            // With acks 0, what was written to the connection may still be on its way.
            while cluster.with_state(|state| state.log_range("orders", 0).unwrap().1) % 10 != 0 {
                tokio::task::yield_now().await;
            }
            drained(&producer).await;
        }
        let log = stored(&cluster, "orders", 0);
        assert_eq!(log.len(), 30);
        let numbered = |record: &Stored| record.producer_id >= 0;
        assert!(!log[..20].iter().any(numbered) && log[20..].iter().all(numbered));
    });
}

#[test]
fn idempotence_can_be_switched_off() {
    run(async {
        let (cluster, client) = orders(2).await;
        let producer = client
            .producer()
            .idempotence(false)
            .max_in_flight(20)
            .batch_size(200)
            .build()
            .unwrap();
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 2, 1000).await;
        flow.settle_well(&cluster, "orders").await;
        assert!(
            stored(&cluster, "orders", 0)
                .iter()
                .all(|record| record.producer_id == -1)
        );
        assert_eq!(cluster.request_count(ApiKey::INIT_PRODUCER_ID), 0);
    });
}

/// Length of the longest value without key and headers.
fn longest(limit: usize) -> usize {
    let size = |length: usize| {
        let value = vec![0; length];
        RecordRef {
            value: Some((&value).into()),
            ..Default::default()
        }
        .upper_bound()
    };
    (0..limit)
        .rev()
        .find(|length| size(*length) <= limit)
        .unwrap()
}

#[test]
fn a_record_may_be_as_large_as_max_request_size_and_no_larger() {
    run(async {
        let (cluster, client) = orders(1).await;
        for limit in [1000, 100_000, 1024 * 1024] {
            let producer = client.producer().max_request_size(limit).build().unwrap();
            let value = vec![0x61; longest(limit) + 1];
            let shared = Bytes::from(value.clone());
            let fits = &value[1..];
            producer
                .send(Record::to("orders").value(fits))
                .await
                .unwrap()
                .await
                .unwrap();
            producer
                .send(Record::to("orders").value(&shared.slice(1..)))
                .await
                .unwrap()
                .await
                .unwrap();
            let sent = cluster.request_count(ApiKey::PRODUCE);
            for record in [
                Record::to("orders").value(&value),
                Record::to("orders").value(&shared),
            ] {
                let error = producer.send(record.clone()).await.unwrap_err();
                assert_eq!(
                    (error.kind(), error.persistence()),
                    (ProduceErrorKind::TooLarge, Persistence::No)
                );
                let (is, may) = (
                    (limit + 1).to_string(),
                    format!("max_request_size ({limit})"),
                );
                assert!(
                    error.to_string().contains(&is) && error.to_string().contains(&may),
                    "{error}"
                );
                let refused = producer.try_send(record).unwrap_err();
                assert!(matches!(refused, TrySendError::Rejected(_)), "{refused}");
            }
            producer.flush().await;
            assert_eq!(cluster.request_count(ApiKey::PRODUCE), sent);
            drained(&producer).await;
        }
    });
}

#[test]
fn a_record_that_never_fits_into_memory_is_refused_at_once() {
    run(async {
        let (_cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .buffer_memory(64 * 1024)
            .max_block(HOUR)
            .build()
            .unwrap();
        let copied = vec![0; 70_000];
        // Linked in without a copy, it still takes a buffer besides.
        let linked = Bytes::from(vec![0; 60_000]);
        for record in [
            Record::to("orders").value(&copied),
            Record::to("orders").value(&linked),
        ] {
            let error = producer.send(record.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::TooLarge, "{error}");
            assert!(
                error.to_string().contains("buffer_memory (65536)"),
                "{error}"
            );
            assert!(matches!(
                producer.try_send(record),
                Err(TrySendError::Rejected(_))
            ));
        }
        producer
            .send(Record::to("orders").value(&copied[..60_000]))
            .await
            .unwrap()
            .await
            .unwrap();
        producer
            .send(Record::to("orders").value(&linked.slice(..40_000)))
            .await
            .unwrap()
            .await
            .unwrap();
        drained(&producer).await;
    });
}

#[test]
fn a_batch_above_the_topics_limit_fails_alone() {
    run(async {
        let small = &[("max.message.bytes", "1000")];
        let (cluster, client) = start(Cluster::builder().topic_with("orders", 1, small)).await;
        let producer = client
            .producer()
            .batch_size(1)
            .linger(Duration::ZERO)
            .build()
            .unwrap();
        let mut deliveries = Vec::new();
        for nth in 0..60 {
            let value = vec![b'a' + nth; if nth % 20 == 10 { 2000 } else { 500 }];
            deliveries.push(
                producer
                    .send(Record::to("orders").value(&value))
                    .await
                    .unwrap(),
            );
        }
        for (nth, delivery) in deliveries.into_iter().enumerate() {
            match delivery.await {
                Ok(_) => assert_ne!(nth % 20, 10),
                Err(error) => {
                    assert_eq!(nth % 20, 10, "{error}");
                    assert_eq!(
                        (error.kind(), error.code()),
                        (ProduceErrorKind::TooLarge, Some(10))
                    );
                    assert_eq!(
                        (error.persistence(), error.broker()),
                        (Persistence::No, Some(1))
                    );
                    assert!(
                        error.to_string().contains("MESSAGE_TOO_LARGE (10)"),
                        "{error}"
                    );
                }
            }
        }
        let values: Vec<_> = stored(&cluster, "orders", 0)
            .iter()
            .map(|r| r.value.as_ref().unwrap()[0])
            .collect();
        assert_eq!(
            values,
            (0..60)
                .filter(|nth| nth % 20 != 10)
                .map(|nth| b'a' + nth)
                .collect::<Vec<_>>()
        );
        drained(&producer).await;
    });
}

#[test]
fn a_topic_that_there_is_not_is_an_error_within_max_block() {
    run(async {
        let (_cluster, client) = start(Cluster::builder().auto_create_topics(false)).await;
        let producer = client
            .producer()
            .max_block(Duration::from_millis(300))
            .build()
            .unwrap();
        for topic in ["orders", "not a name", ""] {
            let error = producer
                .send(Record::to(topic).value("v"))
                .await
                .unwrap_err();
            assert_eq!(
                (error.kind(), error.topic()),
                (ProduceErrorKind::UnknownTopic, topic)
            );
            assert_eq!(error.persistence(), Persistence::No);
            let cause = if topic == "orders" {
                "UNKNOWN_TOPIC_OR_PARTITION"
            } else {
                "INVALID_TOPIC"
            };
            assert!(error.to_string().contains(cause), "{error}");
            assert!(producer.partitions_for(topic).await.is_err());
        }
        assert_eq!(producer.buffered(), 0);
    });
}

#[test]
fn a_topic_that_appears_while_send_waits_is_taken() {
    run(async {
        let (cluster, client) = start(Cluster::builder().auto_create_topics(false)).await;
        let producer = client.producer().build().unwrap();
        let (sent, ()) = tokio::join!(producer.send(Record::to("late")), async {
            cluster.create_topic("late", 1).unwrap();
        });
        sent.unwrap().await.unwrap();
    });
}

#[test]
fn the_broker_may_create_a_topic_that_is_asked_for() {
    run(async {
        let (cluster, client) = start(Cluster::builder().partitions(3)).await;
        let producer = client.producer().build().unwrap();
        let long = "x".repeat(249);
        for topic in ["new", &long] {
            producer
                .send(Record::to(topic).value("v"))
                .await
                .unwrap()
                .await
                .unwrap();
            assert_eq!(producer.partitions_for(topic).await.unwrap(), 3);
        }
        assert_eq!(cluster.audit().acknowledged(), 2);
    });
}

#[test]
fn flush_waits_for_everything_and_for_no_linger() {
    run(async {
        let (cluster, client) = orders(6).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        let mut flow = Flow::default();
        for _ in 0..5 {
            flow.send(&producer, "orders", 6, 100).await;
            producer.flush().await;
            for (_, delivery) in &flow.sent {
                delivery.try_get().unwrap().unwrap();
            }
        }
        flow.settle_well(&cluster, "orders").await;
        // With nothing to wait for, and with what fails.
        producer.flush().await;
        cluster
            .faults()
            .push(Fault::error(ErrorCode::INVALID_RECORD).on(ApiKey::PRODUCE));
        let delivery = producer.send(Record::to("orders")).await.unwrap();
        producer.flush().await;
        let error = delivery.try_get().unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ProduceErrorKind::Refused, Some(87))
        );
    });
}

#[test]
fn a_flush_that_is_given_up_loses_nothing() {
    run(async {
        let (cluster, client) = orders(3).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        let mut flow = Flow::default();
        for _ in 0..20 {
            flow.send(&producer, "orders", 3, 10).await;
            let _ = timeout(Duration::ZERO, producer.flush()).await;
        }
        flow.settle_well(&cluster, "orders").await;
        drained(&producer).await;
    });
}

#[test]
fn try_send_gives_the_record_back() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .buffer_memory(64 * 1024)
            .linger(Duration::ZERO)
            .build()
            .unwrap();
        let value = vec![1; 1000];
        let record = Record::to("orders").key("k").value(&value);
        let Err(TrySendError::NotReady(record)) = producer.try_send(record) else {
            panic!("the topic cannot be known yet")
        };
        assert_eq!(record.topic(), "orders");
        // It is asked for all the same.
        let mut record = Some(record);
        while let Some(again) = record.take() {
            match producer.try_send(again) {
                Ok(delivery) => drop(delivery.await.unwrap()),
                Err(TrySendError::NotReady(again)) => record = Some(again),
                Err(other) => panic!("{other}"),
            }
            tokio::task::yield_now().await;
        }
        let fault = cluster.faults().push(
            Fault::delay(Duration::from_millis(300))
                .on(ApiKey::PRODUCE)
                .always(),
        );
        let mut taken = 0;
        let given_back = loop {
            match producer.try_send(Record::to("orders").key("k").value(&value)) {
                Ok(_) => taken += 1,
                Err(TrySendError::Full(record)) => break record,
                Err(other) => panic!("{other}"),
            }
        };
        assert!(
            (30..70).contains(&taken),
            "{taken} records of 1000 bytes in 64 KiB"
        );
        assert!(producer.buffered() > 48 * 1024);
        cluster.faults().remove(fault);
        producer.send(given_back).await.unwrap().await.unwrap();
        producer.flush().await;
        assert_eq!(cluster.audit().acknowledged(), taken + 2);
    });
}

#[test]
fn with_little_memory_senders_wait_their_turn_and_all_get_through() {
    run(async {
        let (cluster, client) = orders(8).await;
        // Nothing but the want of memory ends the linger.
        let producer = client
            .producer()
            .buffer_memory(4096)
            .batch_size(1024)
            .linger(HOUR)
            .max_block(HOUR);
        let producer = producer.delivery_timeout(2 * HOUR).build().unwrap();
        let mut tasks = Vec::new();
        for task in 0..20 {
            let producer = producer.clone();
            tasks.push(tokio::spawn(async move {
                let mut deliveries = Vec::new();
                for nth in 0..100 {
                    let text = format!("{task:02}:{nth:03}:{}", "x".repeat(100));
                    let record = Record::to("orders").partition(task % 8).value(&*text);
                    deliveries.push(producer.send(record).await.unwrap());
                }
                deliveries
            }));
        }
        let mut deliveries = Vec::new();
        for task in tasks {
            deliveries.extend(task.await.unwrap());
        }
        producer.flush().await;
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        in_order_by_task(&cluster, 8, 20, 100);
        drained(&producer).await;
    });
}

/// Each task's records, which begin with `task:number:`, are there once and in order.
fn in_order_by_task(cluster: &Cluster, partitions: i32, tasks: usize, records: usize) {
    let mut next: BTreeMap<(String, i32), usize> = BTreeMap::new();
    let mut count = 0;
    for partition in 0..partitions {
        for record in stored(cluster, "orders", partition) {
            let mut parts = record.text().split(':');
            let (task, number) = (parts.next().unwrap(), parts.next().unwrap());
            let number: usize = number.parse().unwrap();
            let last = next.entry((task.to_owned(), partition)).or_default();
            assert!(
                number >= *last,
                "task {task} in partition {partition}: {number} after {last}"
            );
            *last = number + 1;
            count += 1;
        }
    }
    assert_eq!(count, tasks * records);
}

#[test]
fn many_tasks_send_to_one_topic() {
    run(async {
        let (cluster, client) = orders(5).await;
        let producer = client
            .producer()
            .linger(Duration::ZERO)
            .batch_size(2000)
            .build()
            .unwrap();
        let mut tasks = Vec::new();
        for task in 0..16 {
            let producer = producer.clone();
            tasks.push(tokio::spawn(async move {
                let key = format!("key of {task}");
                let mut deliveries = Vec::new();
                for nth in 0..300 {
                    let text = format!("{task:02}:{nth:03}:");
                    let record = Record::to("orders").key(&*key).value(&*text);
                    deliveries.push(producer.send(record).await.unwrap());
                }
                let mut last = -1;
                for delivery in deliveries {
                    let offset = delivery.await.unwrap().offset().unwrap();
                    assert!(offset > last);
                    last = offset;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        in_order_by_task(&cluster, 5, 16, 300);
        let audit = cluster.audit();
        assert_eq!(
            (audit.lost(), audit.duplicated(), audit.acknowledged()),
            (0, 0, 4800)
        );
        drained(&producer).await;
    });
}

#[test]
fn memory_that_stays_used_up_is_an_error_after_max_block() {
    run(async {
        let (cluster, client) = orders(1).await;
        cluster.faults().push(hang());
        let block = Duration::from_millis(200);
        let producer = client
            .producer()
            .buffer_memory(32 * 1024)
            .max_block(block)
            .build()
            .unwrap();
        let value = vec![1; 5000];
        let error = loop {
            match producer.send(Record::to("orders").value(&value)).await {
                Ok(delivery) => drop(delivery),
                Err(error) => break error,
            }
        };
        assert_eq!(
            (error.kind(), error.persistence()),
            (ProduceErrorKind::BufferFull, Persistence::No)
        );
        assert!(
            error.to_string().contains("buffer_memory (32768 bytes)"),
            "{error}"
        );
        let held = producer.buffered();
        assert!(held <= 32 * 1024);
        // Whoever gave up holds nothing, and stands in nobody's way.
        assert!(matches!(
            producer.try_send(Record::to("orders").value(&value)),
            Err(TrySendError::Full(_))
        ));
        assert_eq!(producer.buffered(), held);
    });
}

#[test]
fn close_delivers_everything_and_takes_no_more() {
    run(async {
        let (cluster, client) = orders(3).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        let other = producer.clone();
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 3, 1000).await;
        let (first, second) = tokio::join!(producer.close(HANG), other.close(HANG));
        assert_eq!((first, second), (Ok(()), Ok(())));
        flow.settle_well(&cluster, "orders").await;
        for record in [Record::to("orders"), Record::to("unknown")] {
            let error = other.send(record.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::Closed, "{error}");
            assert!(matches!(
                other.try_send(record),
                Err(TrySendError::Rejected(_))
            ));
        }
        assert_eq!(producer.close(Duration::ZERO).await, Ok(()));
        assert_eq!(producer.buffered(), 0);
        // The client lives on.
        let next = client.producer().build().unwrap();
        next.send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
    });
}

#[test]
fn close_tells_how_many_records_a_broker_that_hangs_did_not_take() {
    run(async {
        let (cluster, client) = orders(1).await;
        cluster.faults().push(hang());
        let producer = client
            .producer()
            .max_in_flight(1)
            .linger(Duration::ZERO)
            .buffer_memory(40 * 1024);
        let producer = producer.batch_size(1000).max_block(HOUR).build().unwrap();
        let mut deliveries = vec![
            producer
                .send(Record::to("orders").value("first"))
                .await
                .unwrap(),
        ];
        while cluster.request_count(ApiKey::PRODUCE) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..9 {
            deliveries.push(
                producer
                    .send(Record::to("orders").value(&[1; 400]))
                    .await
                    .unwrap(),
            );
        }
        // Somebody waits for memory, and somebody for a topic.
        let waiting = producer.clone();
        let large = vec![1; 39_900];
        let memory =
            tokio::spawn(async move { waiting.send(Record::to("orders").value(&large)).await });
        let waiting = producer.clone();
        let topic =
            tokio::spawn(async move { waiting.send(Record::to("orders").partition(7)).await });
        let (short, long) = tokio::join!(
            producer.close(Duration::from_millis(200)),
            producer.close(HANG)
        );
        assert_eq!(short.unwrap_err().undelivered(), 10, "{short:?}");
        assert_eq!(long, short, "both saw the same end");
        assert_eq!(producer.close(HANG).await, short);
        for (nth, delivery) in deliveries.into_iter().enumerate() {
            let error = delivery.await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::Closed, "{error}");
            let expected = if nth == 0 {
                Persistence::Maybe
            } else {
                Persistence::No
            };
            assert_eq!(error.persistence(), expected, "{nth}: {error}");
        }
        for waited in [memory, topic] {
            assert_eq!(
                waited.await.unwrap().unwrap_err().kind(),
                ProduceErrorKind::Closed
            );
        }
        drained(&producer).await;
    });
}

#[test]
fn dropping_the_last_handle_delivers_what_was_accepted() {
    run(async {
        let (cluster, client) = orders(3).await;
        for round in 1..=3 {
            let producer = client.producer().linger(HOUR).build().unwrap();
            for _ in 0..100 {
                let _ = producer
                    .clone()
                    .send(Record::to("orders").value("v").timestamp(round))
                    .await
                    .unwrap();
            }
            drop(producer);
            while cluster.audit().acknowledged() < u64::try_from(round).unwrap() * 100 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert_eq!(cluster.audit().stored(), 300);
    });
}

#[test]
fn without_its_runtime_a_producer_ends_and_every_delivery_resolves() {
    let serving = runtime();
    let (cluster, _) = serving.block_on(orders(2));
    cluster.faults().push(hang());
    for handles_left in [true, false] {
        let doomed = runtime();
        let (producer, deliveries, waiting) = doomed.block_on(async {
            let client = Client::builder(cluster.bootstrap())
                .connect()
                .await
                .unwrap();
            let producer = client
                .producer()
                .buffer_memory(64 * 1024)
                .max_block(HOUR)
                .build()
                .unwrap();
            let mut deliveries = Vec::new();
            for partition in [0, 1] {
                for _ in 0..10 {
                    let record = Record::to("orders").partition(partition).value(&[1; 1000]);
                    deliveries.push(producer.send(record).await.unwrap());
                }
            }
            let waiting = [(0, 60_000), (9, 1)].map(|(partition, length)| {
                let producer = producer.clone();
                // Elsewhere, so that it is not gone with the runtime.
                serving.spawn(async move {
                    let value = vec![1; length];
                    producer
                        .send(Record::to("orders").partition(partition).value(&value))
                        .await
                })
            });
            let before = cluster.request_count(ApiKey::PRODUCE);
            while cluster.request_count(ApiKey::PRODUCE) == before {
                tokio::task::yield_now().await;
            }
            (producer, deliveries, waiting)
        });
        let producer = handles_left.then_some(producer);
        let resolving = serving.spawn(async move {
            for delivery in deliveries {
                let error = delivery.await.unwrap_err();
                assert_eq!(error.kind(), ProduceErrorKind::Closed, "{error}");
            }
        });
        doomed.shutdown_background();
        serving.block_on(async {
            timeout(HANG, resolving)
                .await
                .expect("deliveries resolve")
                .unwrap();
            for waiting in waiting {
                let sent = timeout(HANG, waiting).await.expect("sends return").unwrap();
                assert_eq!(sent.unwrap_err().kind(), ProduceErrorKind::Closed);
            }
            let Some(producer) = producer else { return };
            let error = producer.send(Record::to("orders")).await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::Closed);
            producer.flush().await;
            assert_eq!(producer.close(HANG).await.unwrap_err().undelivered(), 20);
        });
    }
}

#[test]
fn a_thread_without_a_runtime_may_send_and_wait() {
    let runtime = runtime();
    let (cluster, client) = runtime.block_on(start(Cluster::builder()));
    let producer = client.producer().buffer_memory(16 * 1024).build().unwrap();
    std::thread::spawn(move || {
        // Waits for the topic, which is new, and for memory.
        let deliveries: Vec<_> = (0..100)
            .map(|_| block_on(producer.send(Record::to("new").value(&[1; 1000]))).unwrap())
            .collect();
        for delivery in deliveries {
            block_on(delivery).unwrap();
        }
        block_on(producer.flush());
        block_on(producer.close(HANG)).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(cluster.audit().acknowledged(), 100);
}

/// The simplest executor there is.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Thread(std::thread::Thread);
    impl std::task::Wake for Thread {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Thread(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(&waker))
        {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn futures_that_are_dropped_lose_nothing_and_hold_nothing() {
    run(async {
        let (cluster, client) = orders(2).await;
        let producer = client
            .producer()
            .buffer_memory(32 * 1024)
            .batch_size(1024)
            .build()
            .unwrap();
        for _ in 0..500 {
            drop(
                producer
                    .send(Record::to("orders").value(&[1; 200]))
                    .await
                    .unwrap(),
            );
        }
        producer.flush().await;
        assert_eq!(cluster.audit().acknowledged(), 500);
        drained(&producer).await;

        // Some are still waiting for memory when they are given up, some have just been given it.
        let delay = Fault::delay(Duration::from_millis(5))
            .on(ApiKey::PRODUCE)
            .always();
        cluster.faults().push(delay);
        let mut accepted = 500;
        let value = vec![1; 4000];
        for nth in 0..200 {
            let patience = Duration::from_micros(nth % 7 * 500);
            let sends = (0..4).map(|_| {
                let (producer, value) = (producer.clone(), value.clone());
                tokio::spawn(async move {
                    let sending = producer.send(Record::to("orders").value(&value));
                    timeout(patience, sending)
                        .await
                        .is_ok_and(|sent| sent.map(drop).is_ok())
                })
            });
            for sent in sends.collect::<Vec<_>>() {
                accepted += u64::from(sent.await.unwrap());
            }
        }
        producer.flush().await;
        assert_eq!(cluster.audit().acknowledged(), accepted);
        drained(&producer).await;
        producer
            .send(Record::to("orders").value(&vec![1; 30_000]))
            .await
            .unwrap()
            .await
            .unwrap();
    });
}

#[test]
fn a_setting_that_cannot_be_is_named() {
    run(async {
        let (_cluster, client) = orders(1).await;
        let second = Duration::from_secs(1);
        type Change = fn(ProducerBuilder) -> ProducerBuilder;
        let refused: [(&str, Change); 12] = [
            ("max_in_flight", |p| p.max_in_flight(0)),
            ("max_in_flight", |p| p.max_in_flight(6)),
            ("max_request_size", |p| p.max_request_size(0)),
            ("batch_size", |p| {
                p.batch_size(1 << 31).buffer_memory(1 << 32)
            }),
            ("buffer_memory", |p| p.buffer_memory(1000).batch_size(1)),
            ("buffer_memory", |p| p.buffer_memory(10_000)),
            ("request_timeout", |p| p.request_timeout(Duration::ZERO)),
            ("delivery_timeout", |p| {
                p.delivery_timeout(Duration::from_secs(30))
            }),
            ("acks", |p| p.acks(Acks::Leader).idempotence(true)),
            ("acks", |p| p.acks(Acks::None).idempotence(true)),
            ("retries", |p| p.retries(0).idempotence(true)),
            ("retry_backoff", |p| {
                p.retry_backoff(Duration::from_secs(2), Duration::from_secs(1))
            }),
        ];
        for (nth, (field, change)) in refused.into_iter().enumerate() {
            let error = change(client.producer())
                .build()
                .map(drop)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(&format!("{field}: ")), "{nth}: {error}");
        }
        let accepted: [Change; 7] = [
            |p| p.max_in_flight(6).idempotence(false),
            |p| p.max_in_flight(6).acks(Acks::Leader).idempotence(false),
            |p| p.acks(Acks::None),
            |p| p.retries(0),
            |p| p.batch_size(0).linger(Duration::ZERO),
            |p| p.buffer_memory(1024).batch_size(1024),
            |p| p.linger(HOUR),
        ];
        for (nth, change) in accepted.into_iter().enumerate() {
            let producer = change(client.producer())
                .build()
                .unwrap_or_else(|e| panic!("{nth}: {e}"));
            let delivery = producer
                .send(Record::to("orders").value("v"))
                .await
                .unwrap();
            producer.flush().await;
            delivery.await.unwrap();
        }
        let exact = client
            .producer()
            .linger(second)
            .delivery_timeout(31 * second);
        exact.build().unwrap();
    });
}

#[test]
fn two_producers_of_one_client_are_two_to_the_broker() {
    run(async {
        let (cluster, client) = orders(2).await;
        let producers = [
            client.producer().build().unwrap(),
            client.producer().build().unwrap(),
        ];
        let mut deliveries = Vec::new();
        for nth in 0..1000 {
            let text = nth.to_string();
            let record = Record::to("orders").partition(nth % 2).value(&*text);
            deliveries.push(
                producers[usize::try_from(nth).unwrap() / 2 % 2]
                    .send(record)
                    .await
                    .unwrap(),
            );
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        let ids: BTreeSet<_> = stored(&cluster, "orders", 0)
            .iter()
            .map(|r| r.producer_id)
            .collect();
        assert_eq!(ids.len(), 2);
        let audit = cluster.audit();
        assert_eq!(
            (audit.lost(), audit.duplicated(), audit.stored()),
            (0, 0, 1000)
        );
        // The end of one is not the end of the other.
        producers[0].close(HANG).await.unwrap();
        producers[1]
            .send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
    });
}

#[test]
fn a_thousand_partitions_share_requests() {
    run(async {
        let (cluster, client) = orders(1000).await;
        let producer = client
            .producer()
            .linger(HOUR)
            .buffer_memory(1 << 26)
            .build()
            .unwrap();
        let mut flow = Flow::default();
        for _ in 0..2 {
            flow.send(&producer, "orders", 1000, 3000).await;
            producer.flush().await;
        }
        let requests = cluster.request_count(ApiKey::PRODUCE);
        assert!(requests < 500, "{requests} requests for 2000 batches");
        flow.settle_well(&cluster, "orders").await;
        drained(&producer).await;
    });
}

#[test]
fn several_topics_go_in_one_request() {
    run(async {
        let names: Vec<_> = (0..20).map(|nth| format!("topic-{nth:02}")).collect();
        let mut builder = Cluster::builder();
        for name in &names {
            builder = builder.topic(name, 3);
        }
        let (cluster, client) = start(builder).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        // The connection is made, and the topics are known.
        for name in &names {
            producer.partitions_for(name).await.unwrap();
        }
        let first = producer
            .send(Record::to("topic-00").partition(2).value("first"))
            .await
            .unwrap();
        producer.flush().await;
        first.await.unwrap();
        let before = cluster.request_count(ApiKey::PRODUCE);
        let mut deliveries = Vec::new();
        for name in &names {
            for partition in 0..2 {
                let record = Record::to(name).partition(partition).value(&**name);
                deliveries.push((name, partition, producer.send(record).await.unwrap()));
            }
        }
        producer.flush().await;
        let requests = cluster.request_count(ApiKey::PRODUCE) - before;
        assert!(requests <= 10, "{requests} requests for 40 batches");
        for (name, partition, delivery) in deliveries {
            let metadata = delivery.await.unwrap();
            assert_eq!(
                (metadata.topic(), metadata.partition()),
                (&**name, partition)
            );
            assert_eq!(metadata.offset(), Some(0));
            assert_eq!(stored(&cluster, name, partition)[0].text(), name);
        }
    });
}

#[test]
fn brokers_of_any_age_are_spoken_to() {
    run(async {
        for version in 3..=13 {
            let cluster = Cluster::builder()
                .topic("orders", 2)
                .max_version(ApiKey::PRODUCE, version);
            let (cluster, client) = start(cluster).await;
            let producer = client.producer().build().unwrap();
            let mut flow = Flow::default();
            flow.send(&producer, "orders", 2, 100).await;
            flow.settle_well(&cluster, "orders").await;
            let requests = cluster.requests();
            assert!(
                requests
                    .iter()
                    .any(|r| r.api == ApiKey::PRODUCE && r.version == version)
            );
        }
    });
}

#[test]
fn lingering_fills_batches() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .linger(Duration::from_millis(100))
            .batch_size(1 << 20)
            .build()
            .unwrap();
        let mut flow = Flow::default();
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(300) {
            flow.send(&producer, "orders", 1, 1).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let sent = flow.sent.len() as u64;
        flow.settle_well(&cluster, "orders").await;
        let requests = cluster.request_count(ApiKey::PRODUCE);
        assert!(
            requests <= sent / 3 + 1,
            "{requests} requests for {sent} records"
        );
    });
}

#[test]
fn without_idempotence_a_lost_answer_may_store_twice_and_never_loses() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .idempotence(false)
            .max_in_flight(1)
            .batch_size(200)
            .build()
            .unwrap();
        cluster
            .faults()
            .push(Fault::lose_answer().on(ApiKey::PRODUCE).after(3));
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 1, 200).await;
        let outcomes = flow.settle().await;
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
        check_present(&cluster, "orders", &outcomes);
    });
}
