//! Records as large as they may be, and larger.

use std::time::Duration;

use milena::{Client, Persistence, ProduceErrorKind};
use milena_codec::RecordRef;

use crate::{
    ledger::{Ledger, verify},
    place::{Place, everywhere},
    sample::{Sample, noise, text},
};

everywhere! {
    up_to_max_request_size_and_not_a_byte_more
    what_the_topic_does_not_take_stops_nothing_else
}

async fn up_to_max_request_size_and_not_a_byte_more(place: Place) {
    let client = place.client().await;
    let topic = place.topic(&client, "largest", 1).await;
    let mut ledger = Ledger::new(topic);
    // Kafka's default, and one that is smaller than a batch may get.
    for limit in [1 << 20, 10_000] {
        let producer = client.producer().max_request_size(limit).build().unwrap();
        let largest = largest_value(limit);
        // Of this length and the one before, one goes as a slice and the other as shared bytes.
        for len in [largest - 1, largest] {
            ledger
                .send_all(&producer, [Sample::of(noise(len, len))])
                .await;
        }
        let value = noise(0, largest + 1);
        let record = milena::Record::to(ledger.topic()).value(&value);
        let error = producer.send(record).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.persistence()),
            (ProduceErrorKind::TooLarge, Persistence::No)
        );
        let said = error.to_string();
        assert!(
            said.contains("max_request_size") && said.contains(&limit.to_string()),
            "{said}"
        );
        assert!(said.contains(&(limit + 1).to_string()), "{said}");
        // Nothing was harmed.
        ledger.send_all(&producer, [Sample::of("after")]).await;
        producer.close(Duration::from_secs(10)).await.unwrap();
    }
    assert_eq!(ledger.len(), 6);
    verify(place, &client, &[ledger]).await;
}

/// Bytes of the largest value that alone makes a record as large as `limit`.
fn largest_value(limit: usize) -> usize {
    let zeroes = vec![0; limit];
    let size = |len: usize| {
        RecordRef {
            value: Some(zeroes[..len].into()),
            ..RecordRef::default()
        }
        .upper_bound()
    };
    let len = (1..limit).rev().find(|len| size(*len) <= limit).unwrap();
    assert_eq!(size(len), limit);
    len
}

async fn what_the_topic_does_not_take_stops_nothing_else(place: Place) {
    let client = place.client().await;
    let mut ledgers = Vec::new();
    // Batches of a record or so, and batches that have to be divided.
    let sizes = [500, 16 * 1024];
    for (idempotence, batch_size) in [true, false]
        .into_iter()
        .flat_map(|it| sizes.map(|size| (it, size)))
    {
        let topic = place
            .topic_with(&client, "narrow", 2, &[("max.message.bytes", "5000")])
            .await;
        ledgers.push(send_past_the_limit(&client, topic, idempotence, batch_size).await);
    }
    verify(place, &client, &ledgers).await;
}

/// Sends records that fit, with some that do not among them, several requests under way at a time.
async fn send_past_the_limit(
    client: &Client,
    topic: String,
    idempotence: bool,
    batch_size: usize,
) -> Ledger {
    let producer = client
        .producer()
        .idempotence(idempotence)
        // Without idempotence, order is only kept by waiting for each answer.
        .max_in_flight(if idempotence { 5 } else { 1 })
        .linger(Duration::from_millis(if batch_size > 500 { 20 } else { 0 }))
        .batch_size(batch_size)
        .build()
        .unwrap();
    let mut ledger = Ledger::new(topic);
    for i in 0..200 {
        let len = if i % 50 == 25 { 6000 } else { 300 };
        ledger
            .send(
                &producer,
                Sample::of(text(i, len)).on(i32::from(i % 3 == 0)),
            )
            .await;
    }
    producer.flush().await;
    let failed = ledger.settle().await;
    assert_eq!((failed.len(), ledger.len()), (4, 196), "{failed:?}");
    for (sample, error) in failed {
        assert_eq!(sample.value.unwrap().len(), 6000);
        assert_eq!(
            (error.kind(), error.persistence()),
            (ProduceErrorKind::TooLarge, Persistence::No)
        );
        assert_eq!(error.code(), Some(10));
        let said = error.to_string();
        assert!(
            said.contains("MESSAGE_TOO_LARGE") && said.contains(ledger.topic()),
            "{said}"
        );
    }
    ledger.send_all(&producer, [Sample::of("after")]).await;
    ledger
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real Kafka brokers: cargo xtask test"]
async fn a_record_from_the_future_is_named() {
    let place = Place::Single;
    let client = place.client().await;
    // Kafka has told before from after since 3.6.
    let bound = if ["3.0.2", "3.3.2"].contains(&place.release().as_str()) {
        "message.timestamp.difference.max.ms"
    } else {
        "message.timestamp.after.max.ms"
    };
    let settings = [(bound, "60000")];
    let topic = place.topic_with(&client, "future", 1, &settings).await;
    let producer = client
        .producer()
        .linger(Duration::from_secs(60))
        .build()
        .unwrap();
    let mut ledger = Ledger::new(topic);
    // All three in one batch, which the broker refuses as a whole.
    for timestamp in [None, Some(i64::MAX / 2), None] {
        ledger
            .send(
                &producer,
                Sample {
                    timestamp,
                    ..Sample::of("when?")
                },
            )
            .await;
    }
    producer.flush().await;
    let failed = ledger.settle().await;
    assert_eq!((failed.len(), ledger.len()), (3, 0));
    for (sample, error) in failed {
        let (kind, blamed) = if sample.timestamp.is_some() {
            (ProduceErrorKind::InvalidRecord, "this record: ")
        } else {
            (ProduceErrorKind::OtherRecordInvalid, "1 other record")
        };
        assert_eq!((error.kind(), error.persistence()), (kind, Persistence::No));
        let said = error.to_string();
        assert!(
            said.contains("INVALID_TIMESTAMP") && said.contains(blamed),
            "{said}"
        );
    }
    ledger.send_all(&producer, [Sample::of("now")]).await;
    verify(place, &client, &[ledger]).await;
}
