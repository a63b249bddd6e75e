//! Producers with the same transactional id, transactions that take too long, and cluster that do not allow them.

use milena::{FatalErrorKind, ProduceErrorKind, Record, TransactionError};
use milena_broker::{
    Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, sleep};

use crate::held::{VERSIONS, committed, fill, filled, open, producer, seconds, start};

fn fatal(error: &TransactionError) -> FatalErrorKind {
    match error {
        TransactionError::Fatal(error) => error.kind(),
        other => panic!("{other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_producer_fences_the_first_and_aborts_what_it_left_open() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut first = producer(&client).await;
        let transaction = first.begin().await.unwrap();
        for delivery in fill(&transaction, "first").await {
            delivery.await.unwrap();
        }
        let mut second = producer(&client).await;
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(fatal(error.error()), FatalErrorKind::Fenced, "{error}");
        // It stays so, whatever is tried.
        let transaction = error.into_transaction();
        let refused = transaction.send(Record::to("orders")).await.unwrap_err();
        assert_eq!(refused.kind(), ProduceErrorKind::Aborted);
        let error = transaction.abort().await.unwrap_err();
        assert_eq!(fatal(error.error()), FatalErrorKind::Fenced);
        drop(error);
        assert_eq!(
            fatal(&first.begin().await.unwrap_err()),
            FatalErrorKind::Fenced
        );
        let transaction = second.begin().await.unwrap();
        fill(&transaction, "second").await;
        transaction.commit().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["second"]), "{version}");
        assert_eq!(open(&cluster), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fenced_producer_that_only_sends_finds_out_as_well() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut first = producer(&client).await;
        let second = producer(&client).await;
        let transaction = first.begin().await.unwrap();
        for delivery in fill(&transaction, "zombie").await {
            delivery.await.unwrap_err();
        }
        let error = transaction.commit().await.unwrap_err();
        // The broker of a partition may only say that the epoch is old; the coordinator then says the rest.
        let error = match error.error() {
            TransactionError::Abortable(_) => error.into_transaction().abort().await.unwrap_err(),
            _ => error,
        };
        assert_eq!(fatal(error.error()), FatalErrorKind::Fenced, "{error}");
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&[]));
        drop(second);
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_takes_too_long_is_not_committed() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let builder = client.transactional_producer("tx");
        let mut slow = builder
            .transaction_timeout(seconds(10))
            .build()
            .await
            .unwrap();
        let transaction = slow.begin().await.unwrap();
        for delivery in fill(&transaction, "slow").await {
            delivery.await.unwrap();
        }
        sleep(seconds(25)).await;
        let error = transaction.commit().await.unwrap_err();
        match error.error() {
            TransactionError::Fatal(error) => {
                let kind = error.kind();
                let told = [FatalErrorKind::Fenced, FatalErrorKind::TransactionEnded];
                assert!(told.contains(&kind), "{error}");
            }
            TransactionError::Abortable(_) => {}
            other => panic!("{other}"),
        }
        drop(error);
        let mut next = producer(&client).await;
        let transaction = next.begin().await.unwrap();
        fill(&transaction, "next").await;
        transaction.commit().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["next"]), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_is_fatal_and_said_at_once() {
    let denied = ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    for version in VERSIONS {
        for api in [ApiKey::FIND_COORDINATOR, ApiKey::INIT_PRODUCER_ID] {
            let (cluster, client) = start(version).await;
            cluster.faults().push(Fault::error(denied).on(api));
            let started = Instant::now();
            let error = client
                .transactional_producer("tx")
                .build()
                .await
                .unwrap_err();
            assert_eq!(fatal(&error), FatalErrorKind::Unauthorized, "{error}");
            assert!(
                error
                    .to_string()
                    .contains("TRANSACTIONAL_ID_AUTHORIZATION_FAILED"),
                "{error}"
            );
            assert!(started.elapsed() < seconds(1));
            // A new one may be allowed by then.
            producer(&client).await;
        }
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "x").await;
        cluster
            .faults()
            .push(Fault::error(denied).on(ApiKey::END_TXN));
        let error = transaction.commit().await.unwrap_err();
        assert_eq!(
            fatal(error.error()),
            FatalErrorKind::Unauthorized,
            "{error}"
        );
    }
}
