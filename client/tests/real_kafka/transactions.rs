//! Transactions, in the generation that each release speaks, read back by Apache's consumer.

use std::time::Duration;

use milena::{
    Client, Compression, ConsumerGroupMetadata, Delivery, FatalErrorKind, IsolationLevel,
    PartitionOffset, Record, Transaction, TransactionError,
};
use tokio::time::sleep;

use crate::{
    java,
    line::Line,
    place::{Place, everywhere},
};

everywhere! {
    what_is_committed_is_read_and_what_is_aborted_is_not
    offsets_are_committed_with_the_records
    a_second_producer_fences_the_first
    a_transaction_that_takes_too_long_does_not_count
}

const PARTITIONS: i32 = 3;

/// Sends some records to each partition.
async fn fill(transaction: &Transaction<'_>, topic: &str, text: &str) -> Vec<(String, Delivery)> {
    let mut sent = Vec::new();
    for number in 0..30 {
        let value = format!("{text} {number}");
        let record = Record::to(topic)
            .partition(number % PARTITIONS)
            .value(value.as_str());
        sent.push((value.clone(), transaction.send(record).await.unwrap()));
    }
    sent
}

/// The records as Apache's consumer prints them.
async fn lines(topic: &str, sent: Vec<(String, Delivery)>) -> Vec<(i32, i64, String)> {
    let mut lines = Vec::new();
    for (value, delivery) in sent {
        let stored = delivery.await.unwrap();
        let offset = stored.offset().unwrap();
        let line = Line {
            topic,
            partition: stored.partition(),
            offset,
            timestamp: stored.timestamp(),
            timestamp_type: "CreateTime",
            key: None,
            value: Some(value.as_bytes()),
        };
        lines.push((stored.partition(), offset, line.text([])));
    }
    lines
}

/// What is committed, once the markers of all that ended are in the log: a commit is answered before.
async fn read_committed(place: Place, client: &Client, topic: &str) -> Vec<String> {
    until_stable(client, topic).await;
    java::read_committed(place, &[topic]).await
}

/// Waits until no transaction is open in a topic.
async fn until_stable(client: &Client, topic: &str) {
    let ends = async |level| {
        let reader = client.reader(topic).isolation_level(level).from_end();
        reader.build().await.unwrap().positions()
    };
    for _ in 0..600 {
        if ends(IsolationLevel::ReadCommitted).await == ends(IsolationLevel::ReadUncommitted).await
        {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("a transaction stays open in {topic}");
}

fn in_order(mut lines: Vec<(i32, i64, String)>) -> Vec<String> {
    lines.sort();
    lines.into_iter().map(|(_, _, line)| line).collect()
}

async fn what_is_committed_is_read_and_what_is_aborted_is_not(place: Place) {
    let client = place.client().await;
    let topic = place.topic(&client, "transactions", PARTITIONS).await;
    let builder = client
        .transactional_producer(place.name("tx"))
        .compression(Compression::LZ4);
    let mut producer = builder.build().await.unwrap();
    let mut expected = Vec::new();
    for number in 0..30 {
        let transaction = producer.begin().await.unwrap();
        let sent = fill(&transaction, &topic, &number.to_string()).await;
        match number % 5 {
            // After everything is stored, before, and while nobody waits for it.
            1 => {
                lines(&topic, sent).await;
                transaction.abort().await.unwrap();
            }
            2 => transaction.abort().await.unwrap(),
            3 => drop(transaction),
            _ => {
                transaction.commit().await.unwrap();
                expected.extend(lines(&topic, sent).await);
            }
        }
    }
    producer.close(Duration::from_secs(30)).await.unwrap();
    assert_eq!(
        read_committed(place, &client, &topic).await,
        in_order(expected)
    );
}

async fn offsets_are_committed_with_the_records(place: Place) {
    let client = place.client().await;
    let topic = place.topic(&client, "consumed", PARTITIONS).await;
    let group = place.name("readers");
    let readers = ConsumerGroupMetadata::new(&group);
    let mut producer = client
        .transactional_producer(place.name("tx"))
        .build()
        .await
        .unwrap();
    for (offset, commit) in [(5, true), (7, false), (9, true), (11, false)] {
        let mut transaction = producer.begin().await.unwrap();
        fill(&transaction, &topic, "x").await;
        let offsets = (0..PARTITIONS).map(|partition| {
            let next = offset + i64::from(partition);
            PartitionOffset::new(&topic, partition, next).metadata(format!("at-{next}"))
        });
        transaction.send_offsets(offsets, &readers).await.unwrap();
        if commit {
            transaction.commit().await.unwrap();
        } else {
            transaction.abort().await.unwrap();
        }
    }
    // A member that the group does not have is refused, and the next transaction goes on.
    let mut transaction = producer.begin().await.unwrap();
    let stranger = ConsumerGroupMetadata::new(&group).member("nobody", 17);
    let offsets = [PartitionOffset::new(&topic, 0, 100)];
    let refused = transaction
        .send_offsets(offsets, &stranger)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, TransactionError::Abortable(_)),
        "{refused}"
    );
    transaction.abort().await.unwrap();
    producer.begin().await.unwrap().commit().await.unwrap();
    let expected = (0..PARTITIONS).map(|partition| {
        let next = 9 + partition;
        format!("{topic} {partition} {next} at-{next}")
    });
    assert_eq!(
        java::group_offsets(place, &group).await,
        expected.collect::<Vec<_>>()
    );
}

