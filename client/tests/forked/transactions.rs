//! Producers of transactions.

use std::time::Duration;

use milena::{
    Client, CloseError, ConsumerGroupMetadata, FatalErrorKind, Forked, PartitionOffset,
    TransactionError, TransactionalProducer, blocking,
};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use tokio::time::timeout;

use crate::child::{HOUR, alone, assert_forked, in_child, log, record, runtime, serve_as};

fn assert_fatal<T>(outcome: Result<T, impl Into<TransactionError>>) {
    match outcome.err().expect("an error").into() {
        TransactionError::Fatal(error) => {
            assert_eq!(error.kind(), FatalErrorKind::Forked);
            assert!(
                error.to_string().contains("connect a new client"),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}

fn offsets() -> ([PartitionOffset; 1], ConsumerGroupMetadata) {
    let offset = PartitionOffset::new("orders", 0, 1);
    ([offset], ConsumerGroupMetadata::new("billing"))
}

async fn connect(cluster: &Cluster, id: &str) -> TransactionalProducer {
    let client = Client::builder(cluster.bootstrap());
    let client = client.connect().await.unwrap();
    let producer = client.transactional_producer(id).linger(HOUR);
    producer.build().await.unwrap()
}

#[test]
fn a_transaction_that_was_open_is_the_parents() {
    for version in [0, 2] {
        let (_serving, cluster) = serve_as(Cluster::builder().transaction_version(version));
        let runtime = runtime();
        let (mut producer, mut idle) = runtime.block_on(async {
            (
                connect(&cluster, "tx").await,
                connect(&cluster, "idle").await,
            )
        });
        for number in ["0", "1", "2", "3"] {
            let begun = runtime.block_on(producer.begin()).unwrap();
            let delivery = runtime.block_on(begun.send(record(number))).unwrap();
            let mut open = Some(begun);
            in_child(|| {
                let mut transaction = open.take().unwrap();
                alone().block_on(async {
                    // The error comes first with each of them in turn.
                    match number {
                        "0" => assert_fatal(transaction.commit().await),
                        "1" => assert_fatal(transaction.abort().await),
                        "2" => {
                            assert_forked(transaction.send(record("x")).await);
                            let (offsets, group) = offsets();
                            assert_fatal(transaction.send_offsets(offsets, &group).await);
                        }
                        _ => {}
                    }
                    assert_fatal(idle.begin().await);
                    assert_forked(idle.partitions_for("orders").await);
                    assert_eq!(idle.close(HOUR).await, Err(CloseError::Forked(Forked)));
                });
            });
            let mut transaction = open.unwrap();
            runtime.block_on(async {
                let (offsets, group) = offsets();
                transaction.send_offsets(offsets, &group).await.unwrap();
                transaction.commit().await.unwrap();
                delivery.await.unwrap();
            });
        }
        drop(runtime.block_on(idle.begin()).unwrap());
        runtime.block_on(producer.close(HOUR)).unwrap();
        let audit = cluster.audit();
        assert_eq!((audit.committed(), audit.aborted()), (4, 0));
        assert_eq!(log(&cluster), ["0", "1", "2", "3"]);
    }
}

#[test]
fn an_end_that_is_under_way_is_not_waited_for() {
    let (_serving, cluster) = serve_as(Cluster::builder());
    let slow = Fault::delay(Duration::from_secs(5)).on(ApiKey::END_TXN);
    cluster.faults().push(slow);
    let runtime = runtime();
    let mut producer = runtime.block_on(connect(&cluster, "tx"));
    let transaction = runtime.block_on(producer.begin()).unwrap();
    let delivery = runtime.block_on(transaction.send(record("0"))).unwrap();
    runtime.block_on(async {
        let committing = timeout(Duration::from_millis(50), transaction.commit());
        committing.await.expect_err("it takes seconds");
    });
    in_child(|| {
        alone().block_on(async {
            assert_eq!(producer.close(HOUR).await, Err(CloseError::Forked(Forked)));
            assert_fatal(producer.begin().await);
        });
    });
    runtime.block_on(async {
        producer.close(HOUR).await.unwrap();
        delivery.await.unwrap();
    });
    assert_eq!(cluster.audit().committed(), 1);
}

#[test]
fn a_blocking_transaction_ends_at_once_in_a_child() {
    let (_serving, cluster) = serve_as(Cluster::builder());
    let client = Client::builder(cluster.bootstrap()).connect_blocking();
    let client = client.unwrap();
    let producer = |id: &str| client.transactional_producer(id).build_blocking();
    let (mut producer, mut idle) = (producer("tx").unwrap(), Some(producer("idle").unwrap()));
    let begun = producer.begin().unwrap();
    drop(begun.send(record("0")).unwrap());
    let mut open = Some(begun);
    in_child(|| {
        let mut transaction = open.take().unwrap();
        assert_forked(transaction.send(record("x")));
        let (offsets, group) = offsets();
        assert_fatal(transaction.send_offsets(offsets, &group));
        assert_fatal(transaction.commit());
        let mut idle = idle.take().unwrap();
        assert_fatal(idle.begin());
        assert_forked(idle.partitions_for("orders"));
        let closed = blocking::CloseError::Close(CloseError::Forked(Forked));
        assert_eq!(idle.close(HOUR), Err(closed));
        assert_fatal(
            client
                .transactional_producer("other")
                .build_blocking()
                .map_err(|error| match error {
                    TransactionError::Config(error) if error.field() == "client" => Forked.into(),
                    other => other,
                }),
        );
        drop(idle);
    });
    open.unwrap().commit().unwrap();
    drop(producer);
    assert_eq!(cluster.audit().committed(), 1);
    assert_eq!(log(&cluster), ["0"]);
}
