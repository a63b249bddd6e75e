//! What a producer tells of itself, against what its callers and the cluster saw.

use std::collections::BTreeMap;

use milena::{Compression, DeliveryStatus, ProduceErrorKind, Producer, ProducerMetrics, Record};
use milena_broker::{
    Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::sleep;

use super::{drained, ms, one_by_one, orders, seconds};
use crate::stored::Flow;

/// Nothing but the test runs at the moment, and so the counts are those of the deliveries.
pub(super) fn check_sums(producer: &Producer, flow: &Flow) {
    let metrics = producer.metrics();
    let count = |status| {
        let deliveries = flow.sent.iter().map(|(_, delivery)| delivery.status());
        deliveries.filter(|it| *it == status).count() as u64
    };
    let (pending, failed) = (
        count(DeliveryStatus::Pending),
        count(DeliveryStatus::Failed),
    );
    assert_eq!(metrics.accepted_records, flow.sent.len() as u64);
    assert_eq!(
        metrics.acknowledged_records,
        count(DeliveryStatus::Delivered)
    );
    assert_eq!(metrics.failed_records, failed);
    let unsettled = metrics.waiting_records + metrics.in_flight_records;
    assert_eq!(unsettled, pending, "{metrics:?}");
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    for (_, delivery) in &flow.sent {
        if let Some(Err(error)) = delivery.try_get() {
            *kinds.entry(format!("{:?}", error.kind())).or_default() += 1;
        }
    }
    let errors = metrics.errors.iter();
    let errors: BTreeMap<_, _> = errors
        .map(|(kind, count)| (format!("{kind:?}"), *count))
        .collect();
    assert_eq!(errors, kinds);
}

async fn send(producer: &Producer, values: &[&str]) -> Vec<milena::Delivery> {
    let mut deliveries = Vec::new();
    for value in values {
        let record = Record::to("orders").value(*value).partition(0);
        deliveries.push(producer.send(record).await.unwrap());
    }
    deliveries
}

/// What happens while `values` are sent together and settled.
async fn over(producer: &Producer, values: &[&str]) -> ProducerMetrics {
    let before = producer.metrics();
    for delivery in send(producer, values).await {
        let _ = delivery.await;
    }
    drained(producer).await;
    producer.metrics().since(&before)
}

#[tokio::test(start_paused = true)]
async fn times_and_sizes_are_those_of_batches_and_requests() {
    let (cluster, client) = orders().await;
    let builder = client
        .producer()
        .linger(ms(20))
        .compression(Compression::GZIP);
    let producer = builder.build().unwrap();
    over(&producer, &["the first record connects"]).await;

    let slow = Fault::delay(ms(300)).on(ApiKey::PRODUCE);
    cluster.faults().push(slow);
    let text = "the same words again and again, ".repeat(30);
    let metrics = over(&producer, &[&text, &text, &text]).await;
    assert_eq!(
        (metrics.accepted_records, metrics.acknowledged_records),
        (3, 3)
    );
    assert_eq!(
        (metrics.batch_records.count(), metrics.batch_records.sum()),
        (1, 3)
    );
    assert_eq!(
        (
            metrics.request_records.count(),
            metrics.request_records.max()
        ),
        (1, 3)
    );
    let (queued, answered) = (metrics.queue_time.max(), metrics.request_latency.max());
    assert!(queued >= ms(19) && queued <= ms(22), "{queued:?}");
    assert!(answered >= ms(290) && answered <= ms(315), "{answered:?}");
    let total = metrics.delivery_time.max();
    assert!(total >= ms(319) && total <= ms(340), "{total:?}");
    assert_eq!(metrics.delivery_time.count(), 1);
    // Header and records of the batch, and what is left of them.
    let raw = metrics.uncompressed_bytes;
    assert!((61 + 3 * 960..61 + 3 * 975).contains(&raw), "{raw}");
    assert!(metrics.batch_bytes.sum() < 250, "{:?}", metrics.batch_bytes);
    assert_eq!(metrics.batch_bytes.sum(), metrics.request_bytes.sum());
    let ratio = metrics.batch_bytes.sum() as f64 / raw as f64;
    assert!((metrics.compression_ratio() - ratio).abs() < 1e-9);
    assert_eq!((metrics.retries, metrics.unanswered_requests), (0, 0));
    let elapsed = metrics.elapsed;
    assert!(elapsed >= ms(319) && elapsed <= ms(360), "{elapsed:?}");
    let rate = metrics.record_rate();
    assert!((rate - 3.0 / elapsed.as_secs_f64()).abs() < 1e-9, "{rate}");
}

#[tokio::test(start_paused = true)]
async fn what_waits_and_what_is_in_flight_are_told_apart() {
    let (cluster, client) = orders().await;
    let producer = client
        .producer()
        .batch_size(1)
        .max_in_flight(1)
        .build()
        .unwrap();
    over(&producer, &["the first record connects"]).await;
    cluster
        .faults()
        .push(Fault::delay(seconds(1)).on(ApiKey::PRODUCE));
    let before = producer.metrics();
    let deliveries = send(&producer, &["in flight", "waits", "waits too"]).await;
    sleep(ms(500)).await;
    let metrics = producer.metrics();
    assert_eq!(metrics.requests_in_flight, 1);
    assert_eq!((metrics.in_flight_records, metrics.waiting_records), (1, 2));
    assert!(metrics.buffer_used >= 3 * 512 && metrics.buffer_memory == 32 << 20);
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    drained(&producer).await;
    let metrics = producer.metrics();
    assert_eq!((metrics.requests_in_flight, metrics.buffer_used), (0, 0));
    assert_eq!((metrics.in_flight_records, metrics.waiting_records), (0, 0));
    // Two of the three waited for the one before.
    let queued = metrics.since(&before).queue_time;
    assert!(queued.max() >= ms(990), "{queued:?}");
    assert_eq!(queued.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn retries_and_errors_are_counted_by_kind() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client)
        .request_timeout(seconds(2))
        .build()
        .unwrap();
    over(&producer, &["the first record connects"]).await;

    let faults = cluster.faults();
    faults.push(
        Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS)
            .on(ApiKey::PRODUCE)
            .times(2),
    );
    let metrics = over(&producer, &["again"]).await;
    assert_eq!((metrics.retries, metrics.unanswered_requests), (2, 0));
    // A batch counts once, its requests each time.
    assert_eq!(
        (
            metrics.batch_records.count(),
            metrics.request_records.count()
        ),
        (1, 3)
    );
    assert_eq!((metrics.acknowledged_records, metrics.errors.len()), (1, 0));

    faults.push(Fault::lose_answer().on(ApiKey::PRODUCE));
    let metrics = over(&producer, &["and again"]).await;
    assert_eq!((metrics.retries, metrics.unanswered_requests), (1, 1));
    assert_eq!(metrics.requests_in_flight, 0);

    faults.push(Fault::error(ErrorCode::INVALID_RECORD).on(ApiKey::PRODUCE));
    let metrics = over(&producer, &["refused"]).await;
    assert_eq!(metrics.errors, [(ProduceErrorKind::Refused, 1)]);
    faults.push(
        Fault::error(ErrorCode::TOPIC_AUTHORIZATION_FAILED)
            .on(ApiKey::PRODUCE)
            .times(2),
    );
    let metrics = over(&producer, &["not allowed", "nor this"]).await;
    assert_eq!(metrics.errors, [(ProduceErrorKind::Unauthorized, 2)]);
    assert_eq!((metrics.accepted_records, metrics.failed_records), (2, 2));
    assert_eq!(producer.metrics().failed_records, 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_memory_is_counted_however_it_ends() {
    let (cluster, client) = orders().await;
    let builder = one_by_one(&client)
        .buffer_memory(1024)
        .max_block(seconds(3));
    let producer = builder.build().unwrap();
    over(&producer, &["the first record connects"]).await;
    cluster
        .faults()
        .push(Fault::hang().on(ApiKey::PRODUCE).always());
    let before = producer.metrics();
    let _deliveries = send(&producer, &["a", "b"]).await;
    // Given up by the caller, and by the producer.
    let impatient = tokio::time::timeout(seconds(1), send(&producer, &["c"]));
    assert!(impatient.await.is_err());
    let patient = async {
        let error = producer
            .send(Record::to("orders").partition(0).value("c"))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ProduceErrorKind::BufferFull);
    };
    let watching = async {
        sleep(seconds(2)).await;
        assert_eq!(producer.metrics().buffer_waiters, 1);
    };
    tokio::join!(patient, watching);
    let metrics = producer.metrics().since(&before);
    assert_eq!((metrics.buffer_waits, metrics.buffer_waiters), (2, 0));
    let waited = metrics.buffer_wait_time;
    assert!(waited >= ms(3990) && waited <= ms(4010), "{waited:?}");
    let ratio = metrics.buffer_wait_ratio();
    assert!((0.9..1.01).contains(&ratio), "{ratio}");
}
