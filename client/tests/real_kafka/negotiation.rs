//! Which versions of the protocol are spoken with which release.

use milena::{Client, NewTopic};

use crate::{
    ledger::{Ledger, verify},
    place::{Place, everywhere},
    sample::zoo,
    spy::Spy,
};

everywhere! { the_newest_common_versions_are_spoken }

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const LIST_OFFSETS: i16 = 2;
const METADATA: i16 = 3;
const API_VERSIONS: i16 = 18;
const CREATE_TOPICS: i16 = 19;
const INIT_PRODUCER_ID: i16 = 22;

async fn the_newest_common_versions_are_spoken(place: Place) {
    let spy = Spy::default();
    let client = Client::builder(place.bootstrap())
        .connector(spy.clone())
        .connect()
        .await
        .unwrap();
    let topic = place.name("versions");
    client
        .admin()
        .create_topic(NewTopic::new(&topic, 2, place.replicas()))
        .await
        .unwrap();
    let producer = client.producer().build().unwrap();
    let mut ledger = Ledger::new(topic);
    // Of the last minute, since topics keep records for a week by default.
    ledger
        .send_all(
            &producer,
            zoo(50, 2).map(|sample| crate::sample::Sample {
                timestamp: None,
                ..sample
            }),
        )
        .await;
    verify(place, &client, &[ledger]).await;

    let release = place.release();
    // From 4.1 on, produced topics go by id. Before 3.1 fetched topics go by name.
    let expected: &[(i16, i16)] = match release.as_str() {
        "4.3.1" => &[
            (PRODUCE, 13),
            (FETCH, 18),
            (LIST_OFFSETS, 11),
            (METADATA, 13),
            (CREATE_TOPICS, 7),
            (INIT_PRODUCER_ID, 5),
        ],
        "4.0.1" => &[
            (PRODUCE, 12),
            (FETCH, 17),
            (LIST_OFFSETS, 10),
            (METADATA, 13),
            (CREATE_TOPICS, 7),
            (INIT_PRODUCER_ID, 5),
        ],
        "3.9.2" => &[
            (PRODUCE, 11),
            (FETCH, 17),
            (LIST_OFFSETS, 9),
            (METADATA, 12),
            (CREATE_TOPICS, 7),
            (INIT_PRODUCER_ID, 5),
        ],
        "3.3.2" => &[
            (PRODUCE, 9),
            (FETCH, 13),
            (LIST_OFFSETS, 7),
            (METADATA, 12),
            (CREATE_TOPICS, 7),
            (INIT_PRODUCER_ID, 4),
        ],
        "3.0.2" => &[
            (PRODUCE, 9),
            (FETCH, 12),
            (LIST_OFFSETS, 7),
            (METADATA, 11),
            (CREATE_TOPICS, 7),
            (INIT_PRODUCER_ID, 4),
        ],
        other => panic!("say here which versions Apache Kafka {other} speaks"),
    };
    for (key, version) in expected {
        assert_eq!(spy.versions(*key), [*version], "API {key} with {release}");
    }
    // What comes first is asked in the newest version, and again in an older one when that was too new.
    let first = spy.versions(API_VERSIONS);
    let newest = if release.starts_with("3.0") || release.starts_with("3.3") {
        vec![3, 4]
    } else {
        vec![4]
    };
    assert_eq!(first, newest, "ApiVersions with {release}");
}
