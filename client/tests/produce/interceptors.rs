//! What interceptors see, and what they make of records.

use std::sync::{Arc, Mutex};

use milena::{
    Arena, Interceptor, ProduceError, ProduceErrorKind, Producer, Record, RecordMetadata,
    TrySendError,
};
use milena_broker::Cluster;

use crate::{
    faults::{drained, ms, orders, seconds, start},
    stored::stored,
    tcp::{HOUR, hang},
};

/// Everything that happened, in order.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn callback(&self, told: &str) -> impl FnOnce(Result<RecordMetadata, ProduceError>) + 'static {
        let (log, told) = (self.clone(), told.to_owned());
        move |outcome| log.note(format!("{told}: {}", told_of(outcome.as_ref())))
    }
}

fn told_of(outcome: Result<&RecordMetadata, &ProduceError>) -> String {
    match outcome {
        Ok(metadata) => format!("offset {:?}", metadata.offset().unwrap()),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// Adds its name and how many headers there were, and panics where it is told to.
#[derive(Debug)]
struct Stamp {
    name: &'static str,
    log: Log,
    panics: bool,
}

impl Interceptor for Stamp {
    fn on_send<'r>(&self, record: Record<'r>, arena: &'r Arena) -> Record<'r> {
        let count = record.header_refs().len().to_string();
        self.log.note(format!("{} sees {count}", self.name));
        let record = record.header(arena.text(self.name), arena.bytes(count));
        assert!(!self.panics, "on purpose");
        record
    }

    fn on_acknowledgement(&self, outcome: Result<&RecordMetadata, &ProduceError>) {
        self.log
            .note(format!("{}: {}", self.name, told_of(outcome)));
        assert!(!self.panics, "on purpose");
    }
}

fn stamps(log: &Log, panics: bool) -> [Stamp; 3] {
    ["a", "b", "c"].map(|name| Stamp {
        name,
        log: log.clone(),
        panics: panics && name == "b",
    })
}

async fn producer(log: &Log, panics: bool) -> (Arc<Cluster>, Producer) {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let [a, b, c] = stamps(log, panics);
    let builder = client.producer().interceptor(a).interceptor(b);
    (cluster, builder.interceptor(c).build().unwrap())
}

fn headers(cluster: &Cluster) -> Vec<String> {
    let log = stored(cluster, "orders", 0).into_iter();
    log.map(|record| {
        let headers = record.headers.into_iter();
        let pairs = headers.map(|(name, value)| {
            let value = String::from_utf8(value.unwrap().to_vec()).unwrap();
            format!("{name}={value}")
        });
        pairs.collect::<Vec<_>>().join(" ")
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn each_sees_what_the_one_before_it_made_and_all_hear_of_the_outcome_before_the_callback() {
    let log = Log::default();
    let (cluster, producer) = producer(&log, false).await;
    let record = Record::to("orders").header("first", "x");
    producer
        .send_with(record.clone(), log.callback("told"))
        .await
        .unwrap();
    let sees = ["a sees 1", "b sees 2", "c sees 3"];
    assert_eq!(log.take(), sees);
    producer.flush().await;
    assert_eq!(
        log.take(),
        [
            "a: offset 0",
            "b: offset 0",
            "c: offset 0",
            "told: offset 0"
        ]
    );
    // However it is sent.
    let handle = producer.topic("orders");
    handle.send(record.clone()).await.unwrap().await.unwrap();
    drop(producer.try_send(record.clone()).unwrap());
    assert!(handle.try_send_with(record.clone(), |_| {}).is_ok());
    producer.flush().await;
    assert_eq!(producer.send_all([record]).await.len(), 1);
    let lines = log.take();
    assert_eq!(lines.len(), 4 * 6);
    for offset in 1..=4 {
        let wanted = format!("c: offset {offset}");
        assert_eq!(
            lines.iter().filter(|line| **line == wanted).count(),
            1,
            "{offset}"
        );
    }
    assert_eq!(headers(&cluster), vec!["first=x a=1 b=2 c=3"; 5]);
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_loses_no_record_and_disturbs_no_other() {
    let log = Log::default();
    let (cluster, producer) = producer(&log, true).await;
    for _ in 0..3 {
        drop(producer.send(Record::to("orders")).await.unwrap());
    }
    producer.close(seconds(60)).await.unwrap();
    assert_eq!(headers(&cluster), vec!["a=0 c=1"; 3]);
    let lines = log.take();
    assert_eq!(lines.len(), 3 * 6);
    assert_eq!(lines[15..], ["a: offset 2", "b: offset 2", "c: offset 2"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_or_given_up_is_told_of_too() {
    let log = Log::default();
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let [a, ..] = stamps(&log, false);
    let builder = client
        .producer()
        .interceptor(a)
        .max_block(ms(50))
        .linger(HOUR);
    let producer = builder.buffer_memory(20_000).build().unwrap();
    let (large, half) = (vec![0; 30_000], vec![0; 12_000]);
    let record = Record::to("orders");
    // Given back, and so not settled.
    let given_back = producer.try_send(record.clone());
    assert!(
        matches!(given_back, Err(TrySendError::NotReady(record)) if record.header_refs().is_empty())
    );
    assert_eq!(log.take(), ["a sees 0"]);
    producer.partitions_for("orders").await.unwrap();

    assert!(producer.send(record.clone().value(&large)).await.is_err());
    assert!(producer.try_send(record.clone().value(&large)).is_err());
    assert!(producer.send(record.clone().partition(7)).await.is_err());
    assert!(producer.topic("other").send(record.clone()).await.is_err());
    cluster.faults().push(hang());
    drop(producer.send(record.clone().value(&half)).await.unwrap());
    assert!(producer.send(record.clone().value(&half)).await.is_err());
    assert_eq!(producer.purge(), 1);
    producer.close(seconds(1)).await.unwrap();
    assert!(producer.send(record).await.is_err());
    let mut lines = log.take();
    lines.retain(|line| line != "a sees 0");
    let expected = [
        "TooLarge",
        "TooLarge",
        "UnknownTopic",
        "Invalid",
        "BufferFull",
        "Purged",
        "Closed",
    ];
    assert_eq!(lines, expected.map(|kind| format!("a: {kind}")));
}

/// Makes another record of each.
#[derive(Debug)]
struct Replace;

impl Interceptor for Replace {
    fn on_send<'r>(&self, record: Record<'r>, arena: &'r Arena) -> Record<'r> {
        let mut value = record.value_bytes().unwrap_or_default().to_vec();
        value.reverse();
        let topic = arena.text(format!("{}-reversed", record.topic()));
        Record::to(topic)
            .partition(1)
            .key("k")
            .value(arena.bytes(value))
    }
}

#[tokio::test(start_paused = true)]
async fn one_may_replace_the_record() {
    let builder = Cluster::builder().topic("words-reversed", 2);
    let (cluster, client) = start(builder.auto_create_topics(false)).await;
    let producer = client.producer().interceptor(Replace).build().unwrap();
    // The topic to be looked up is the one that it goes to.
    let word = || Record::to("words").value("abc");
    for _ in 0..2 {
        assert!(matches!(
            producer.try_send(word()),
            Err(TrySendError::NotReady(_))
        ));
        tokio::time::sleep(seconds(10)).await;
    }
    drop(producer.try_send(word()).unwrap());
    let delivery = producer
        .send(Record::to("words").value("def"))
        .await
        .unwrap();
    let metadata = delivery.await.unwrap();
    assert_eq!(
        (metadata.topic(), metadata.partition()),
        ("words-reversed", 1)
    );
    let log = stored(&cluster, "words-reversed", 1);
    assert!(log.iter().map(|record| record.text()).eq(["cba", "fed"]));
    let error = producer
        .topic("words")
        .send(Record::to("words"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ProduceErrorKind::Invalid);
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn records_of_transactions_are_seen_too() {
    let (_cluster, client) = orders().await;
    let log = Log::default();
    let [a, b, _] = stamps(&log, false);
    let builder = client.transactional_producer("shop").linger(HOUR);
    let mut producer = builder.interceptor(a).interceptor(b).build().await.unwrap();
    let transaction = producer.begin().await.unwrap();
    drop(transaction.send(Record::to("orders")).await.unwrap());
    transaction.commit().await.unwrap();
    let lines = ["a sees 0", "b sees 1", "a: offset 0", "b: offset 0"];
    assert_eq!(log.take(), lines);
    let transaction = producer.begin().await.unwrap();
    drop(transaction.send(Record::to("orders")).await.unwrap());
    transaction.abort().await.unwrap();
    assert_eq!(log.take()[2..], ["a: Aborted", "b: Aborted"]);
}
