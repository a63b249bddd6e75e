//! Topics that a producer used once, and uses no more.

use milena::Record;
use milena_broker::{Cluster, protocol::ApiKey};
use tokio::time::{Instant, sleep};

use super::{one_by_one, seconds};
use crate::network;

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_deleted_after_its_last_use_is_not_created_again() {
    let cluster = network::start(Cluster::builder().nodes(3).topic("orders", 1)).await;
    let connecting = network::client(&cluster)
        .metadata_max_age(seconds(10))
        .metadata_max_idle(seconds(60));
    let client = connecting.connect().await.unwrap();
    let producer = one_by_one(&client).build().unwrap();
    for _ in 0..3 {
        // A topic that is missing would be created by whoever asks for it.
        producer
            .send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
        sleep(seconds(200)).await;
        let asked = cluster.request_count(ApiKey::METADATA);
        cluster.delete_topic("orders").unwrap();
        sleep(seconds(2000)).await;
        assert!(cluster.request_count(ApiKey::METADATA) > asked);
        let id = cluster.with_state(|state| state.topic_id("orders"));
        assert_eq!(id, None, "it is there again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_in_steady_use_is_kept_up_to_date_however_short_the_memory() {
    let builder = Cluster::builder().nodes(3).topic("orders", 1);
    // Answers to produce requests do not say who leads instead.
    let cluster = network::start(builder.max_version(ApiKey::PRODUCE, 9)).await;
    let connecting = network::client(&cluster)
        .metadata_max_age(seconds(1))
        .metadata_max_idle(seconds(6));
    let client = connecting.connect().await.unwrap();
    let producer = one_by_one(&client).build().unwrap();
    let mut refused = 0;
    for round in 0..60_u32 {
        if round % 10 == 9 {
            let node = i32::try_from(round / 10 % 3 + 1).unwrap();
            cluster.move_leader("orders", 0, node).unwrap();
            // The move is seen by refreshing, before a record goes where the leader was.
            sleep(seconds(2)).await;
        }
        let before = cluster.request_count(ApiKey::PRODUCE);
        let started = Instant::now();
        producer
            .send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
        assert!(started.elapsed() < seconds(1), "{:?}", started.elapsed());
        refused += cluster.request_count(ApiKey::PRODUCE) - before - 1;
        sleep(seconds(1)).await;
    }
    assert_eq!(refused, 0);
}
