//! Settings, and what they change.

use std::time::Duration;

use milena::{Acks, ProducerBuilder, Record};
use milena_broker::{Cluster, Fault, protocol::ApiKey};

use crate::{
    stored::{Flow, Stored, check_present, stored},
    tcp::{HOUR, drained, orders, run, start},
};

#[test]
fn acknowledgements_of_every_kind() {
    run(async {
        let (cluster, client) = orders(1).await;
        let mut expected = 0;
        for (acks, told) in [
            (Acks::None, None),
            (Acks::Leader, Some(10)),
            (Acks::All, Some(20)),
        ] {
            let producer = client.producer().acks(acks).build().unwrap();
            for nth in 0..10 {
                let delivery = producer
                    .send(Record::to("orders").value("v"))
                    .await
                    .unwrap();
                let offset = delivery.await.unwrap().offset();
                assert_eq!(offset, told.map(|first: i64| first + nth), "{acks:?}");
            }
            // With acks 0, what was written to the connection may still be on its way.
            expected += 10;
            while cluster.with_state(|state| state.log_range("orders", 0).unwrap().1) < expected {
                tokio::task::yield_now().await;
            }
            drained(&producer).await;
        }
        let log = stored(&cluster, "orders", 0);
        assert_eq!(log.len(), 30);
        let numbered = |record: &Stored| record.producer_id >= 0;
        assert!(!log[..20].iter().any(numbered) && log[20..].iter().all(numbered));
    });
}

#[test]
fn idempotence_can_be_switched_off() {
    run(async {
        let (cluster, client) = orders(2).await;
        let producer = client
            .producer()
            .idempotence(false)
            .max_in_flight(20)
            .batch_size(200)
            .build()
            .unwrap();
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 2, 1000).await;
        flow.settle_well(&cluster, "orders").await;
        assert!(
            stored(&cluster, "orders", 0)
                .iter()
                .all(|record| record.producer_id == -1)
        );
        assert_eq!(cluster.request_count(ApiKey::INIT_PRODUCER_ID), 0);
    });
}

#[test]
fn a_setting_that_cannot_be_is_named() {
    run(async {
        let (_cluster, client) = orders(1).await;
        let second = Duration::from_secs(1);
        type Change = fn(ProducerBuilder) -> ProducerBuilder;
        let refused: [(&str, Change); 12] = [
            ("max_in_flight", |p| p.max_in_flight(0)),
            ("max_in_flight", |p| p.max_in_flight(6)),
            ("max_request_size", |p| p.max_request_size(0)),
            ("batch_size", |p| {
                p.batch_size(1 << 31).buffer_memory(1 << 32)
            }),
            ("buffer_memory", |p| p.buffer_memory(1000).batch_size(1)),
            ("buffer_memory", |p| p.buffer_memory(10_000)),
            ("request_timeout", |p| p.request_timeout(Duration::ZERO)),
            ("delivery_timeout", |p| {
                p.delivery_timeout(Duration::from_secs(30))
            }),
            ("acks", |p| p.acks(Acks::Leader).idempotence(true)),
            ("acks", |p| p.acks(Acks::None).idempotence(true)),
            ("retries", |p| p.retries(0).idempotence(true)),
            ("retry_backoff", |p| {
                p.retry_backoff(Duration::from_secs(2), Duration::from_secs(1))
            }),
        ];
        for (nth, (field, change)) in refused.into_iter().enumerate() {
            let error = change(client.producer())
                .build()
                .map(drop)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(&format!("{field}: ")), "{nth}: {error}");
        }
        let accepted: [Change; 7] = [
            |p| p.max_in_flight(6).idempotence(false),
            |p| p.max_in_flight(6).acks(Acks::Leader).idempotence(false),
            |p| p.acks(Acks::None),
            |p| p.retries(0),
            |p| p.batch_size(0).linger(Duration::ZERO),
            |p| p.buffer_memory(1024).batch_size(1024),
            |p| p.linger(HOUR),
        ];
        for (nth, change) in accepted.into_iter().enumerate() {
            let producer = change(client.producer())
                .build()
                .unwrap_or_else(|e| panic!("{nth}: {e}"));
            let delivery = producer
                .send(Record::to("orders").value("v"))
                .await
                .unwrap();
            producer.flush().await;
            delivery.await.unwrap();
        }
        let exact = client
            .producer()
            .linger(second)
            .delivery_timeout(31 * second);
        exact.build().unwrap();
    });
}

#[test]
fn brokers_of_any_age_are_spoken_to() {
    run(async {
        for version in 3..=13 {
            let cluster = Cluster::builder()
                .topic("orders", 2)
                .max_version(ApiKey::PRODUCE, version);
            let (cluster, client) = start(cluster).await;
            let producer = client.producer().build().unwrap();
            let mut flow = Flow::default();
            flow.send(&producer, "orders", 2, 100).await;
            flow.settle_well(&cluster, "orders").await;
            let requests = cluster.requests();
            assert!(
                requests
                    .iter()
                    .any(|r| r.api == ApiKey::PRODUCE && r.version == version)
            );
        }
    });
}

#[test]
fn without_idempotence_a_lost_answer_may_store_twice_and_never_loses() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .idempotence(false)
            .max_in_flight(1)
            .batch_size(200)
            .build()
            .unwrap();
        cluster
            .faults()
            .push(Fault::lose_answer().on(ApiKey::PRODUCE).after(3));
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 1, 200).await;
        let outcomes = flow.settle().await;
        assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
        check_present(&cluster, "orders", &outcomes);
    });
}

#[test]
fn a_caller_may_be_blocked_for_as_long_as_it_takes() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .max_block(Duration::MAX)
            .buffer_memory(40 * 1024)
            .build()
            .unwrap();
        assert_eq!(producer.partitions_for("orders").await.unwrap(), 1);
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 1, 1).await;
        // Far more than there is memory for.
        let value = vec![1; 20_000];
        for _ in 0..20 {
            let record = Record::to("orders").value(&value);
            drop(producer.send(record).await.unwrap());
        }
        producer.flush().await;
        assert_eq!(cluster.audit().stored(), 21);
    });
}
