//! Many records.

use std::time::Duration;

use milena::Compression;

use crate::{
    ledger::{Ledger, verify},
    place::{Place, everywhere},
    sample::{Sample, text},
};

everywhere! { two_hundred_thousand_records_over_six_partitions }

async fn two_hundred_thousand_records_over_six_partitions(place: Place) {
    const RECORDS: usize = 200_000;
    let client = place.client().await;
    let topic = place.topic(&client, "volume", 6).await;
    let codec = match place {
        Place::Single => Compression::NONE,
        Place::Cluster => Compression::LZ4,
        Place::Old => Compression::ZSTD,
    };
    let producer = client.producer().compression(codec).build().unwrap();
    let mut ledger = Ledger::new(topic);
    let sample = |i: usize| match i % 3 {
        0 => Sample::of(text(i, 60)),
        1 => Sample::keyed(format!("key-{}", i % 5000), text(i, 40 + i % 50)),
        _ => Sample {
            headers: vec![("i".into(), Some(i.to_string().into()))],
            ..Sample::of(text(i, 20))
        },
    };
    ledger.send_all(&producer, (0..RECORDS).map(sample)).await;
    producer.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!(ledger.len(), RECORDS);
    for partition in 0..6 {
        let share = ledger
            .metadata()
            .filter(|(_, metadata)| metadata.partition() == partition)
            .count();
        // A third of the records have keys, which spread evenly; the others go where the queues are short.
        assert!(
            share > RECORDS / 24,
            "partition {partition} got only {share} records"
        );
    }
    verify(place, &client, &[ledger]).await;
}
