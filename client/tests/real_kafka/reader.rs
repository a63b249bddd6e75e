//! What Apache's producer wrote, read by our reader.

use std::{collections::BTreeMap, time::Duration};

use milena::{Client, ReadError, Reader, ReceivedRecord};

use crate::{
    java,
    ledger::{Ledger, compare, read, received, verify},
    line::{Line, number},
    place::{Place, everywhere},
    sample::Sample,
};

everywhere! { what_apaches_producer_wrote_is_read }

const FIRST_TIME: i64 = 1_700_000_000_000;
const SIZE: usize = 120;

async fn what_apaches_producer_wrote_is_read(place: Place) {
    const COUNT: &str = "1500";
    let client = place.client().await;
    let time = FIRST_TIME.to_string();
    let size = SIZE.to_string();
    // A codec each, of which one in a transaction that is committed, and one in one that is not.
    let runs: &[(&str, &str)] = match place {
        Place::Single => &[
            ("none", "commit"),
            ("gzip", "none"),
            ("snappy", "none"),
            ("lz4", "abort"),
            ("zstd", "none"),
        ],
        Place::Cluster => &[("lz4", "none"), ("snappy", "commit")],
        Place::Old => &[("zstd", "none"), ("gzip", "none")],
    };
    for (codec, transaction) in runs {
        let topic = place.topic(&client, &format!("java-{codec}"), 3).await;
        let options = [
            "--count",
            COUNT,
            "--timestamp",
            &time,
            "--size",
            &size,
            "--compression",
            codec,
            "--transaction",
            transaction,
        ];
        let written = java::write(place, &topic, &options).await;
        assert_eq!(written.len().to_string(), COUNT);
        let records = read(&client, &topic).await;
        let seen = records.iter().map(|record| received(record, "CreateTime"));
        compare("our reader", in_order(&topic, &written), seen);
        assert_same_partitioner(place, &client, &records).await;
        check_starts(&client, &topic, &written).await;
    }
}

/// What must be read of that topic, from the acknowledgements of what was written.
fn in_order(topic: &str, written: &[String]) -> Vec<String> {
    let mut lines = BTreeMap::new();
    for acknowledged in written {
        let field = |name| number(acknowledged, name);
        let (index, partition, offset) = (field("index"), field("partition"), field("offset"));
        let (key, value) = (key(index), value(index));
        let partition = i32::try_from(partition).unwrap();
        let line = Line {
            topic,
            partition,
            offset,
            timestamp: FIRST_TIME + index,
            timestamp_type: "CreateTime",
            key: key.as_deref(),
            value: value.as_deref(),
        };
        let number = index.to_string();
        let headers: &[(&str, Option<&[u8]>)] = match index % 3 {
            0 => &[],
            1 => &[("h", Some(number.as_bytes()))],
            _ => &[
                ("h", Some(b"first")),
                ("h", None),
                ("", Some(b"")),
                ("ключ", Some(number.as_bytes())),
            ],
        };
        lines.insert((partition, offset), line.text(headers.iter().copied()));
    }
    lines.into_values().collect()
}

/// As the head of the Java program describes it.
fn key(index: i64) -> Option<Vec<u8>> {
    match index % 4 {
        0 => None,
        1 => Some(Vec::new()),
        _ => Some(format!("key-{index}").into()),
    }
}

fn value(index: i64) -> Option<Vec<u8>> {
    match index % 8 {
        0 => None,
        1 => Some(Vec::new()),
        2 => Some(java_noise(index)),
        _ => Some(
            format!("value-{index} ")
                .bytes()
                .cycle()
                .take(SIZE)
                .collect(),
        ),
    }
}

/// The bytes of `java.util.SplittableRandom` with that seed.
fn java_noise(seed: i64) -> Vec<u8> {
    let mut state = seed as u64;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut bytes: Vec<u8> = Vec::new();
    while bytes.len() < SIZE {
        bytes.extend(next().to_le_bytes());
    }
    bytes.truncate(SIZE);
    bytes
}

/// Our producer sends each key to the partition to which Apache's did.
async fn assert_same_partitioner(place: Place, client: &Client, theirs: &[ReceivedRecord]) {
    if place != Place::Single {
        return;
    }
    let producer = client.producer().build().unwrap();
    let topic = place.topic(client, "partitioner", 3).await;
    let mut chosen = Vec::new();
    for record in theirs.iter().filter(|record| record.key.is_some()) {
        let key = record.key.as_ref().unwrap();
        let delivery = producer
            .send(milena::Record::to(&topic).key(key))
            .await
            .unwrap();
        chosen.push((key, record.partition, delivery.partition()));
    }
    producer.flush().await;
    assert!(chosen.len() > 1000);
    for (key, theirs, ours) in chosen {
        assert_eq!(ours, theirs, "{key:?}");
    }
}

/// Reading from the middle: by offset, by time, and from the end on.
async fn check_starts(client: &Client, topic: &str, written: &[String]) {
    let in_partition = |line: &&String| number(line, "partition") == 1;
    let middle = written.iter().filter(in_partition).nth(100).unwrap();
    let (offset, timestamp) = (number(middle, "offset"), number(middle, "timestamp"));
    let one = || client.reader(topic).partition(1);
    for builder in [one().from_offset(offset), one().from_timestamp(timestamp)] {
        let mut reader = builder.to_end().build().await.unwrap();
        let record = reader.next().await.unwrap().unwrap();
        assert_eq!(
            (record.partition, record.offset, record.timestamp),
            (1, offset, timestamp)
        );
    }
    let mut reader = one().from_end().to_end().build().await.unwrap();
    assert!(reader.next().await.is_none());
    let mut reader = one().from_offset(1_000_000).build().await.unwrap();
    let error = reader.next().await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            ReadError::OutOfRange {
                offset: 1_000_000,
                start: 0,
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real Kafka brokers: cargo xtask test"]
async fn a_reader_follows_what_is_written() {
    let place = Place::Cluster;
    let _calm = place.calm().await;
    let client = place.client().await;
    let topic = place.topic(&client, "tail", 3).await;
    let mut reader = client.reader(&topic).from_end().build().await.unwrap();
    let producer = client.producer().build().unwrap();
    let mut ledger = Ledger::new(&topic);
    for round in 0..5 {
        let samples = (0..20).map(|i| Sample::of(format!("{round}:{i}")));
        ledger.send_all(&producer, samples).await;
        for _ in 0..20 {
            let record = next(&mut reader).await;
            assert!(
                record
                    .value
                    .unwrap()
                    .starts_with(format!("{round}:").as_bytes())
            );
        }
    }
    verify(place, &client, &[ledger]).await;
}

async fn next(reader: &mut Reader) -> ReceivedRecord {
    let next = tokio::time::timeout(Duration::from_secs(60), reader.next());
    next.await.expect("a record comes").unwrap().unwrap()
}
