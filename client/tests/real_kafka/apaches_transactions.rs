//! Transactions of Apache's own producer, in real clusters and in the embedded one, read by Apache's consumer and by
//! ours.

use milena::{Client, IsolationLevel};
use milena_broker::Cluster;
use milena_broker::protocol::ApiKey;

use crate::{
    java,
    ledger::{compare, read_at, received},
    line::number,
    place::{Place, everywhere},
};

everywhere! { what_apaches_producer_committed_is_read }

const PARTITIONS: i32 = 3;
/// The rounds of the Java program.
const ROUNDS: i64 = 10;

async fn what_apaches_producer_committed_is_read(place: Place) {
    let client = place.client().await;
    let topic = place.topic(&client, "transact", PARTITIONS).await;
    check(&place.bootstrap(), &client, &topic).await;
}

/// Goes through the transactions, and compares what is read of them, and what the group has committed.
async fn check(bootstrap: &str, client: &Client, topic: &str) {
    let told = java::transact(bootstrap, topic, &format!("{topic}-group")).await;
    let (done, told) = told.split_last().expect("it says that it is done");
    assert_eq!(done, "done");
    assert_eq!(told.len(), 3 * usize::try_from(ROUNDS).unwrap());
    for line in told {
        let field = |name| number(line, name);
        let last_committed = match field("transaction") {
            1 => 0,
            committed => committed,
        };
        let expected = field("round") * 10 + last_committed;
        assert_eq!(field("committed"), expected, "{line}");
    }
    for (level, isolation, transactions) in [
        (IsolationLevel::ReadCommitted, "read_committed", 2),
        (IsolationLevel::ReadUncommitted, "read_uncommitted", 4),
    ] {
        let theirs = java::read_back_at(bootstrap, &[topic], isolation).await;
        let ours = read_at(client, topic, level).await;
        let count = i64::from(PARTITIONS) * ROUNDS * transactions;
        assert_eq!(ours.len(), usize::try_from(count).unwrap());
        for record in &ours {
            let is_committed = record.value.as_ref().unwrap().starts_with(b"committed");
            assert!(is_committed || level == IsolationLevel::ReadUncommitted);
        }
        let ours = ours.iter().map(|record| received(record, "CreateTime"));
        compare("our reader", theirs, ours);
    }
}

async fn check_embedded(transaction_version: i16) {
    let cluster = Cluster::builder()
        .nodes(3)
        .topic("orders", PARTITIONS)
        .transaction_version(transaction_version)
        .start()
        .await
        .unwrap();
    let bootstrap = cluster.bootstrap();
    let client = Client::builder(&bootstrap).connect().await.unwrap();
    check(&bootstrap, &client, "orders").await;
    let audit = cluster.audit();
    let of = |transactions| u64::try_from(i64::from(PARTITIONS) * ROUNDS * transactions).unwrap();
    let ended = (audit.committed(), audit.aborted(), audit.open());
    assert_eq!(ended, (of(2), of(2), 0));
    assert_eq!((audit.lost(), audit.duplicated()), (0, 0));
    // The two generations differ in what they ask for.
    for api in [ApiKey::ADD_PARTITIONS_TO_TXN, ApiKey::ADD_OFFSETS_TO_TXN] {
        assert_eq!(cluster.request_count(api) == 0, transaction_version == 2);
    }
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Java: cargo xtask test"]
async fn the_embedded_cluster_serves_apaches_producer_in_the_first_generation() {
    check_embedded(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Java: cargo xtask test"]
async fn the_embedded_cluster_serves_apaches_producer_in_the_second_generation() {
    check_embedded(2).await;
}
