//! The futures of a producer of transactions.

use std::time::Duration;

use milena::{
    ConsumerGroupMetadata, PartitionOffset, Transaction, TransactionError, TransactionalProducer,
    TransactionalProducerBuilder,
};

use crate::{
    group,
    world::{PATIENCE, TOPIC, World, is_idle, record, sweep},
};

async fn producer(world: &World) -> TransactionalProducer {
    builder(world).build().await.unwrap()
}

fn builder(world: &World) -> TransactionalProducerBuilder {
    let builder = world.client.transactional_producer("tx");
    builder.request_timeout(PATIENCE)
}

/// Commits one more transaction, and sees that nothing is left open or held.
async fn settle(world: &World, mut producer: TransactionalProducer) {
    let transaction = begun(&mut producer).await;
    fill(&transaction, "afterwards").await;
    transaction.commit().await.unwrap();
    assert_eq!(seen(world, "afterwards"), 2);
    is_idle(&producer.metrics());
    producer.close(Duration::from_secs(300)).await.unwrap();
    assert_eq!(world.cluster.audit().open(), 0);
}

async fn begun(producer: &mut TransactionalProducer) -> Transaction<'_> {
    producer.begin().await.unwrap()
}

/// Sends a record to either partition.
async fn fill(transaction: &Transaction<'_>, text: &str) {
    for partition in [0, 1] {
        let record = record(text).partition(partition);
        drop(transaction.send(record).await.unwrap());
    }
}

/// How many records with that value readers of committed records see.
fn seen(world: &World, text: &str) -> usize {
    world.cluster.faults().clear();
    let audit = world.cluster.audit();
    let parts = audit.partitions.iter().filter(|part| part.topic == TOPIC);
    let records = parts.flat_map(|part| {
        let stored = crate::stored::stored(&world.cluster, TOPIC, part.partition);
        stored.into_iter().filter(|record| {
            part.committed
                .iter()
                .any(|range| range.contains(&record.offset))
        })
    });
    records.filter(|record| record.text() == text).count()
}

#[test]
fn an_initialization() {
    sweep(|world| async move {
        let building = builder(&world).build();
        let built = world.drop_it(building).await;
        let completed = built.is_some();
        let producer = match built {
            Some(built) => built.unwrap(),
            None => producer(&world).await,
        };
        settle(&world, producer).await;
        completed
    });
}

#[test]
fn a_begin() {
    sweep(|world| async move {
        let mut producer = producer(&world).await;
        // It has to wait for the end of the one before.
        drop(begun(&mut producer).await);
        let completed = world.drop_it(producer.begin()).await.is_some();
        settle(&world, producer).await;
        completed
    });
}

#[test]
fn a_send_within_a_transaction() {
    sweep(|world| async move {
        let mut producer = producer(&world).await;
        let transaction = begun(&mut producer).await;
        let sent = world.drop_it(transaction.send(record("dropped"))).await;
        let completed = sent.is_some();
        transaction.commit().await.unwrap();
        assert_eq!(seen(&world, "dropped"), usize::from(completed));
        settle(&world, producer).await;
        completed
    });
}

#[test]
fn offsets() {
    sweep(|world| async move {
        let mut producer = producer(&world).await;
        let mut transaction = begun(&mut producer).await;
        fill(&transaction, "first").await;
        let group = ConsumerGroupMetadata::new("group");
        let offsets = [PartitionOffset::new(TOPIC, 0, 7)];
        let sent = world
            .drop_it(transaction.send_offsets(offsets, &group))
            .await;
        let completed = sent.is_some();
        transaction.commit().await.unwrap();
        assert_eq!(seen(&world, "first"), 2);
        // Once it was polled, they belong to the transaction.
        settle(&world, producer).await;
        let expected = if world.polls_it() { 7 } else { -1 };
        assert_eq!(group::offset(&world.cluster, "group", TOPIC, 0), expected);
        completed
    });
}

#[test]
fn a_commit() {
    sweep(|world| async move {
        let mut producer = producer(&world).await;
        let transaction = begun(&mut producer).await;
        fill(&transaction, "first").await;
        // A future that is never polled has not decided anything, and drops its transaction.
        let committed = world.drop_it(transaction.commit()).await;
        let completed = committed.map(Result::unwrap).is_some();
        settle(&world, producer).await;
        let expected = if world.polls_it() { 2 } else { 0 };
        assert_eq!(seen(&world, "first"), expected);
        completed
    });
}

#[test]
fn an_abort() {
    sweep(|world| async move {
        let mut producer = producer(&world).await;
        let transaction = begun(&mut producer).await;
        fill(&transaction, "first").await;
        let aborted = world.drop_it(transaction.abort()).await;
        let completed = aborted.map(Result::unwrap).is_some();
        settle(&world, producer).await;
        assert_eq!(seen(&world, "first"), 0);
        completed
    });
}

#[test]
fn a_close_after_a_commit_that_nobody_waits_for() {
    sweep(|world| async move {
        let mut producer = producer(&world).await;
        let transaction = begun(&mut producer).await;
        fill(&transaction, "first").await;
        {
            let mut commit = std::pin::pin!(transaction.commit());
            let once = std::future::poll_fn(|cx| {
                let _ = commit.as_mut().poll(cx);
                std::task::Poll::Ready(())
            });
            once.await;
        }
        let closing = producer.close(Duration::from_secs(300));
        let completed = world.drop_it(closing).await.is_some();
        producer.close(Duration::from_secs(300)).await.unwrap();
        is_idle(&producer.metrics());
        assert_eq!(seen(&world, "first"), 2);
        assert_eq!(world.cluster.audit().open(), 0);
        let error = producer.begin().await.unwrap_err();
        assert!(!matches!(error, TransactionError::Retriable(_)), "{error}");
        completed
    });
}
