//! Offsets that are committed along with records.

use std::sync::Arc;

use milena::{ConsumerGroupMetadata, PartitionOffset, TransactionError};
use milena_broker::{
    Cluster, CoordinatorType, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    group,
    held::{VERSIONS, asked, committed, fill, filled, ms, producer, seconds, start},
};

/// The offset that "readers" will begin with in partition `partition` of "input", or -1.
pub(crate) fn begins(cluster: &Cluster, partition: i32) -> i64 {
    group::offset(cluster, "readers", "input", partition)
}

fn readers() -> ConsumerGroupMetadata {
    ConsumerGroupMetadata::new("readers")
}

async fn cluster(version: i16) -> (Arc<Cluster>, milena::Client) {
    let (cluster, client) = start(version).await;
    cluster.create_topic("input", 3).unwrap();
    (cluster, client)
}

#[tokio::test(start_paused = true)]
async fn offsets_count_with_the_transaction_or_not_at_all() {
    for version in VERSIONS {
        let (cluster, client) = cluster(version).await;
        let mut producer = producer(&client).await;
        let mut transaction = producer.begin().await.unwrap();
        fill(&transaction, "first").await;
        let offsets = [
            PartitionOffset::new("input", 0, 5),
            PartitionOffset::new("input", 1, 9).metadata("mine"),
        ];
        transaction.send_offsets(offsets, &readers()).await.unwrap();
        assert_eq!(begins(&cluster, 0), -1, "not before the commit");
        transaction.commit().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!((begins(&cluster, 0), begins(&cluster, 1)), (5, 9));
        let mut transaction = producer.begin().await.unwrap();
        transaction
            .send_offsets([PartitionOffset::new("input", 0, 7)], &readers())
            .await
            .unwrap();
        transaction.abort().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!(begins(&cluster, 0), 5);
        // Offsets alone make a transaction, too.
        let mut transaction = producer.begin().await.unwrap();
        transaction
            .send_offsets([PartitionOffset::new("input", 0, 8)], &readers())
            .await
            .unwrap();
        transaction.commit().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!(begins(&cluster, 0), 8);
        assert_eq!(committed(&cluster), filled(&["first"]));
        assert_eq!(
            asked(&cluster, ApiKey::ADD_OFFSETS_TO_TXN),
            if version == 2 { 0 } else { 3 }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_given_up_before_its_partitions_were_asked_for_holds_up_nothing() {
    for version in VERSIONS {
        let (cluster, client) = cluster(version).await;
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "first").await;
        transaction.commit().await.unwrap();
        let mut transaction = producer.begin().await.unwrap();
        // While the coordinator is busy with offsets, it is not asked to add partitions.
        for api in [ApiKey::ADD_OFFSETS_TO_TXN, ApiKey::TXN_OFFSET_COMMIT] {
            cluster.faults().push(Fault::delay(ms(300)).on(api));
        }
        let offsets = [PartitionOffset::new("input", 0, 5)];
        let group = readers();
        let sending = transaction.send_offsets(offsets, &group);
        timeout(ms(100), sending).await.unwrap_err();
        fill(&transaction, "dropped").await;
        sleep(ms(100)).await;
        drop(transaction);
        let transaction = producer.begin().await.unwrap();
        let started = Instant::now();
        fill(&transaction, "second").await;
        transaction.commit().await.unwrap();
        let took = started.elapsed();
        assert!(took < seconds(1), "version {version}: {took:?}");
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["first", "second"]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_waits_for_offsets_whose_future_was_dropped() {
    for version in VERSIONS {
        let (cluster, client) = cluster(version).await;
        let mut producer = producer(&client).await;
        let mut transaction = producer.begin().await.unwrap();
        let group = readers();
        {
            let mut sending = std::pin::pin!(
                transaction.send_offsets([PartitionOffset::new("input", 0, 5)], &group)
            );
            std::future::poll_fn(|cx| {
                assert!(sending.as_mut().poll(cx).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
        }
        transaction.commit().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!(begins(&cluster, 0), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn passing_trouble_with_the_group_is_waited_out() {
    for version in VERSIONS {
        for api in [ApiKey::ADD_OFFSETS_TO_TXN, ApiKey::TXN_OFFSET_COMMIT] {
            for fault in [
                Fault::error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS),
                Fault::error(ErrorCode::NOT_COORDINATOR),
                Fault::error(ErrorCode::CONCURRENT_TRANSACTIONS),
                Fault::error(ErrorCode::UNSTABLE_OFFSET_COMMIT),
                Fault::lose_request(),
                Fault::lose_answer(),
            ] {
                let (cluster, client) = cluster(version).await;
                let mut producer = producer(&client).await;
                cluster.faults().push(fault.on(api).times(2));
                let mut transaction = producer.begin().await.unwrap();
                transaction
                    .send_offsets([PartitionOffset::new("input", 2, 5)], &readers())
                    .await
                    .unwrap();
                let of = CoordinatorType::Group;
                let node = cluster.coordinator(of, "readers").unwrap();
                cluster
                    .move_coordinator(of, "readers", node % 3 + 1)
                    .unwrap();
                transaction
                    .send_offsets([PartitionOffset::new("input", 0, 5)], &readers())
                    .await
                    .unwrap();
                transaction.commit().await.unwrap();
                sleep(seconds(1)).await;
                assert_eq!(
                    (begins(&cluster, 0), begins(&cluster, 2)),
                    (5, 5),
                    "{api:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_refuses_spoils_the_transaction_and_not_the_producer() {
    for version in VERSIONS {
        for (api, code) in [
            (ApiKey::TXN_OFFSET_COMMIT, ErrorCode::ILLEGAL_GENERATION),
            (ApiKey::TXN_OFFSET_COMMIT, ErrorCode::UNKNOWN_MEMBER_ID),
            (ApiKey::TXN_OFFSET_COMMIT, ErrorCode::FENCED_INSTANCE_ID),
            (
                ApiKey::TXN_OFFSET_COMMIT,
                ErrorCode::GROUP_AUTHORIZATION_FAILED,
            ),
            (
                ApiKey::ADD_OFFSETS_TO_TXN,
                ErrorCode::GROUP_AUTHORIZATION_FAILED,
            ),
        ] {
            if version == 2 && api == ApiKey::ADD_OFFSETS_TO_TXN {
                continue;
            }
            let (cluster, client) = cluster(version).await;
            let mut producer = producer(&client).await;
            cluster.faults().push(Fault::error(code).on(api));
            let mut transaction = producer.begin().await.unwrap();
            fill(&transaction, "spoilt").await;
            let sent = transaction
                .send_offsets([PartitionOffset::new("input", 0, 5)], &readers())
                .await;
            let error = sent.unwrap_err();
            assert!(matches!(error, TransactionError::Abortable(_)), "{error}");
            assert_eq!(error.code(), Some(code.0), "{error}");
            let error = transaction.commit().await.unwrap_err();
            assert!(
                matches!(error.error(), TransactionError::Abortable(_)),
                "{error}"
            );
            error.into_transaction().abort().await.unwrap();
            let mut transaction = producer.begin().await.unwrap();
            fill(&transaction, "after").await;
            transaction
                .send_offsets([PartitionOffset::new("input", 0, 6)], &readers())
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            sleep(seconds(1)).await;
            assert_eq!(begins(&cluster, 0), 6);
            assert_eq!(committed(&cluster), filled(&["after"]), "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_cannot_be_changes_nothing() {
    let (cluster, client) = cluster(2).await;
    let mut producer = producer(&client).await;
    let mut transaction = producer.begin().await.unwrap();
    fill(&transaction, "whole").await;
    let (offset, long) = (PartitionOffset::new("input", 0, 5), "x".repeat(32_768));
    for (offset, group) in [
        (offset.clone(), ConsumerGroupMetadata::new("")),
        (offset.clone(), readers().member("", 3)),
        (offset.clone(), ConsumerGroupMetadata::new(&long)),
        (offset.clone(), readers().member(&long, 3)),
        (offset.clone(), readers().group_instance_id(&long)),
        (offset.metadata(&long), readers()),
        (PartitionOffset::new(&long, 0, 5), readers()),
    ] {
        let sent = transaction.send_offsets([offset], &group).await;
        assert!(matches!(sent, Err(TransactionError::Config(_))), "{sent:?}");
    }
    transaction.send_offsets([], &readers()).await.unwrap();
    transaction.commit().await.unwrap();
    sleep(seconds(1)).await;
    assert_eq!(committed(&cluster), filled(&["whole"]));
    assert_eq!(asked(&cluster, ApiKey::TXN_OFFSET_COMMIT), 0);
}
