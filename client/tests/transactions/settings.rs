//! Settings that cannot be, those of every producer, and clusters without transactions.

use std::collections::BTreeSet;

use milena::{Acks, FatalErrorKind, Record, RoundRobin, TransactionError};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::Instant;

use crate::{
    held::{ms, seconds, start},
    network,
};

#[tokio::test(start_paused = true)]
async fn what_does_not_go_with_transactions_is_a_clear_error() {
    let (_cluster, client) = start(2).await;
    let new = || client.transactional_producer("tx");
    let cases = [
        (
            new().acks(Acks::Leader),
            "acks: Leader does not go with idempotence, which needs All",
        ),
        (
            new().acks(Acks::None),
            "acks: None does not go with idempotence, which needs All",
        ),
        (
            new().idempotence(false),
            "idempotence: false does not go with transactions",
        ),
        (
            new().retries(0),
            "retries: must be at least 1 with idempotence",
        ),
        (
            new().max_in_flight(6),
            "max_in_flight: 6 must be at most 5 with idempotence; switch idempotence off to allow more",
        ),
        (
            new().transaction_timeout(ms(0)),
            "transaction_timeout: 0ns must be at least 1 ms and at most 24 days",
        ),
        (
            new().batch_size(usize::MAX),
            "batch_size: 18446744073709551615 must be less than 2 GiB",
        ),
        (
            client.transactional_producer(""),
            "transactional_id: must not be empty",
        ),
        (
            client.transactional_producer("x".repeat(32_768)),
            "transactional_id: must be 32767 bytes or less",
        ),
    ];
    for (builder, told) in cases {
        let error = builder.build().await.unwrap_err();
        assert!(matches!(error, TransactionError::Config(_)), "{error}");
        assert_eq!(error.to_string(), told);
    }
    new()
        .acks(Acks::All)
        .idempotence(true)
        .build()
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn partitions_are_chosen_as_in_other_producers() {
    let (_cluster, client) = start(2).await;
    let new = || client.transactional_producer("tx").batch_size(1);
    let in_turn = new().partitioner(RoundRobin::new());
    let by_load = new()
        .ignore_keys(true)
        .adaptive_partitioning(true)
        .availability_timeout(seconds(1))
        .rack("nowhere");
    for (builder, expected) in [(in_turn, 3), (by_load, 3), (new(), 1)] {
        let mut producer = builder.build().await.unwrap();
        let transaction = producer.begin().await.unwrap();
        let mut partitions = BTreeSet::new();
        for _ in 0..60 {
            let record = Record::to("orders").key("always the same").value("v");
            partitions.insert(transaction.send(record).await.unwrap().partition());
        }
        transaction.commit().await.unwrap();
        assert_eq!(partitions.len(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_transactions_is_a_fatal_error() {
    for api in [ApiKey::FIND_COORDINATOR, ApiKey::INIT_PRODUCER_ID] {
        let cluster = network::start(Cluster::builder().without_api(api)).await;
        let client = network::client(&cluster).connect().await.unwrap();
        let error = client
            .transactional_producer("tx")
            .build()
            .await
            .unwrap_err();
        let TransactionError::Fatal(fatal) = &error else {
            panic!("{error}");
        };
        assert_eq!(fatal.kind(), FatalErrorKind::Unsupported, "{error}");
    }
    // The first version of the question for coordinators knows groups only.
    let builder = Cluster::builder().max_version(ApiKey::FIND_COORDINATOR, 0);
    let cluster = network::start(builder).await;
    let client = network::client(&cluster).connect().await.unwrap();
    let error = client
        .transactional_producer("tx")
        .build()
        .await
        .unwrap_err();
    assert!(matches!(error, TransactionError::Fatal(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_producer_without_a_coordinator_is_not_waited_for_for_ever() {
    let (cluster, client) = start(2).await;
    let code = ErrorCode::COORDINATOR_NOT_AVAILABLE;
    cluster
        .faults()
        .push(Fault::error(code).on(ApiKey::FIND_COORDINATOR).always());
    let started = Instant::now();
    let builder = client.transactional_producer("tx").max_block(seconds(7));
    let error = builder.build().await.unwrap_err();
    assert!(matches!(error, TransactionError::Retriable(_)), "{error}");
    assert_eq!(error.code(), Some(15), "{error}");
    let waited = started.elapsed();
    assert!(waited >= seconds(7) && waited < seconds(8), "{waited:?}");
    assert!(cluster.request_count(ApiKey::FIND_COORDINATOR) < 20);
}
