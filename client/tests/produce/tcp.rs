//! The embedded cluster over TCP, on a runtime with several threads.

use std::{collections::BTreeMap, future::Future, time::Duration};

use milena::{Client, Producer};
use milena_broker::{Cluster, ClusterBuilder, Fault, protocol::ApiKey};
use tokio::{runtime::Runtime, time::timeout};

use crate::stored::stored;

/// Only so that a hang is told of; nothing is measured by it.
pub(crate) const HANG: Duration = Duration::from_secs(120);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn run(test: impl Future<Output = ()>) {
    runtime().block_on(async { timeout(HANG, test).await.expect("the test hangs") });
}

pub(crate) async fn start(builder: ClusterBuilder) -> (Cluster, Client) {
    let cluster = builder.start().await.unwrap();
    let client = Client::builder(cluster.bootstrap())
        .connect()
        .await
        .unwrap();
    (cluster, client)
}

pub(crate) async fn orders(partitions: i32) -> (Cluster, Client) {
    start(Cluster::builder().nodes(3).topic("orders", partitions)).await
}

/// Nothing is held any more for records that are settled.
pub(crate) async fn drained(producer: &Producer) {
    while producer.buffered() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) fn hang() -> Fault {
    Fault::hang().on(ApiKey::PRODUCE).always()
}

/// Each task's records, which begin with `task:number:`, are there once and in order.
pub(crate) fn in_order_by_task(cluster: &Cluster, partitions: i32, tasks: usize, records: usize) {
    let mut next: BTreeMap<(String, i32), usize> = BTreeMap::new();
    let mut count = 0;
    for partition in 0..partitions {
        for record in stored(cluster, "orders", partition) {
            let mut parts = record.text().split(':');
            let (task, number) = (parts.next().unwrap(), parts.next().unwrap());
            let number: usize = number.parse().unwrap();
            let last = next.entry((task.to_owned(), partition)).or_default();
            assert!(
                number >= *last,
                "task {task} in partition {partition}: {number} after {last}"
            );
            *last = number + 1;
            count += 1;
        }
    }
    assert_eq!(count, tasks * records);
}
