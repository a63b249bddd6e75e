//! Transactions that can only be aborted: never committed in silence without a record.

use milena::{Persistence, ProduceErrorKind, Record, TransactionError, TrySendError};
use milena_broker::{
    Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::sleep;

use crate::held::{VERSIONS, asked, committed, fill, filled, producer, seconds, start};

/// Codes of Produce that fail a batch, and leave the producer alive.
const FAILING: [ErrorCode; 8] = [
    ErrorCode::MESSAGE_TOO_LARGE,
    ErrorCode::INVALID_RECORD,
    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode::UNKNOWN_PRODUCER_ID,
    ErrorCode::INVALID_PRODUCER_EPOCH,
    ErrorCode::INVALID_TXN_STATE,
    ErrorCode::TRANSACTION_ABORTABLE,
    ErrorCode::TOPIC_AUTHORIZATION_FAILED,
];

#[tokio::test(start_paused = true)]
async fn a_record_that_was_refused_makes_the_commit_fail_and_the_next_transaction_works() {
    for version in VERSIONS {
        for code in FAILING {
            // Before the commit, or during it; told of or not.
            for early in [true, false] {
                let (cluster, client) = start(version).await;
                let mut producer = producer(&client).await;
                let transaction = producer.begin().await.unwrap();
                fill(&transaction, "before").await;
                transaction.commit().await.unwrap();
                let transaction = producer.begin().await.unwrap();
                cluster.faults().push(
                    Fault::error(code)
                        .on(ApiKey::PRODUCE)
                        .topic("bills")
                        .partition(1),
                );
                let deliveries = fill(&transaction, "spoilt").await;
                if early {
                    sleep(seconds(1)).await;
                    let error = transaction.send(Record::to("orders")).await.unwrap_err();
                    assert_eq!(error.kind(), ProduceErrorKind::Aborted, "{error}");
                    assert!(error.to_string().contains(code.name().unwrap()), "{error}");
                }
                let error = transaction.commit().await.unwrap_err();
                assert!(
                    matches!(error.error(), TransactionError::Abortable(_)),
                    "{code}: {error}"
                );
                assert_eq!(error.error().code(), Some(code.0), "{error}");
                error.into_transaction().abort().await.unwrap();
                for delivery in deliveries {
                    let (topic, partition) = (delivery.topic().to_owned(), delivery.partition());
                    if (topic.as_str(), partition) == ("bills", 1) {
                        let error = delivery.await.unwrap_err();
                        assert_eq!(error.code(), Some(code.0), "{error}");
                    } else {
                        // Stored, though it does not count, or given up.
                        drop(delivery.await);
                    }
                }
                let transaction = producer.begin().await.unwrap();
                fill(&transaction, "after").await;
                transaction.commit().await.unwrap();
                sleep(seconds(1)).await;
                assert_eq!(committed(&cluster), filled(&["before", "after"]), "{code}");
                assert_eq!(cluster.audit().open(), 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_not_stored_in_time_makes_the_commit_fail() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let builder = client.transactional_producer("tx");
        let builder = builder
            .request_timeout(seconds(5))
            .delivery_timeout(seconds(10));
        let mut producer = builder.build().await.unwrap();
        let transaction = producer.begin().await.unwrap();
        let fault = Fault::hang_after_applying()
            .on(ApiKey::PRODUCE)
            .topic("orders")
            .partition(0);
        let fault = cluster.faults().push(fault.always());
        let deliveries = fill(&transaction, "late").await;
        let error = transaction.commit().await.unwrap_err();
        assert!(
            matches!(error.error(), TransactionError::Abortable(_)),
            "{error}"
        );
        cluster.faults().remove(fault);
        error.into_transaction().abort().await.unwrap();
        let mut late = 0;
        for delivery in deliveries {
            if let Err(error) = delivery.await {
                assert_eq!(error.persistence(), Persistence::Maybe, "{error}");
                late += 1;
            }
        }
        assert!(late > 0);
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "after").await;
        transaction.commit().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!(
            committed(&cluster),
            filled(&["after"]),
            "transaction.version {version}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_epoch_stays_within_a_transaction_and_changes_after_it() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "spoilt").await;
        let code = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
        cluster
            .faults()
            .push(Fault::error(code).on(ApiKey::PRODUCE));
        sleep(seconds(1)).await;
        assert_eq!(asked(&cluster, ApiKey::INIT_PRODUCER_ID), 1);
        let produced = asked(&cluster, ApiKey::PRODUCE);
        sleep(seconds(5)).await;
        assert_eq!(
            asked(&cluster, ApiKey::PRODUCE),
            produced,
            "sent again all the same"
        );
        transaction.abort().await.unwrap();
        producer.begin().await.unwrap().commit().await.unwrap();
        let initialized = if version == 2 { 1 } else { 2 };
        assert_eq!(asked(&cluster, ApiKey::INIT_PRODUCER_ID), initialized);
    }
}

/// Why `$to` does not take a record, which is sent in the way of that name.
macro_rules! refused {
    ($to:expr, $record:expr, $way:expr) => {
        match $way {
            "send" => $to.send($record).await.unwrap_err(),
            "send_with" => $to.send_with($record, |_| {}).await.unwrap_err(),
            "send_all" => $to.send_all([$record]).await.remove(0).unwrap_err(),
            "try_send" => match $to.try_send($record) {
                Err(TrySendError::Rejected(error)) => error,
                other => panic!("{other:?}"),
            },
            _ => match $to.try_send_with($record, |_| {}) {
                Err((TrySendError::Rejected(error), _)) => error,
                _ => panic!("it was not rejected"),
            },
        }
    };
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_not_accepted_makes_the_commit_fail() {
    let (cluster, client) = start(2).await;
    let mut producer = producer(&client).await;
    let large = vec![0; 2 << 20];
    let record = || Record::to("orders").value(large.as_slice());
    for way in ["send", "send_with", "send_all", "try_send", "try_send_with"] {
        for by_topic in [true, false] {
            let transaction = producer.begin().await.unwrap();
            fill(&transaction, "spoilt").await;
            let refused = if by_topic {
                refused!(transaction.topic("orders"), record(), way)
            } else {
                refused!(transaction, record(), way)
            };
            assert_eq!(refused.kind(), ProduceErrorKind::TooLarge, "{way}");
            let error = transaction.commit().await.expect_err(way);
            assert!(
                matches!(error.error(), TransactionError::Abortable(_)),
                "{way}: {error}"
            );
            assert!(error.to_string().contains("max_request_size"), "{error}");
        }
    }
    let transaction = producer.begin().await.unwrap();
    fill(&transaction, "after").await;
    transaction.commit().await.unwrap();
    sleep(seconds(1)).await;
    assert_eq!(committed(&cluster), filled(&["after"]));
}

#[tokio::test(start_paused = true)]
async fn partitions_that_may_not_be_added_spoil_the_transaction() {
    let (cluster, client) = start(1).await;
    let mut producer = producer(&client).await;
    let transaction = producer.begin().await.unwrap();
    let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    cluster.faults().push(
        Fault::error(code)
            .on(ApiKey::ADD_PARTITIONS_TO_TXN)
            .topic("bills"),
    );
    let deliveries = fill(&transaction, "spoilt").await;
    let error = transaction.commit().await.unwrap_err();
    assert!(
        matches!(error.error(), TransactionError::Abortable(_)),
        "{error}"
    );
    error.into_transaction().abort().await.unwrap();
    for delivery in deliveries {
        let error = delivery.await.unwrap_err();
        assert_eq!(error.persistence(), Persistence::No, "{error}");
    }
    let transaction = producer.begin().await.unwrap();
    fill(&transaction, "after").await;
    transaction.commit().await.unwrap();
    sleep(seconds(1)).await;
    assert_eq!(committed(&cluster), filled(&["after"]));
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_without_spoiling_anything() {
    for version in VERSIONS {
        for code in [
            ErrorCode::NOT_LEADER_OR_FOLLOWER,
            ErrorCode::NOT_ENOUGH_REPLICAS,
            ErrorCode::CONCURRENT_TRANSACTIONS,
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
        ] {
            let (cluster, client) = start(version).await;
            let mut producer = producer(&client).await;
            cluster
                .faults()
                .push(Fault::error(code).on(ApiKey::PRODUCE).times(5));
            let transaction = producer.begin().await.unwrap();
            fill(&transaction, "stored").await;
            transaction.commit().await.unwrap();
            sleep(seconds(1)).await;
            assert_eq!(committed(&cluster), filled(&["stored"]), "{code}");
        }
    }
}