/// Commits, and returns what kind of fatal error comes of it, if it cannot only be aborted.
async fn fails(transaction: Transaction<'_>) -> Option<FatalErrorKind> {
    match transaction.commit().await.unwrap_err().error() {
        TransactionError::Fatal(error) => Some(error.kind()),
        TransactionError::Abortable(_) => None,
        other => panic!("{other}"),
    }
}

async fn next_one_works(place: Place, client: &Client, id: &str, topic: &str) {
    let mut next = client.transactional_producer(id).build().await.unwrap();
    let transaction = next.begin().await.unwrap();
    let sent = fill(&transaction, topic, "next").await;
    transaction.commit().await.unwrap();
    let expected = in_order(lines(topic, sent).await);
    next.close(Duration::from_secs(30)).await.unwrap();
    assert_eq!(read_committed(place, client, topic).await, expected);
}

async fn a_second_producer_fences_the_first(place: Place) {
    let client = place.client().await;
    let topic = place.topic(&client, "fenced", PARTITIONS).await;
    let id = place.name("tx");
    let mut first = client.transactional_producer(&id).build().await.unwrap();
    let transaction = first.begin().await.unwrap();
    let sent = fill(&transaction, &topic, "first").await;
    lines(&topic, sent).await;
    let second = client.transactional_producer(&id).build().await.unwrap();
    assert_eq!(fails(transaction).await, Some(FatalErrorKind::Fenced));
    drop(second);
    next_one_works(place, &client, &id, &topic).await;
}

async fn a_transaction_that_takes_too_long_does_not_count(place: Place) {
    let client = place.client().await;
    let topic = place.topic(&client, "slow", PARTITIONS).await;
    let id = place.name("tx");
    let builder = client.transactional_producer(&id);
    let builder = builder.transaction_timeout(Duration::from_secs(5));
    let mut slow = builder.build().await.unwrap();
    let transaction = slow.begin().await.unwrap();
    let sent = fill(&transaction, &topic, "slow").await;
    lines(&topic, sent).await;
    // Its coordinator ends it: it looks every ten seconds.
    until_stable(&client, &topic).await;
    // The first protocol does not tell it from being fenced.
    let told = if place.has_second_transactions() {
        FatalErrorKind::TransactionEnded
    } else {
        FatalErrorKind::Fenced
    };
    assert_eq!(fails(transaction).await, Some(told));
    next_one_works(place, &client, &id, &topic).await;
}
