//! Coordinators that move, fall, load, and lose what they are asked.

use std::sync::Arc;

use milena_broker::{
    Cluster, CoordinatorType, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::sleep;

use crate::held::{VERSIONS, committed, fill, filled, ms, open, producer, seconds, start};

const APIS: [ApiKey; 4] = [
    ApiKey::FIND_COORDINATOR,
    ApiKey::INIT_PRODUCER_ID,
    ApiKey::ADD_PARTITIONS_TO_TXN,
    ApiKey::END_TXN,
];

/// Moves the coordinator to the next node.
fn move_on(cluster: &Arc<Cluster>) {
    let of = CoordinatorType::Transaction;
    let node = cluster.coordinator(of, "tx").unwrap();
    cluster.move_coordinator(of, "tx", node % 3 + 1).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_moves_is_followed() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        for text in ["0", "1", "2", "3"] {
            move_on(&cluster);
            let transaction = producer.begin().await.unwrap();
            move_on(&cluster);
            let deliveries = fill(&transaction, text).await;
            move_on(&cluster);
            for delivery in deliveries {
                delivery.await.unwrap();
            }
            move_on(&cluster);
            transaction.commit().await.unwrap();
        }
        sleep(seconds(1)).await;
        assert_eq!(
            committed(&cluster),
            filled(&["0", "1", "2", "3"]),
            "{version}"
        );
        assert_eq!(open(&cluster), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn passing_errors_of_every_request_are_waited_out() {
    for version in VERSIONS {
        for api in APIS {
            for code in [
                ErrorCode::COORDINATOR_LOAD_IN_PROGRESS,
                ErrorCode::COORDINATOR_NOT_AVAILABLE,
                ErrorCode::NOT_COORDINATOR,
                ErrorCode::CONCURRENT_TRANSACTIONS,
                ErrorCode::REQUEST_TIMED_OUT,
            ] {
                let (cluster, client) = start(version).await;
                cluster.faults().push(Fault::error(code).on(api).times(3));
                let mut producer = producer(&client).await;
                for text in ["0", "1"] {
                    let transaction = producer.begin().await.unwrap();
                    fill(&transaction, text).await;
                    transaction.commit().await.unwrap();
                }
                sleep(seconds(1)).await;
                assert_eq!(committed(&cluster), filled(&["0", "1"]), "{api:?} {code}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lost_requests_and_answers_of_every_request_are_made_good() {
    for version in VERSIONS {
        for api in APIS {
            for fault in [
                Fault::lose_request(),
                Fault::lose_answer(),
                Fault::garbage(),
            ] {
                let (cluster, client) = start(version).await;
                cluster.faults().push(fault.clone().on(api).times(2));
                let mut producer = producer(&client).await;
                for text in ["0", "1"] {
                    let transaction = producer.begin().await.unwrap();
                    fill(&transaction, text).await;
                    transaction.commit().await.unwrap();
                }
                sleep(seconds(1)).await;
                assert_eq!(
                    committed(&cluster),
                    filled(&["0", "1"]),
                    "{api:?} {fault:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_not_repeated_without_a_pause() {
    let (cluster, client) = start(1).await;
    let mut producer = producer(&client).await;
    for api in [ApiKey::ADD_PARTITIONS_TO_TXN, ApiKey::END_TXN] {
        let code = ErrorCode::NOT_COORDINATOR;
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "x").await;
        let fault = cluster.faults().push(Fault::error(code).on(api).always());
        let before = cluster.request_count(api);
        let ending = transaction.commit();
        assert!(tokio::time::timeout(seconds(20), ending).await.is_err());
        let times = cluster.request_count(api) - before;
        assert!(
            (10..60).contains(&times),
            "{api:?}: asked {times} times in 20 s"
        );
        cluster.faults().remove(fault);
    }
}

#[tokio::test(start_paused = true)]
async fn brokers_that_restart_one_after_the_other_disturb_nothing() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        let restarting = {
            let cluster = cluster.clone();
            tokio::spawn(async move {
                for round in 0..6 {
                    let node = round % 3 + 1;
                    sleep(ms(700)).await;
                    cluster.node_down(node).await.unwrap();
                    sleep(ms(1500)).await;
                    cluster.node_up(node).await.unwrap();
                }
            })
        };
        let mut texts = Vec::new();
        for number in 0.. {
            let text = number.to_string();
            let transaction = producer.begin().await.unwrap();
            fill(&transaction, &text).await;
            if number % 4 == 3 {
                transaction.abort().await.unwrap();
            } else {
                transaction.commit().await.unwrap();
                texts.push(text);
            }
            sleep(ms(50)).await;
            if restarting.is_finished() {
                break;
            }
        }
        sleep(seconds(2)).await;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert!(texts.len() > 10, "{}", texts.len());
        assert_eq!(
            committed(&cluster),
            filled(&texts),
            "transaction.version {version}"
        );
        assert_eq!((open(&cluster), cluster.audit().duplicated()), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn leaders_that_move_within_a_transaction_are_followed() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        for (text, node) in [("0", 1), ("1", 2), ("2", 3)] {
            let transaction = producer.begin().await.unwrap();
            let deliveries = fill(&transaction, text).await;
            for topic in ["orders", "bills"] {
                for partition in 0..3 {
                    cluster.move_leader(topic, partition, node).unwrap();
                }
            }
            for delivery in deliveries {
                delivery.await.unwrap();
            }
            transaction.commit().await.unwrap();
        }
        sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["0", "1", "2"]), "{version}");
    }
}
