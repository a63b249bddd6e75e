//! Topics and partitions that are not there.

use std::time::{Duration, Instant};

use milena::{Persistence, ProduceErrorKind, Record};

use crate::{
    ledger::{Ledger, verify},
    place::{Place, everywhere},
    sample::{Sample, zoo},
};

everywhere! { what_is_not_there_is_said_in_time }

async fn what_is_not_there_is_said_in_time(place: Place) {
    let client = place.client().await;
    let max_block = Duration::from_secs(3);
    let producer = client.producer().max_block(max_block).build().unwrap();
    let topic = place.topic(&client, "small", 2).await;
    client.partitions_for(&topic).await.unwrap();

    let started = Instant::now();
    let error = producer
        .send(Record::to(&topic).partition(2).value("x"))
        .await
        .unwrap_err();
    let said = error.to_string();
    assert_eq!(
        (error.kind(), error.persistence()),
        (ProduceErrorKind::UnknownTopic, Persistence::No)
    );
    assert!(
        said.contains(&format!("{topic}-2")) && said.contains("2 partitions"),
        "{said}"
    );
    in_time(started, max_block);

    let started = Instant::now();
    let max_block = Duration::from_secs(60);
    let patient = client.producer().max_block(max_block).build().unwrap();
    let error = patient
        .send(Record::to("no topic's name").value("x"))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ProduceErrorKind::UnknownTopic);
    assert!(
        error.to_string().contains("INVALID_TOPIC_EXCEPTION"),
        "{error}"
    );
    assert!(started.elapsed() < max_block, "waiting does not mend it");

    // The producer goes on working.
    let mut ledger = Ledger::new(topic);
    ledger.send_all(&producer, zoo(10, 2)).await;
    verify(place, &client, &[ledger]).await;
}

fn in_time(started: Instant, limit: Duration) {
    let took = started.elapsed();
    assert!(
        took >= limit && took < limit + Duration::from_secs(30),
        "it took {took:?} of {limit:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real Kafka brokers: cargo xtask test"]
async fn an_unknown_topic_without_creation_is_an_error() {
    let place = Place::Cluster;
    let _calm = place.calm().await;
    let client = place.client().await;
    // Long enough for a busy broker to answer what is so.
    let max_block = Duration::from_secs(10);
    let producer = client.producer().max_block(max_block).build().unwrap();
    let topic = place.name("nowhere");
    for _ in 0..2 {
        let started = Instant::now();
        let error = producer
            .send(Record::to(&topic).value("x"))
            .await
            .unwrap_err();
        let said = error.to_string();
        assert_eq!(
            (error.kind(), error.persistence()),
            (ProduceErrorKind::UnknownTopic, Persistence::No)
        );
        assert!(
            said.contains(&topic) && said.contains("UNKNOWN_TOPIC_OR_PARTITION"),
            "{said}"
        );
        in_time(started, max_block);
    }
    // Once it is there, it is found.
    let late = milena::NewTopic::new(&topic, 1, 3);
    client.admin().create_topic(late).await.unwrap();
    producer
        .send(Record::to(&topic).value("x"))
        .await
        .unwrap()
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs real Kafka brokers: cargo xtask test"]
async fn an_unknown_topic_is_created_by_use() {
    for place in [Place::Single, Place::Old] {
        let client = place.client().await;
        let producer = client.producer().build().unwrap();
        let mut ledger = Ledger::new(place.name("by-use"));
        let samples = (0..50).map(|i| Sample::keyed(format!("{i}"), format!("value {i}")));
        ledger.send_all(&producer, samples).await;
        verify(place, &client, &[ledger]).await;
        // Reading and describing create nothing.
        let ghost = place.name("ghost");
        assert!(
            client.admin().describe_topics([&ghost]).await[0]
                .result
                .is_err()
        );
        let listed = client.admin().list_topics().await.unwrap();
        assert!(listed.iter().all(|topic| topic.name != ghost));
    }
}
