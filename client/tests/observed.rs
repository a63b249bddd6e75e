//! What other crates are told of a producer: recorders behind `metrics`, and subscribers of `tracing`.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::FutureExt;
use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use milena::{Client, Record};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tracing::{
    Event, Id, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Record as Values},
};

/// Held by each test: whether anybody listens to a span is asked when it is first met, and on whichever thread that is.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Keeps everything by name and label.
#[derive(Clone, Debug, Default)]
struct Memory {
    counts: Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>,
    values: Arc<Mutex<BTreeMap<String, Arc<List>>>>,
}

#[derive(Debug, Default)]
struct List(Mutex<Vec<f64>>);

impl HistogramFn for List {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

fn name(key: &Key) -> String {
    let labels = key.labels().filter(|label| label.key() == "error");
    labels.fold(key.name().to_owned(), |name, label| {
        format!("{name} {}", label.value())
    })
}

impl Memory {
    fn cell(&self, key: &Key) -> Arc<AtomicU64> {
        assert!(
            key.labels()
                .any(|label| label.key() == "client_id" && label.value() == "shop")
        );
        let mut counts = self.counts.lock().unwrap();
        counts.entry(name(key)).or_default().clone()
    }

    fn count(&self, name: &str) -> u64 {
        let counts = self.counts.lock().unwrap();
        counts[&format!("milena_producer_{name}")].load(Ordering::Relaxed)
    }

    fn values(&self, name: &str) -> Vec<f64> {
        let values = self.values.lock().unwrap();
        values[&format!("milena_producer_{name}")]
            .0
            .lock()
            .unwrap()
            .clone()
    }
}

impl Recorder for Memory {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        let mut values = self.values.lock().unwrap();
        Histogram::from_arc(values.entry(name(key)).or_default().clone())
    }
}

#[tokio::test]
async fn a_recorder_hears_what_the_snapshot_says() {
    let _alone = ALONE.lock().await;
    let cluster = Cluster::builder().topic("orders", 1).start().await.unwrap();
    let client = Client::builder(cluster.bootstrap()).client_id("shop");
    let client = client.connect().await.unwrap();
    let memory = Memory::default();
    let producer =
        metrics::with_local_recorder(&memory, || client.producer().batch_size(1).build()).unwrap();
    let send = async |value: &str| {
        let record = Record::to("orders").value(value);
        producer.send(record).await.unwrap().await
    };
    let faults = cluster.faults();
    send("one").await.unwrap();
    faults.push(Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS).on(ApiKey::PRODUCE));
    send("again").await.unwrap();
    faults.push(Fault::lose_answer().on(ApiKey::PRODUCE));
    send("and again").await.unwrap();
    faults.push(Fault::error(ErrorCode::INVALID_RECORD).on(ApiKey::PRODUCE));
    send("refused").await.unwrap_err();

    let told = producer.metrics();
    assert_eq!(memory.count("acknowledged_records_total"), 3);
    assert_eq!(memory.count("failed_records_total Refused"), 1);
    assert_eq!(memory.count("failed_records_total TimedOut"), 0);
    assert_eq!(memory.count("retries_total"), told.retries);
    assert_eq!(
        memory.count("unanswered_requests_total"),
        told.unanswered_requests
    );
    assert_eq!((told.retries, told.unanswered_requests), (2, 1));
    assert_eq!(memory.count("requests_total"), told.request_bytes.count());
    assert_eq!(memory.count("sent_bytes_total"), told.request_bytes.sum());
    assert_eq!(f64::from_bits(memory.count("requests_in_flight")), 0.0);
    assert_eq!(memory.values("batch_records"), [1.0; 4]);
    assert_eq!(memory.values("request_records").len(), 6);
    assert_eq!(
        memory.values("batch_bytes").iter().sum::<f64>(),
        told.batch_bytes.sum() as f64
    );
    for (name, count) in [
        ("queue_seconds", 4),
        ("request_seconds", 5),
        ("delivery_seconds", 3),
    ] {
        let values = memory.values(name);
        assert_eq!(values.len(), count, "{name}");
        assert!(
            values.iter().all(|seconds| (0.0..60.0).contains(seconds)),
            "{values:?}"
        );
    }
    assert_eq!(memory.values("buffer_wait_seconds"), [0.0; 0]);
}

