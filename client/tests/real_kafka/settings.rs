//! Acknowledgements and idempotence, and topics that stamp records on arrival.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use milena::{Acks, Client};

use crate::{
    ledger::{Ledger, read, verify},
    place::{Place, everywhere},
    sample::zoo,
    stored,
};

everywhere! {
    every_kind_of_acknowledgement
    arrival_times_are_the_brokers
}

async fn every_kind_of_acknowledgement(place: Place) {
    const RECORDS: usize = 600;
    let client = place.client().await;
    let mut ledgers = Vec::new();
    let combinations = [
        (Acks::All, Some(true)),
        (Acks::All, Some(false)),
        (Acks::Leader, None),
        (Acks::None, None),
    ];
    for (acks, idempotence) in combinations {
        let topic = place.topic(&client, "acks", 2).await;
        // Right after its creation a topic's leader may turn records away. Without idempotence that may change
        // their order, and without acknowledgements lose them.
        assert_eq!(read(&client, &topic).await, []);
        let mut builder = client.producer().acks(acks).batch_size(1000);
        if let Some(idempotence) = idempotence {
            builder = builder.idempotence(idempotence);
        }
        let producer = builder.build().unwrap();
        let mut ledger = Ledger::new(topic);
        ledger.send_all(&producer, zoo(RECORDS, 2)).await;
        assert_eq!(ledger.len(), RECORDS);
        let knows_offsets = ledger
            .metadata()
            .all(|(_, metadata)| metadata.offset().is_some());
        assert_eq!(knows_offsets, acks != Acks::None, "{acks:?}");
        await_records(&client, ledger.topic(), RECORDS).await;
        let idempotent = acks == Acks::All && idempotence != Some(false);
        check_sequences(place, &client, &ledger, idempotent).await;
        ledgers.push(ledger);
    }
    verify(place, &client, &ledgers).await;
}

/// Without acknowledgements, records may still be on their way.
async fn await_records(client: &Client, topic: &str, count: usize) {
    let mut reader = client.reader(topic).from_beginning().build().await.unwrap();
    let all = async {
        for _ in 0..count {
            reader.next().await.unwrap().unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("all arrive");
}

/// Batches are numbered without a gap by one producer, or not at all.
async fn check_sequences(place: Place, client: &Client, ledger: &Ledger, idempotent: bool) {
    for partition in 0..2 {
        let batches = stored::batches(place, client, ledger.topic(), partition).await;
        assert!(batches.len() > 5, "{} batches", batches.len());
        let producer = batches[0].header().producer_id;
        assert_eq!(producer >= 0, idempotent);
        let mut next = 0;
        for batch in &batches {
            let header = batch.header();
            assert_eq!(header.producer_id, producer);
            assert_eq!(header.base_sequence, if idempotent { next } else { -1 });
            next += batch.count();
        }
    }
}

async fn arrival_times_are_the_brokers(place: Place) {
    let client = place.client().await;
    let settings = [("message.timestamp.type", "LogAppendTime")];
    let topic = place.topic_with(&client, "arrival", 2, &settings).await;
    let producer = client.producer().build().unwrap();
    let mut ledger = Ledger::stamped_on_arrival(topic);
    let before = now();
    ledger.send_all(&producer, zoo(100, 2)).await;
    for (_, metadata) in ledger.metadata() {
        assert!(
            (before..=now()).contains(&metadata.timestamp()),
            "{metadata:?}"
        );
    }
    verify(place, &client, &[ledger]).await;
}

fn now() -> i64 {
    i64::try_from(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap()
}
