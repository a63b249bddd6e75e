//! Brokers that refuse, lose, garble and hang, move and fall: in memory, in paused time. After each, what the producer
//! said is compared with what the logs hold.

mod answers;
mod giving_up;
mod leaders;
mod metrics;
mod storms;
mod topics;
mod unused;

use std::{sync::Arc, time::Duration};

use milena::{Client, Producer, ProducerBuilder};
use milena_broker::{Cluster, ClusterBuilder, Fault, protocol::ErrorCode};
use tokio::time::{Instant, sleep};

use crate::{
    network,
    stored::{Flow, check},
};

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) async fn start(builder: ClusterBuilder) -> (Arc<Cluster>, Client) {
    let cluster = network::start(builder).await;
    let client = network::client(&cluster).connect().await.unwrap();
    (cluster, client)
}

/// Three nodes, each of which leads two of six partitions.
pub(crate) async fn orders() -> (Arc<Cluster>, Client) {
    start(Cluster::builder().nodes(3).topic("orders", 6)).await
}

/// Sends each record by itself, so that there are many requests for things to happen to.
pub(crate) fn one_by_one(client: &Client) -> ProducerBuilder {
    client.producer().batch_size(1).linger(Duration::ZERO)
}

/// Sends `count` records to the partitions in turn, while the producer's tasks run.
pub(crate) async fn stream(flow: &mut Flow, producer: &Producer, partitions: i32, count: usize) {
    for nth in 0..count {
        flow.send(producer, "orders", partitions, 1).await;
        if nth % 5 == 4 {
            sleep(ms(1)).await;
        }
    }
}

/// Nothing is held any more for records that are settled.
pub(crate) async fn drained(producer: &Producer) {
    // What was given up in flight is held until its request times out.
    let deadline = Instant::now() + seconds(60);
    while producer.buffered() > 0 {
        assert!(
            Instant::now() < deadline,
            "{} bytes are left",
            producer.buffered()
        );
        sleep(ms(10)).await;
    }
}

/// Everything is delivered, once and in order, in spite of `fault`.
pub(crate) async fn survives(fault: Fault, told: &str) {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client)
        .request_timeout(seconds(5))
        .build()
        .unwrap();
    cluster.faults().push(fault);
    let mut flow = Flow::default();
    stream(&mut flow, &producer, 6, 300).await;
    let outcomes = flow.settle().await;
    for outcome in &outcomes {
        assert!(outcome.result.is_ok(), "{told}: {outcome:?}");
    }
    assert_eq!(cluster.faults().pending(), 0, "{told} did not happen");
    check(&cluster, "orders", &outcomes);
    drained(&producer).await;
}

pub(crate) const RETRIABLE: [ErrorCode; 14] = [
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::LEADER_NOT_AVAILABLE,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::REPLICA_NOT_AVAILABLE,
    ErrorCode::NETWORK_EXCEPTION,
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::FENCED_LEADER_EPOCH,
    ErrorCode::UNKNOWN_LEADER_EPOCH,
    ErrorCode::THROTTLING_QUOTA_EXCEEDED,
    ErrorCode::UNKNOWN_TOPIC_ID,
];
