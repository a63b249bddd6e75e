//! What was sent, and what must therefore be read.

use std::collections::BTreeMap;

use milena::{
    Client, Delivery, IsolationLevel, ProduceError, Producer, ReceivedRecord, RecordMetadata,
};

use crate::{java, line::Line, place::Place, sample::Sample};

/// What was sent to one topic.
#[derive(Debug)]
pub(crate) struct Ledger {
    topic: String,
    timestamp_type: &'static str,
    /// Accepted and not known to be settled, in order.
    open: Vec<(Sample, Delivery)>,
    /// Acknowledged, by partition, in the order in which they were accepted.
    stored: BTreeMap<i32, Vec<(Sample, RecordMetadata)>>,
}

impl Ledger {
    pub(crate) fn new(topic: impl Into<String>) -> Self {
        Self {
            topic: topic.into(),
            timestamp_type: "CreateTime",
            open: Vec::new(),
            stored: BTreeMap::new(),
        }
    }

    /// For a topic that stamps records on arrival.
    pub(crate) fn stamped_on_arrival(topic: impl Into<String>) -> Self {
        Self {
            timestamp_type: "LogAppendTime",
            ..Self::new(topic)
        }
    }

    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Has a producer accept a record.
    pub(crate) async fn send(&mut self, producer: &Producer, sample: Sample) {
        let accepted = producer
            .send(sample.record(&self.topic, &sample.header_refs()))
            .await;
        let delivery =
            accepted.unwrap_or_else(|error| panic!("{sample:?} was not accepted: {error}"));
        self.open.push((sample, delivery));
    }

    /// Has a producer accept records, and waits until all are acknowledged.
    pub(crate) async fn send_all(
        &mut self,
        producer: &Producer,
        samples: impl IntoIterator<Item = Sample>,
    ) {
        for sample in samples {
            self.send(producer, sample).await;
        }
        producer.flush().await;
        let failed = self.settle().await;
        assert!(
            failed.is_empty(),
            "{} records failed, the first: {}",
            failed.len(),
            failed[0].1
        );
    }

    /// Waits until everything accepted is settled. Returns what failed.
    pub(crate) async fn settle(&mut self) -> Vec<(Sample, ProduceError)> {
        let mut failed = Vec::new();
        for (sample, delivery) in self.open.drain(..) {
            match delivery.await {
                Ok(metadata) => {
                    assert_eq!(metadata.topic(), self.topic);
                    let stored = self.stored.entry(metadata.partition()).or_default();
                    if let Some(offset) = metadata.offset() {
                        let place = i64::try_from(stored.len()).unwrap();
                        assert_eq!(
                            offset, place,
                            "{sample:?} is not where it was accepted: {metadata:?}"
                        );
                    }
                    if let Some(partition) = sample.partition {
                        assert_eq!(metadata.partition(), partition);
                    }
                    stored.push((sample, metadata));
                }
                Err(error) => failed.push((sample, error)),
            }
        }
        failed
    }

    /// How many records are acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.stored.values().map(Vec::len).sum()
    }

    /// What the producer said of those acknowledged.
    pub(crate) fn metadata(&self) -> impl Iterator<Item = (&Sample, &RecordMetadata)> {
        self.stored
            .values()
            .flatten()
            .map(|(sample, metadata)| (sample, metadata))
    }

    /// What must be read, line by line.
    fn lines(&self) -> impl Iterator<Item = String> {
        let line = |offset: usize, (sample, metadata): &(Sample, RecordMetadata)| {
            let timestamp = match (self.timestamp_type, sample.timestamp) {
                ("CreateTime", Some(given)) => given,
                _ => metadata.timestamp(),
            };
            let line = Line {
                topic: &self.topic,
                partition: metadata.partition(),
                offset: i64::try_from(offset).unwrap(),
                timestamp,
                timestamp_type: self.timestamp_type,
                key: sample.key.as_deref(),
                value: sample.value.as_deref(),
            };
            line.text(
                sample
                    .headers
                    .iter()
                    .map(|(key, value)| (key.as_str(), value.as_deref())),
            )
        };
        self.stored.values().flat_map(move |records| {
            records
                .iter()
                .enumerate()
                .map(move |(offset, record)| line(offset, record))
        })
    }
}

/// Both Apache's consumer and our reader must see exactly what these ledgers say.
pub(crate) async fn verify(place: Place, client: &Client, ledgers: &[Ledger]) {
    let topics: Vec<&str> = ledgers.iter().map(Ledger::topic).collect();
    let theirs = java::read_back(place, &topics).await;
    compare(
        "Apache's consumer",
        ledgers.iter().flat_map(Ledger::lines),
        theirs,
    );
    for ledger in ledgers {
        let records = read(client, &ledger.topic).await;
        let ours = records
            .iter()
            .map(|record| received(record, ledger.timestamp_type));
        compare("our reader", ledger.lines(), ours);
    }
}

/// Everything in a topic by our reader: by partition, and as it came within each.
pub(crate) async fn read(client: &Client, topic: &str) -> Vec<ReceivedRecord> {
    read_at(client, topic, IsolationLevel::ReadUncommitted).await
}

/// The same at an isolation level.
pub(crate) async fn read_at(
    client: &Client,
    topic: &str,
    level: IsolationLevel,
) -> Vec<ReceivedRecord> {
    let mut reader = client
        .reader(topic)
        .isolation_level(level)
        .from_beginning()
        .to_end()
        .build()
        .await
        .unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next().await {
        records.push(record.unwrap());
    }
    records.sort_by_key(|record| record.partition);
    records
}

/// A record that our reader read, as a line.
pub(crate) fn received(record: &ReceivedRecord, timestamp_type: &str) -> String {
    let line = Line {
        topic: &record.topic,
        partition: record.partition,
        offset: record.offset,
        timestamp: record.timestamp,
        timestamp_type,
        key: record.key.as_deref(),
        value: record.value.as_deref(),
    };
    let headers: Vec<_> = record.headers.iter().collect();
    let keys: Vec<_> = headers.iter().map(|header| header.key()).collect();
    line.text(
        keys.iter()
            .zip(&headers)
            .map(|(key, header)| (&**key, header.value.as_deref())),
    )
}

/// Line by line the same, and as many.
pub(crate) fn compare(
    whose: &str,
    expected: impl IntoIterator<Item = String>,
    seen: impl IntoIterator<Item = String>,
) {
    let (mut expected, mut seen) = (expected.into_iter(), seen.into_iter());
    for number in 1.. {
        match (expected.next(), seen.next()) {
            (None, None) => return,
            (Some(expected), Some(seen)) if expected == seen => {}
            (expected, seen) => panic!(
                "{whose} differs at record {number}\nexpected: {}\nseen:     {}",
                shown(expected),
                shown(seen)
            ),
        }
    }
}

/// A line, shortened when it is long.
fn shown(line: Option<String>) -> String {
    let Some(line) = line else {
        return "the end".to_owned();
    };
    match line.char_indices().nth(2_000) {
        Some((end, _)) => format!("{}… ({} bytes)", &line[..end], line.len()),
        None => line,
    }
}
