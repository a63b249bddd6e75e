//! Transactions that nothing disturbs.

use milena::{Compression, Record, TransactionError};
use milena_broker::protocol::ApiKey;

use crate::held::{VERSIONS, asked, committed, fill, filled, ms, open, producer, seconds, start};

#[tokio::test(start_paused = true)]
async fn what_is_committed_counts_and_what_is_aborted_does_not() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        for number in 0..12 {
            let transaction = producer.begin().await.unwrap();
            let deliveries = fill(&transaction, &number.to_string()).await;
            if number % 3 == 2 {
                transaction.abort().await.unwrap();
            } else {
                transaction.commit().await.unwrap();
                for delivery in deliveries {
                    delivery.await.unwrap();
                }
            }
        }
        let expected = filled(&["0", "1", "3", "4", "6", "7", "9", "10"]);
        // The markers may still be on their way when the coordinator has answered.
        tokio::time::sleep(seconds(1)).await;
        assert_eq!(
            committed(&cluster),
            expected,
            "transaction.version {version}"
        );
        assert_eq!((open(&cluster), cluster.audit().lost()), (0, 0));
        producer.close(seconds(10)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn records_that_were_stored_before_an_abort_do_not_count_either() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        let transaction = producer.begin().await.unwrap();
        for delivery in fill(&transaction, "aborted").await {
            assert!(delivery.await.unwrap().offset().is_some());
        }
        assert_eq!(open(&cluster), 6);
        transaction.abort().await.unwrap();
        tokio::time::sleep(seconds(1)).await;
        let audit = cluster.audit();
        assert_eq!(
            (audit.open(), audit.aborted(), audit.committed()),
            (0, 6, 0)
        );
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, "next").await;
        transaction.commit().await.unwrap();
        tokio::time::sleep(seconds(1)).await;
        assert_eq!(committed(&cluster), filled(&["next"]));
    }
}

