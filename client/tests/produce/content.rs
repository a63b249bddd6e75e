//! Where records go, and what arrives.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use milena::{Compression, HeaderRef, Persistence, ProduceErrorKind, Record};
use milena_broker::Cluster;
use milena_codec::CompressionType;

use crate::{
    stored::{Flow, stored},
    tcp::{HOUR, drained, orders, run, start},
};

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
        // Evenly, whatever the brokers' pace.
        let producer = client.producer().batch_size(1024);
        let producer = producer.adaptive_partitioning(false).build().unwrap();
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
            drop(producer.send(record).await.unwrap());
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
fn of_a_batch_with_bad_records_those_are_told_from_the_others() {
    run(async {
        let near = &[("message.timestamp.after.max.ms", "60000")];
        let (cluster, client) = start(Cluster::builder().topic_with("orders", 1, near)).await;
        let producer = client.producer().linger(HOUR).delivery_timeout(2 * HOUR);
        let producer = producer.build().unwrap();
        let is_bad = |nth: usize| nth % 10 == 3;
        let mut deliveries = Vec::new();
        for nth in 0..100 {
            let text = nth.to_string();
            let mut record = Record::to("orders").value(&*text);
            if is_bad(nth) {
                record = record.timestamp(i64::MAX / 2);
            }
            deliveries.push(producer.send(record).await.unwrap());
        }
        producer.flush().await;
        for (nth, delivery) in deliveries.into_iter().enumerate() {
            let error = delivery.try_get().unwrap().unwrap_err();
            let kind = if is_bad(nth) {
                ProduceErrorKind::InvalidRecord
            } else {
                ProduceErrorKind::OtherRecordInvalid
            };
            assert_eq!(
                (error.kind(), error.persistence()),
                (kind, Persistence::No),
                "{error}"
            );
            assert!(error.to_string().contains("INVALID_TIMESTAMP"), "{error}");
        }
        assert_eq!(cluster.audit().stored(), 0);
        let counts = [
            (ProduceErrorKind::InvalidRecord, 10),
            (ProduceErrorKind::OtherRecordInvalid, 90),
        ];
        assert_eq!(producer.metrics().errors, counts);
        for nth in (0..100).filter(|nth| !is_bad(*nth)) {
            let text = nth.to_string();
            drop(
                producer
                    .send(Record::to("orders").value(&*text))
                    .await
                    .unwrap(),
            );
        }
        producer.flush().await;
        assert_eq!(cluster.audit().acknowledged(), 90);
    });
}
