//! How long records take when nothing goes wrong: in memory, in paused time, where only what is waited for takes time.

use std::time::Duration;

use milena::{Acks, Record};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use tokio::time::Instant;

use crate::network;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Timers have a grain of a millisecond, and two are set one after the other.
const GRAIN: Duration = ms(3);

#[tokio::test(start_paused = true)]
async fn a_record_takes_its_linger_and_the_way_there_and_back() {
    let cluster = network::start(Cluster::builder().nodes(3).topic("orders", 3)).await;
    let client = network::client(&cluster).connect().await.unwrap();
    for (acks, way) in [(Acks::All, 10), (Acks::Leader, 10), (Acks::None, 0)] {
        cluster.faults().clear();
        cluster
            .faults()
            .push(Fault::delay(ms(10)).on(ApiKey::PRODUCE).always());
        for linger in [0, 1, 5, 500, 3000] {
            let producer = client.producer().acks(acks).linger(ms(linger));
            let producer = producer.build().unwrap();
            producer.partitions_for("orders").await.unwrap();
            for nth in 0..10 {
                let started = Instant::now();
                let record = Record::to("orders").partition(nth % 3).value("v");
                producer.send(record).await.unwrap().await.unwrap();
                let (took, expected) = (started.elapsed(), ms(linger + way));
                assert!(
                    took >= expected && took <= expected + GRAIN,
                    "{took:?} instead of {expected:?} with {acks:?}, record {nth}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_record_to_each_of_many_topics_is_not_held_up() {
    let mut builder = Cluster::builder().nodes(3);
    for topic in 0..50 {
        builder = builder.topic(format!("topic-{topic}"), 3);
    }
    let cluster = network::start(builder).await;
    let client = network::client(&cluster).connect().await.unwrap();
    let producer = client.producer().linger(ms(5)).build().unwrap();
    for topic in 0..50 {
        let started = Instant::now();
        let name = format!("topic-{topic}");
        let delivery = producer.send(Record::to(&name).value("v")).await.unwrap();
        delivery.await.unwrap();
        let took = started.elapsed();
        assert!(took <= ms(5) + GRAIN, "{took:?} for {name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_flush_over_many_partitions_takes_no_time() {
    let cluster = network::start(Cluster::builder().nodes(3).topic("orders", 9)).await;
    let client = network::client(&cluster).connect().await.unwrap();
    let producer = client.producer().linger(ms(10_000)).build().unwrap();
    let started = Instant::now();
    let mut deliveries = Vec::new();
    for partition in 0..9 {
        let record = Record::to("orders").partition(partition).value("v");
        deliveries.push(producer.send(record).await.unwrap());
    }
    producer.flush().await;
    assert!(
        deliveries
            .iter()
            .all(|delivery| delivery.try_get().is_some())
    );
    assert!(started.elapsed() <= GRAIN, "{:?}", started.elapsed());
}