/// Keeps the fields of each span named `produce` until the span is closed.
#[derive(Clone, Debug, Default)]
struct Watch(Arc<Mutex<BTreeMap<u64, (Fields, bool)>>>);

#[derive(Clone, Debug, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Watch {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span() && metadata.name() == "produce"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut spans = self.0.lock().unwrap();
        let id = spans.len() as u64 + 1;
        let mut fields = Fields::default();
        span.record(&mut fields);
        spans.insert(id, (fields, false));
        Id::from_u64(id)
    }

    fn record(&self, span: &Id, values: &Values<'_>) {
        let mut spans = self.0.lock().unwrap();
        values.record(&mut spans.get_mut(&span.into_u64()).unwrap().0);
    }

    fn try_close(&self, span: Id) -> bool {
        let mut spans = self.0.lock().unwrap();
        spans.get_mut(&span.into_u64()).unwrap().1 = true;
        true
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Keeps what the client says at `warn`, field by field.
#[derive(Clone, Debug, Default)]
struct Ears(Arc<Mutex<Vec<Fields>>>);

impl Subscriber for Ears {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == tracing::Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Values<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_transaction_that_fails_is_logged_also_if_nobody_waits_for_it() {
    let _alone = ALONE.lock().await;
    let ears = Ears::default();
    let _guard = tracing::subscriber::set_default(ears.clone());
    let cluster = Cluster::builder().topic("orders", 1).start().await.unwrap();
    let client = Client::builder(cluster.bootstrap());
    let client = client.connect().await.unwrap();
    let builder = client.transactional_producer("shop");
    let mut producer = builder.build().await.unwrap();
    for waits in [true, false] {
        let refuse = Fault::error(ErrorCode::INVALID_RECORD);
        cluster.faults().push(refuse.on(ApiKey::PRODUCE));
        let transaction = producer.begin().await.unwrap();
        let delivery = transaction.send(Record::to("orders")).await.unwrap();
        let commit = transaction.commit();
        if waits {
            commit.await.unwrap_err();
        } else {
            assert!(commit.now_or_never().is_none());
        }
        delivery.await.unwrap_err();
    }
    let failed = |fields: &&Fields| fields.0["message"] == "transaction failed";
    let told = ears.0.lock().unwrap();
    let told: Vec<_> = told.iter().filter(failed).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    for fields in told {
        assert_eq!(fields.0["transactional_id"], "\"shop\"");
        assert!(fields.0["trouble"].contains("INVALID_RECORD"));
        assert_eq!(fields.0["is_final"], "false");
    }
}

#[tokio::test]
async fn each_request_has_a_span_that_ends_with_its_answer() {
    let _alone = ALONE.lock().await;
    let watch = Watch::default();
    let _guard = tracing::subscriber::set_default(watch.clone());
    let cluster = Cluster::builder().topic("orders", 3).start().await.unwrap();
    let client = Client::builder(cluster.bootstrap());
    let client = client.connect().await.unwrap();
    let producer = client.producer().build().unwrap();
    cluster
        .faults()
        .push(Fault::lose_answer().on(ApiKey::PRODUCE));
    let mut deliveries = Vec::new();
    for partition in 0..3 {
        let record = Record::to("orders").partition(partition).value("x");
        deliveries.push(producer.send(record).await.unwrap());
    }
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    let spans = watch.0.lock().unwrap();
    let outcomes: Vec<_> = spans
        .values()
        .map(|(fields, _)| fields.0["outcome"].as_str())
        .collect();
    assert!(outcomes.len() >= 2, "{outcomes:?}");
    assert_eq!(outcomes[0], "\"lost\"");
    assert_eq!(outcomes[outcomes.len() - 1], "\"answered\"");
    let mut partitions = 0;
    for (fields, is_closed) in spans.values() {
        assert!(is_closed, "{fields:?}");
        assert_eq!(fields.0["broker"], "1");
        let count: usize = fields.0["partitions"].parse().unwrap();
        partitions += count;
        let bytes: usize = fields.0["bytes"].parse().unwrap();
        assert!(bytes > 61 * count && bytes < 100 * count, "{fields:?}");
    }
    // Each was sent twice where the answer was lost to all three.
    assert!(partitions >= 4, "{partitions}");
}
