//! Ends that take long, are not waited for, or whose answers are lost.

use std::{future::Future, pin::pin, task::Poll, time::Duration};

use milena::{Persistence, ProduceErrorKind, Record, TransactionError, TransactionalProducer};
use milena_broker::{
    Fault, TransactionState,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, sleep};

use crate::held::{
    VERSIONS, asked, committed, end, fill, filled, ms, open, producer, seconds, start,
};

#[tokio::test(start_paused = true)]
async fn an_end_whose_request_or_answer_is_lost_comes_about_once() {
    for version in VERSIONS {
        for commit in [true, false] {
            for (told, fault) in [
                ("request lost", Fault::lose_request()),
                ("answer lost", Fault::lose_answer()),
                ("hung", Fault::hang()),
                ("hung after applying", Fault::hang_after_applying()),
                ("garbage", Fault::garbage()),
                ("truncated", Fault::truncate(6)),
            ] {
                let (cluster, client) = start(version).await;
                let builder = client.transactional_producer("tx");
                let builder = builder.transaction_timeout(seconds(300));
                let mut producer = builder.build().await.unwrap();
                let transaction = producer.begin().await.unwrap();
                for delivery in fill(&transaction, "first").await {
                    delivery.await.unwrap();
                }
                cluster.faults().push(fault.on(ApiKey::END_TXN).times(2));
                {
                    let ended = end(transaction, commit).await;
                    // A hung broker may take longer than the deadline.
                    if let Err(error) = ended {
                        assert!(
                            matches!(error.error(), TransactionError::Retriable(_)),
                            "{told}: {error}"
                        );
                        let again = error.into_transaction();
                        end(again, commit).await.unwrap();
                    }
                }
                assert_eq!(cluster.faults().pending(), 0, "{told}");
                let transaction = producer.begin().await.unwrap();
                fill(&transaction, "second").await;
                transaction.commit().await.unwrap();
                sleep(seconds(1)).await;
                let expected = if commit {
                    filled(&["first", "second"])
                } else {
                    filled(&["second"])
                };
                assert_eq!(
                    committed(&cluster),
                    expected,
                    "{told}, transaction.version {version}"
                );
                assert_eq!(open(&cluster), 0);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_takes_longer_than_the_deadline_gives_the_transaction_back() {
    for version in VERSIONS {
        for commit in [true, false] {
            let (cluster, client) = start(version).await;
            let builder = client.transactional_producer("tx").max_block(seconds(3));
            let mut producer = builder.build().await.unwrap();
            let mut transaction = producer.begin().await.unwrap();
            for delivery in fill(&transaction, "late").await {
                delivery.await.unwrap();
            }
            let fault = cluster.faults().push(
                Fault::error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS)
                    .on(ApiKey::END_TXN)
                    .always(),
            );
            for _ in 0..3 {
                let started = Instant::now();
                let error = end(transaction, commit).await.unwrap_err();
                assert!(
                    matches!(error.error(), TransactionError::Retriable(_)),
                    "{error}"
                );
                assert_eq!(error.error().code(), Some(14), "{error}");
                assert!(started.elapsed() >= seconds(3) && started.elapsed() < seconds(4));
                transaction = error.into_transaction();
                // Nothing more can be sent, and it cannot be decided otherwise.
                let refused = transaction.send(Record::to("orders")).await.unwrap_err();
                assert_eq!(refused.kind(), ProduceErrorKind::Aborted, "{refused}");
                let error = end(transaction, !commit).await.unwrap_err();
                assert!(
                    matches!(error.error(), TransactionError::InvalidState(_)),
                    "{error}"
                );
                transaction = error.into_transaction();
            }
            cluster.faults().remove(fault);
            end(transaction, commit).await.unwrap();
            sleep(seconds(1)).await;
            let expected = if commit { filled(&["late"]) } else { vec![] };
            assert_eq!(committed(&cluster), expected);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_nobody_waits_for_any_more_comes_about() {
    for version in VERSIONS {
        // Dropped after so many polls of its future.
        for polls in 0..6 {
            let (cluster, client) = start(version).await;
            let mut producer = producer(&client).await;
            let transaction = producer.begin().await.unwrap();
            let deliveries = fill(&transaction, "first").await;
            {
                let mut commit = pin!(transaction.commit());
                for _ in 0..=polls {
                    let poll = std::future::poll_fn(|cx| Poll::Ready(commit.as_mut().poll(cx)));
                    if poll.await.is_ready() {
                        break;
                    }
                    sleep(ms(1)).await;
                }
            }
            let transaction = producer.begin().await.unwrap();
            fill(&transaction, "second").await;
            transaction.commit().await.unwrap();
            for delivery in deliveries {
                delivery.await.unwrap();
            }
            sleep(seconds(1)).await;
            assert_eq!(committed(&cluster), filled(&["first", "second"]), "{polls}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_failure_of_a_commit_that_nobody_waits_for_is_told_by_the_next_begin() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "first").await;
        let fault = Fault::error(ErrorCode::MESSAGE_TOO_LARGE)
            .on(ApiKey::PRODUCE)
            .topic("bills");
        cluster.faults().push(fault);
        {
            let mut commit = pin!(transaction.commit());
            std::future::poll_fn(|cx| Poll::Ready(commit.as_mut().poll(cx).is_pending())).await;
        }
        let error = producer.begin().await.unwrap_err();
        assert!(matches!(error, TransactionError::Abortable(_)), "{error}");
        assert_eq!(error.code(), Some(10), "{error}");
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "second").await;
        transaction.commit().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["second"]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_dropped_is_aborted() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        let stored = fill(&transaction, "stored").await;
        for delivery in stored {
            delivery.await.unwrap();
        }
        let queued = fill(&transaction, "queued").await;
        drop(transaction);
        for delivery in queued {
            let error = delivery.await.unwrap_err();
            assert_eq!(
                (error.kind(), error.persistence()),
                (ProduceErrorKind::Aborted, Persistence::No)
            );
        }
        sleep(seconds(1)).await;
        assert_eq!(
            (open(&cluster), cluster.audit().aborted()),
            (0, 6),
            "in the background"
        );
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "next").await;
        transaction.commit().await.unwrap();
        // And where the next begins at once.
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "dropped").await;
        drop(transaction);
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "last").await;
        transaction.commit().await.unwrap();
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["next", "last"]));
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_begin_waits_for_the_end_before_and_not_for_ever() {
    let (cluster, client) = start(2).await;
    let builder = client.transactional_producer("tx").max_block(seconds(3));
    let mut producer = builder.build().await.unwrap();
    let transaction = producer.begin().await.unwrap();
    fill(&transaction, "dropped").await;
    tokio::time::sleep(seconds(1)).await;
    let fault = Fault::error(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    let fault = cluster.faults().push(fault.on(ApiKey::END_TXN).always());
    drop(transaction);
    let error = producer.begin().await.unwrap_err();
    assert!(matches!(error, TransactionError::Retriable(_)), "{error}");
    cluster.faults().remove(fault);
    producer.begin().await.unwrap().commit().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_is_dropped_or_closed_ends_its_transaction_first() {
    for version in VERSIONS {
        for close in [true, false] {
            let (cluster, client) = start(version).await;
            let mut producer = producer(&client).await;
            let transaction = producer.begin().await.unwrap();
            for delivery in fill(&transaction, "stored").await {
                delivery.await.unwrap();
            }
            drop(transaction);
            if close {
                producer.close(seconds(10)).await.unwrap();
            } else {
                drop(producer);
                sleep(seconds(5)).await;
            }
            let state = cluster.with_state(|state| state.transaction_state("tx"));
            assert!(
                matches!(
                    state,
                    Some(TransactionState::CompleteAbort | TransactionState::PrepareAbort)
                ),
                "{state:?}"
            );
            sleep(seconds(1)).await;
            assert_eq!((open(&cluster), cluster.audit().aborted()), (0, 6));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_forgotten_is_aborted_as_if_it_were_dropped() {
    for version in VERSIONS {
        for spoilt in [false, true] {
            let (cluster, client) = start(version).await;
            let started = Instant::now();
            let mut producer = producer(&client).await;
            forget(&mut producer, spoilt).await;
            let transaction = producer.begin().await.unwrap();
            fill(&transaction, "after").await;
            transaction.commit().await.unwrap();
            forget(&mut producer, spoilt).await;
            if spoilt {
                producer.close(seconds(60)).await.unwrap();
            } else {
                drop(producer);
                sleep(seconds(5)).await;
            }
            assert!(started.elapsed() < seconds(10), "{:?}", started.elapsed());
            sleep(seconds(1)).await;
            assert_eq!(committed(&cluster), filled(&["after"]));
            assert_eq!(open(&cluster), 0, "transaction.version {version}");
        }
    }
}

/// Leaves a transaction open with nobody to end it.
async fn forget(producer: &mut TransactionalProducer, spoilt: bool) {
    let transaction = producer.begin().await.unwrap();
    for delivery in fill(&transaction, "forgotten").await {
        delivery.await.unwrap();
    }
    if spoilt {
        let too_large = vec![0; 2 << 20];
        let refused = transaction.send(Record::to("orders").value(&too_large));
        refused.await.unwrap_err();
    }
    std::mem::forget(transaction);
}

#[tokio::test(start_paused = true)]
async fn a_closed_producer_says_so() {
    let (cluster, client) = start(2).await;
    let mut producer = producer(&client).await;
    producer.close(Duration::MAX).await.unwrap();
    let error = producer.begin().await.unwrap_err();
    assert!(matches!(error, TransactionError::Fatal(_)), "{error}");
    assert_eq!(asked(&cluster, ApiKey::END_TXN), 0);
}

#[tokio::test(start_paused = true)]
async fn an_abort_does_not_wait_for_a_broker_that_is_down() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        for delivery in fill(&transaction, "stored").await {
            delivery.await.unwrap();
        }
        // Another than the coordinator, or that would have to be waited for.
        let coordinator = cluster.coordinator(milena_broker::CoordinatorType::Transaction, "tx");
        let node = (1..=3).find(|node| Some(*node) != coordinator).unwrap();
        cluster.node_down(node).await.unwrap();
        let stuck = fill(&transaction, "stuck").await;
        sleep(seconds(1)).await;
        let started = Instant::now();
        transaction.abort().await.unwrap();
        assert!(started.elapsed() < seconds(31), "{:?}", started.elapsed());
        for delivery in stuck {
            if let Some(Err(error)) = delivery.try_get() {
                assert_eq!(error.kind(), ProduceErrorKind::Aborted);
            }
        }
        cluster.node_up(node).await.unwrap();
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "next").await;
        transaction.commit().await.unwrap();
        sleep(seconds(2)).await;
        assert_eq!(
            committed(&cluster),
            filled(&["next"]),
            "transaction.version {version}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_waits_for_what_is_in_flight() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        for delivery in fill(&transaction, "stored").await {
            delivery.await.unwrap();
        }
        // Nothing of a transaction may arrive behind the markers that end it.
        cluster
            .faults()
            .push(Fault::delay(seconds(5)).on(ApiKey::PRODUCE).always());
        let flying = fill(&transaction, "flying").await;
        sleep(seconds(1)).await;
        let started = Instant::now();
        transaction.abort().await.unwrap();
        assert!(started.elapsed() > seconds(3), "{:?}", started.elapsed());
        for delivery in flying {
            delivery.try_get().expect("settled").unwrap();
        }
        sleep(seconds(1)).await;
        let audit = cluster.audit();
        assert_eq!((audit.open(), audit.aborted(), audit.lost()), (0, 12, 0));
    }
}