#[tokio::test(start_paused = true)]
async fn many_records_in_batches_of_every_codec() {
    for compression in [Compression::NONE, Compression::LZ4, Compression::ZSTD] {
        let (cluster, client) = start(2).await;
        let builder = client.transactional_producer("tx").compression(compression);
        let mut producer = builder.build().await.unwrap();
        for number in 0..6 {
            let transaction = producer.begin().await.unwrap();
            let orders = transaction.topic("orders");
            for record in 0..5000 {
                let value = format!("{number} {record} some more of it to compress");
                let record = orders.record().value(value.as_str());
                drop(orders.send(record).await.unwrap());
            }
            if number % 2 == 0 {
                transaction.commit().await.unwrap();
            } else {
                transaction.abort().await.unwrap();
            }
        }
        tokio::time::sleep(seconds(1)).await;
        let counted = committed(&cluster);
        assert_eq!(counted.len(), 15_000, "{compression:?}");
        assert!(
            counted
                .iter()
                .all(|text| ["0 ", "2 ", "4 "].contains(&&text[..2]))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_does_not_wait_for_linger() {
    let (cluster, client) = start(2).await;
    let builder = client.transactional_producer("tx").linger(seconds(30));
    let mut producer = builder.build().await.unwrap();
    let transaction = producer.begin().await.unwrap();
    let started = tokio::time::Instant::now();
    fill(&transaction, "soon").await;
    transaction.commit().await.unwrap();
    assert!(started.elapsed() < seconds(2), "{:?}", started.elapsed());
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(committed(&cluster), filled(&["soon"]));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_without_anything_asks_nobody() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        for number in 0..4 {
            let transaction = producer.begin().await.unwrap();
            if number % 2 == 0 {
                transaction.commit().await.unwrap();
            } else {
                transaction.abort().await.unwrap();
            }
        }
        assert_eq!(asked(&cluster, ApiKey::END_TXN), 0);
        assert_eq!(asked(&cluster, ApiKey::INIT_PRODUCER_ID), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn each_generation_is_spoken_in_its_versions() {
    for version in VERSIONS {
        let (cluster, client) = start(version).await;
        let mut producer = producer(&client).await;
        for _ in 0..3 {
            let transaction = producer.begin().await.unwrap();
            fill(&transaction, "x").await;
            transaction.commit().await.unwrap();
        }
        let versions = |api: ApiKey| {
            let requests = cluster
                .requests()
                .into_iter()
                .filter(move |entry| entry.api == api);
            requests.map(|entry| entry.version).collect::<Vec<_>>()
        };
        let (produced, ended) = (versions(ApiKey::PRODUCE), versions(ApiKey::END_TXN));
        let added = versions(ApiKey::ADD_PARTITIONS_TO_TXN);
        assert!(!produced.is_empty() && ended.len() == 3);
        if version == 2 {
            assert!(produced.iter().all(|v| *v >= 12), "{produced:?}");
            assert_eq!((ended, added), (vec![5; 3], vec![]));
        } else {
            assert!(produced.iter().all(|v| *v == 11), "{produced:?}");
            assert_eq!(ended, [4; 3]);
            assert!(
                added.len() >= 3 && added.iter().all(|v| *v == 3),
                "{added:?}"
            );
        }
        // Other producers are not held to that.
        let plain = client.producer().build().unwrap();
        plain
            .send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
        assert!(versions(ApiKey::PRODUCE).last().is_some_and(|v| *v >= 12));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_takes_up_the_newer_generation_is_followed() {
    let (cluster, client) = start(1).await;
    let mut producer = producer(&client).await;
    let transaction = producer.begin().await.unwrap();
    fill(&transaction, "old").await;
    cluster
        .with_state(|state| state.set_transaction_version(2))
        .unwrap();
    transaction.commit().await.unwrap();
    // It is noticed with the next connection.
    let leader = cluster
        .with_state(|state| state.leader("orders", 0))
        .unwrap()
        .0;
    cluster.node_down(leader).await.unwrap();
    cluster.node_up(leader).await.unwrap();
    tokio::time::sleep(seconds(2)).await;
    for text in ["between", "new"] {
        let transaction = producer.begin().await.unwrap();
        fill(&transaction, text).await;
        transaction.commit().await.unwrap();
    }
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(committed(&cluster), filled(&["old", "between", "new"]));
    let mut ended = cluster
        .requests()
        .into_iter()
        .filter(|entry| entry.api == ApiKey::END_TXN);
    assert_eq!(ended.next_back().map(|entry| entry.version), Some(5));
}

#[tokio::test(start_paused = true)]
async fn try_send_gives_a_record_back_without_spoiling_anything() {
    let (cluster, client) = start(2).await;
    let builder = client.transactional_producer("tx").buffer_memory(16 * 1024);
    let mut producer = builder.build().await.unwrap();
    let transaction = producer.begin().await.unwrap();
    let (mut accepted, mut refused) = (0, 0);
    while accepted < 1000 {
        match transaction.try_send(Record::to("orders").value("some value")) {
            Ok(_) => accepted += 1,
            Err(milena::TrySendError::Rejected(error)) => panic!("{error}"),
            Err(_) => {
                refused += 1;
                tokio::time::sleep(ms(1)).await;
            }
        }
    }
    transaction
        .commit()
        .await
        .map_err(TransactionError::from)
        .unwrap();
    tokio::time::sleep(seconds(1)).await;
    assert!(refused > 0);
    assert_eq!(cluster.audit().committed(), 1000);
}

/// On real time, over TCP, with threads.
#[tokio::test(flavor = "multi_thread")]
async fn over_tcp() {
    let cluster = milena_broker::Cluster::builder()
        .nodes(3)
        .topic("orders", 3)
        .topic("bills", 3)
        .start()
        .await
        .unwrap();
    let client = milena::Client::builder(cluster.bootstrap())
        .connect()
        .await
        .unwrap();
    let mut producer = producer(&client).await;
    let texts: Vec<String> = (0..30).map(|number| number.to_string()).collect();
    let sent = texts.clone();
    let sending = tokio::spawn(async move {
        for text in &sent {
            let transaction = producer.begin().await.unwrap();
            fill(&transaction, text).await;
            transaction.commit().await.unwrap();
        }
        producer.close(seconds(10)).await.unwrap();
    });
    sending.await.unwrap();
    // The markers may still be on their way when the coordinator has answered.
    let marked = async {
        while open(&cluster) > 0 {
            tokio::time::sleep(ms(1)).await;
        }
    };
    tokio::time::timeout(seconds(60), marked).await.unwrap();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(committed(&cluster), filled(&texts));
}
