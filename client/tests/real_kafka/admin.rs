//! Administration of topics.

use milena::{NewTopic, TopicResult};

use crate::{
    ledger::{Ledger, verify},
    place::{Place, everywhere},
    sample::zoo,
};

everywhere! { topics_are_made_grown_described_listed_and_deleted }

const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const INVALID_TOPIC_EXCEPTION: i16 = 17;
const TOPIC_ALREADY_EXISTS: i16 = 36;
const INVALID_PARTITIONS: i16 = 37;
const INVALID_REPLICATION_FACTOR: i16 = 38;
const INVALID_CONFIG: i16 = 40;

async fn topics_are_made_grown_described_listed_and_deleted(place: Place) {
    let client = place.client().await;
    let admin = client.admin();
    let (first, second) = (place.name("admin"), place.name("admin"));

    let made = admin
        .create_topic(NewTopic::new(&first, 3, place.replicas()))
        .await
        .unwrap();
    assert_eq!(
        (&made.name, made.partitions.len(), made.internal),
        (&first, 3, false)
    );
    assert!(made.id.is_some());
    for (partition, number) in made.partitions.iter().zip(0..) {
        assert_eq!(partition.id, number);
        assert_eq!(
            partition.replicas.len(),
            usize::try_from(place.replicas()).unwrap()
        );
        assert!(partition.replicas.contains(&partition.leader.unwrap()));
    }

    let results = admin
        .create_topics([
            NewTopic::new(&first, 1, 1),
            NewTopic::new(&second, -1, -1),
            NewTopic::new(place.name("admin"), 1, 9),
            NewTopic::new(place.name("admin"), 0, 1),
            NewTopic::new("not/a/name", 1, 1),
            NewTopic::new(place.name("admin"), 1, 1).config("no.such.setting", "1"),
        ])
        .await;
    // Without ZooKeeper, the first releases took any setting of a topic.
    let unknown_setting = Some(INVALID_CONFIG).filter(|_| place.release() != "3.0.2");
    assert_eq!(
        codes(&results),
        [
            Some(TOPIC_ALREADY_EXISTS),
            None,
            Some(INVALID_REPLICATION_FACTOR),
            Some(INVALID_PARTITIONS),
            Some(INVALID_TOPIC_EXCEPTION),
            unknown_setting,
        ],
        "{results:?}"
    );
    let said = results[0].result.as_ref().unwrap_err().to_string();
    assert!(
        said.contains("TOPIC_ALREADY_EXISTS") && said.contains("already exists"),
        "{said}"
    );

    let ghost = place.name("ghost");
    let described = admin.describe_topics([&second, &ghost, &first]).await;
    assert_eq!(
        codes(&described),
        [None, Some(UNKNOWN_TOPIC_OR_PARTITION), None]
    );
    assert_eq!(described[2].result.as_ref().unwrap(), &made);
    let listed = admin.list_topics().await.unwrap();
    let found = listed.iter().find(|topic| topic.name == first).unwrap();
    assert_eq!((found.partitions, found.id), (3, made.id));
    assert!(listed.iter().any(|topic| topic.name == second));

    // A producer that knows the topic takes to its new partitions.
    let producer = client.producer().build().unwrap();
    let mut ledger = Ledger::new(&first);
    ledger.send_all(&producer, zoo(30, 3)).await;
    let grown = admin
        .create_partitions([(&first, 5), (&second, 1), (&ghost, 2)])
        .await;
    assert_eq!(
        codes(&grown),
        [
            None,
            Some(INVALID_PARTITIONS),
            Some(UNKNOWN_TOPIC_OR_PARTITION)
        ]
    );
    assert_eq!(grown[0].result.as_ref().unwrap().partitions.len(), 5);
    ledger
        .send_all(
            &producer,
            zoo(100, 5).filter(|sample| sample.partition.is_some()),
        )
        .await;
    assert!(
        ledger
            .metadata()
            .any(|(_, metadata)| metadata.partition() == 4)
    );
    verify(place, &client, &[ledger]).await;

    let gone = admin.delete_topics([&first, &ghost, &second]).await;
    // After an answer that was lost, a topic that is not there counts as deleted.
    let told = codes(&gone);
    let of_ghost = told[1].unwrap_or(UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(
        (told[0], of_ghost, told[2]),
        (None, UNKNOWN_TOPIC_OR_PARTITION, None),
        "{gone:?}"
    );
    let started = std::time::Instant::now();
    while codes(&admin.describe_topics([&first, &second]).await)
        != [Some(UNKNOWN_TOPIC_OR_PARTITION); 2]
    {
        assert!(started.elapsed().as_secs() < 60, "still there");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// Kafka's code for each that failed.
fn codes<T: std::fmt::Debug>(results: &[TopicResult<T>]) -> Vec<Option<i16>> {
    let code = |result: &TopicResult<T>| match &result.result {
        Ok(_) => None,
        Err(error) => Some(
            error
                .code()
                .unwrap_or_else(|| panic!("{}: {error}", result.topic)),
        ),
    };
    results.iter().map(code).collect()
}
