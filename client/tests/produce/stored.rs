//! What a cluster holds, and whether that is what the producer was told.

use std::collections::BTreeMap;

use bytes::Bytes;
use milena::{Delivery, Persistence, ProduceError, Producer, Record, RecordMetadata};
use milena_broker::{
    Cluster, Reply,
    protocol::{
        ApiKey, Message, Str, decode_response_header, encode_request,
        fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic},
    },
};
use milena_codec::{Batches, CompressionType, Decompressor};

/// A version in which topics go by name.
const VERSION: i16 = 12;

/// A record in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Vec<(String, Option<Bytes>)>,
    pub(crate) codec: CompressionType,
    /// -1 without idempotence.
    pub(crate) producer_id: i64,
}

impl Stored {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.value.as_deref().unwrap_or_default()).unwrap()
    }
}

/// A partition's log, read from its leader.
pub(crate) fn stored(cluster: &Cluster, topic: &str, partition: i32) -> Vec<Stored> {
    let (start, end) = cluster
        .with_state(|state| state.log_range(topic, partition))
        .unwrap();
    let (leader, _) = cluster
        .with_state(|state| state.leader(topic, partition))
        .expect("a leader");
    let mut next = start;
    let mut records = Vec::new();
    while next < end {
        let bytes = fetch(cluster, leader, topic, partition, next);
        for batch in Batches::new(bytes) {
            let batch = batch.unwrap().into_current().unwrap();
            next = batch.next_offset();
            for record in batch.records(&mut Decompressor::default()).unwrap() {
                let record = record.unwrap();
                let headers = record.headers.iter();
                records.push(Stored {
                    offset: record.offset,
                    timestamp: record.timestamp,
                    headers: headers
                        .map(|h| (h.key().into_owned(), h.value.clone()))
                        .collect(),
                    key: record.key,
                    value: record.value,
                    codec: batch.codec().unwrap(),
                    producer_id: batch.header().producer_id,
                });
            }
        }
    }
    records
}

fn fetch(cluster: &Cluster, node: i32, topic: &str, partition: i32, offset: i64) -> Bytes {
    let request = FetchRequest {
        topics: vec![FetchTopic {
            topic: Str::from(topic),
            partitions: vec![FetchPartition {
                partition,
                fetch_offset: offset,
                partition_max_bytes: i32::MAX,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let frame = encode_request(1, None, VERSION, &request).unwrap();
    let frame = Bytes::from(frame.into_iter().collect::<Vec<_>>().concat()).slice(4..);
    let now = cluster.now();
    let reply = cluster.with_state(|state| state.handle(node, u64::MAX, frame, now));
    let Reply::Answer(answer) = reply else {
        panic!("no answer to a fetch: {reply:?}")
    };
    let bytes = Bytes::from(answer.segments.concat()).slice(4..);
    let (_, body) = decode_response_header(&bytes, ApiKey::FETCH, VERSION).unwrap();
    let mut response = FetchResponse::decode(&body, VERSION).unwrap();
    let partition = response.responses.remove(0).partitions.remove(0);
    assert!(!partition.error_code.is_err(), "{}", partition.error_code);
    partition.records.unwrap_or_default().into_bytes()
}

/// Records with a text each, on their way.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub(crate) sent: Vec<(String, Delivery)>,
    /// Number of the first record, where others were sent before.
    pub(crate) first: usize,
}

/// What became of a record.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    pub(crate) partition: i32,
    pub(crate) result: Result<RecordMetadata, ProduceError>,
}

impl Flow {
    /// Sends `count` more, to each of `partitions` in turn.
    pub(crate) async fn send(
        &mut self,
        producer: &Producer,
        topic: &str,
        partitions: i32,
        count: usize,
    ) {
        for _ in 0..count {
            let number = self.first + self.sent.len();
            let text = format!("{number:06}");
            let partition = i32::try_from(number).unwrap() % partitions;
            let record = Record::to(topic).value(&*text).partition(partition);
            let delivery = producer.send(record).await.unwrap();
            self.sent.push((text, delivery));
        }
    }

    /// Waits until all are settled.
    pub(crate) async fn settle(self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for (text, delivery) in self.sent {
            let partition = delivery.partition();
            outcomes.push(Outcome {
                text,
                partition,
                result: delivery.await,
            });
        }
        outcomes
    }

    /// Waits until all are acknowledged, and compares with the logs.
    pub(crate) async fn settle_well(self, cluster: &Cluster, topic: &str) {
        let outcomes = self.settle().await;
        for outcome in &outcomes {
            assert!(outcome.result.is_ok(), "{outcome:?}");
        }
        check(cluster, topic, &outcomes);
    }
}

/// Whether each partition holds what its outcomes say, once, and in the order in which it was sent.
pub(crate) fn check(cluster: &Cluster, topic: &str, outcomes: &[Outcome]) {
    let audit = cluster.audit();
    assert_eq!(
        (audit.lost(), audit.duplicated()),
        (0, 0),
        "lost, duplicated: {audit:?}"
    );
    check_present(cluster, topic, outcomes);
}

/// As [`check`], though records may stand in the log more than once: without idempotence.
pub(crate) fn check_present(cluster: &Cluster, topic: &str, outcomes: &[Outcome]) {
    let mut partitions: BTreeMap<i32, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        partitions
            .entry(outcome.partition)
            .or_default()
            .push(outcome);
    }
    for (partition, outcomes) in partitions {
        let log = stored(cluster, topic, partition);
        let mut places: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for record in &log {
            places.entry(record.text()).or_default().push(record.offset);
        }
        let mut last = -1;
        for outcome in outcomes {
            let Outcome { text, result, .. } = outcome;
            let found = places.get(&**text).map_or(&[][..], |found| found);
            match result {
                Ok(metadata) => {
                    assert!(
                        !found.is_empty(),
                        "{topic}-{partition} lost {text}: {metadata:?}"
                    );
                    if let Some(offset) = metadata.offset() {
                        assert!(
                            found.contains(&offset),
                            "{text} is at {found:?}, not {offset}"
                        );
                    }
                }
                Err(error) if error.persistence() == Persistence::No => {
                    assert_eq!(
                        found, [0; 0],
                        "{topic}-{partition} has {text}, though: {error}"
                    );
                }
                Err(_) => {}
            }
            if let Some(first) = found.first() {
                assert!(*first > last, "{topic}-{partition}: {text} is out of order");
                last = *first;
            }
        }
    }
}
