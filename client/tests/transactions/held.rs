//! Clusters and producers for the tests, and what counts in a cluster's logs.

use std::{sync::Arc, time::Duration};

use milena::{Client, Delivery, EndError, Record, Transaction, TransactionalProducer};
use milena_broker::{Cluster, protocol::ApiKey};

use crate::{network, stored::stored};

/// The levels of `transaction.version` that there are.
pub(crate) const VERSIONS: [i16; 3] = [0, 1, 2];

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Three nodes, and the topics "orders" and "bills" with three partitions each.
pub(crate) async fn start(transaction_version: i16) -> (Arc<Cluster>, Client) {
    let builder = Cluster::builder()
        .nodes(3)
        .topic("orders", 3)
        .topic("bills", 3)
        .transaction_version(transaction_version);
    let cluster = network::start(builder).await;
    let client = network::client(&cluster).connect().await.unwrap();
    (cluster, client)
}

pub(crate) async fn producer(client: &Client) -> TransactionalProducer {
    client.transactional_producer("tx").build().await.unwrap()
}

/// Sends a record to each partition of both topics, with `text` in it.
pub(crate) async fn fill(transaction: &Transaction<'_>, text: &str) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    for topic in ["orders", "bills"] {
        for partition in 0..3 {
            let value = format!("{text} {topic} {partition}");
            let record = Record::to(topic).partition(partition).value(value.as_str());
            deliveries.push(transaction.send(record).await.unwrap());
        }
    }
    deliveries
}

/// What [`fill`] writes for each of `texts`, in order of topic and partition.
pub(crate) fn filled(texts: &[&str]) -> Vec<String> {
    let mut filled = Vec::new();
    for topic in ["orders", "bills"] {
        for partition in 0..3 {
            filled.extend(
                texts
                    .iter()
                    .map(|text| format!("{text} {topic} {partition}")),
            );
        }
    }
    filled
}

/// The records that readers of committed records see, by topic and partition.
pub(crate) fn committed(cluster: &Cluster) -> Vec<String> {
    let audit = cluster.audit();
    let mut seen = Vec::new();
    for topic in ["orders", "bills"] {
        for partition in 0..3 {
            let audited = audit
                .partitions
                .iter()
                .find(|p| p.topic == topic && p.partition == partition);
            let ranges = &audited.expect("a partition").committed;
            let records = stored(cluster, topic, partition).into_iter();
            seen.extend(
                records
                    .filter(|record| ranges.iter().any(|range| range.contains(&record.offset)))
                    .map(|record| record.text().to_owned()),
            );
        }
    }
    seen
}

/// Whether anything in the logs waits for its transaction to end.
pub(crate) fn open(cluster: &Cluster) -> u64 {
    cluster.audit().open()
}

pub(crate) fn asked(cluster: &Cluster, api: ApiKey) -> u64 {
    cluster.request_count(api)
}

/// Commits, or aborts.
pub(crate) async fn end(transaction: Transaction<'_>, commit: bool) -> Result<(), EndError<'_>> {
    if commit {
        transaction.commit().await
    } else {
        transaction.abort().await
    }
}
