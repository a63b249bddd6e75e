//! Flush, close, and other ends.

use std::time::Duration;

use milena::{Client, CloseError, Persistence, ProduceErrorKind, Record, TrySendError};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::timeout;

use crate::{
    stored::Flow,
    tcp::{HANG, HOUR, drained, hang, orders, run, runtime, start},
};

#[test]
fn flush_waits_for_everything_and_for_no_linger() {
    run(async {
        let (cluster, client) = orders(6).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        let mut flow = Flow::default();
        for _ in 0..5 {
            flow.send(&producer, "orders", 6, 100).await;
            producer.flush().await;
            for (_, delivery) in &flow.sent {
                delivery.try_get().unwrap().unwrap();
            }
        }
        flow.settle_well(&cluster, "orders").await;
        // With nothing to wait for, and with what fails.
        producer.flush().await;
        cluster
            .faults()
            .push(Fault::error(ErrorCode::INVALID_RECORD).on(ApiKey::PRODUCE));
        let delivery = producer.send(Record::to("orders")).await.unwrap();
        producer.flush().await;
        let error = delivery.try_get().unwrap().unwrap_err();
        assert_eq!(
            (error.kind(), error.code()),
            (ProduceErrorKind::Refused, Some(87))
        );
    });
}

#[test]
fn a_flush_that_is_given_up_loses_nothing() {
    run(async {
        let (cluster, client) = orders(3).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        let mut flow = Flow::default();
        for _ in 0..20 {
            flow.send(&producer, "orders", 3, 10).await;
            let _ = timeout(Duration::ZERO, producer.flush()).await;
        }
        flow.settle_well(&cluster, "orders").await;
        drained(&producer).await;
    });
}

#[test]
fn close_delivers_everything_and_takes_no_more() {
    run(async {
        let (cluster, client) = orders(3).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        let other = producer.clone();
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 3, 1000).await;
        let (first, second) = tokio::join!(producer.close(HANG), other.close(HANG));
        assert_eq!((first, second), (Ok(()), Ok(())));
        flow.settle_well(&cluster, "orders").await;
        for record in [Record::to("orders"), Record::to("unknown")] {
            let error = other.send(record.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::Closed, "{error}");
            assert!(matches!(
                other.try_send(record),
                Err(TrySendError::Rejected(_))
            ));
        }
        assert_eq!(producer.close(Duration::ZERO).await, Ok(()));
        assert_eq!(producer.buffered(), 0);
        // The client lives on.
        let next = client.producer().build().unwrap();
        next.send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
    });
}

#[test]
fn close_while_others_send_delivers_all_that_was_accepted() {
    run(async {
        let (cluster, client) = orders(3).await;
        let mut accepted = 0;
        for _ in 0..20 {
            let producer = client.producer().batch_size(500).build().unwrap();
            let senders = (0..4).map(|_| {
                let producer = producer.clone();
                tokio::spawn(async move {
                    let mut deliveries = Vec::new();
                    loop {
                        match producer.send(Record::to("orders").value(&[1; 50])).await {
                            Ok(delivery) => deliveries.push(delivery),
                            Err(error) => {
                                assert_eq!(error.kind(), ProduceErrorKind::Closed, "{error}");
                                return deliveries;
                            }
                        }
                    }
                })
            });
            let senders: Vec<_> = senders.collect();
            tokio::time::sleep(Duration::from_millis(5)).await;
            producer.close(HANG).await.unwrap();
            for sender in senders {
                for delivery in sender.await.unwrap() {
                    delivery.await.unwrap();
                    accepted += 1;
                }
            }
            assert_eq!(producer.buffered(), 0);
        }
        assert_eq!(cluster.audit().stored(), accepted);
    });
}

#[test]
fn close_tells_how_many_records_a_broker_that_hangs_did_not_take() {
    run(async {
        let (cluster, client) = orders(1).await;
        cluster.faults().push(hang());
        let producer = client
            .producer()
            .max_in_flight(1)
            .linger(Duration::ZERO)
            .buffer_memory(40 * 1024);
        let producer = producer.batch_size(1000).max_block(HOUR).build().unwrap();
        let mut deliveries = vec![
            producer
                .send(Record::to("orders").value("first"))
                .await
                .unwrap(),
        ];
        while cluster.request_count(ApiKey::PRODUCE) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in 0..9 {
            deliveries.push(
                producer
                    .send(Record::to("orders").value(&[1; 400]))
                    .await
                    .unwrap(),
            );
        }
        // Somebody waits for memory, and somebody for a topic.
        let waiting = producer.clone();
        let large = vec![1; 39_900];
        let memory =
            tokio::spawn(async move { waiting.send(Record::to("orders").value(&large)).await });
        let waiting = producer.clone();
        let topic =
            tokio::spawn(async move { waiting.send(Record::to("orders").partition(7)).await });
        let (short, long) = tokio::join!(
            producer.close(Duration::from_millis(200)),
            producer.close(HANG)
        );
        assert_eq!(short, Err(CloseError::Undelivered(10)));
        assert_eq!(long, short, "both saw the same end");
        assert_eq!(producer.close(HANG).await, short);
        for (nth, delivery) in deliveries.into_iter().enumerate() {
            let error = delivery.await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::Closed, "{error}");
            let expected = if nth == 0 {
                Persistence::Maybe
            } else {
                Persistence::No
            };
            assert_eq!(error.persistence(), expected, "{nth}: {error}");
        }
        for waited in [memory, topic] {
            assert_eq!(
                waited.await.unwrap().unwrap_err().kind(),
                ProduceErrorKind::Closed
            );
        }
        drained(&producer).await;
    });
}

#[test]
fn without_its_runtime_a_record_that_no_broker_was_asked_to_take_resolves_too() {
    let serving = runtime();
    let builder = Cluster::builder()
        .nodes(2)
        .replication_factor(1)
        .topic("orders", 2);
    let (cluster, _) = serving.block_on(start(builder));
    serving.block_on(cluster.node_down(2)).unwrap();
    let leaderless = |partition: &i32| {
        cluster
            .with_state(|s| s.leader("orders", *partition))
            .is_none()
    };
    let dead = (0..2).find(leaderless).unwrap();
    let doomed = runtime();
    let (_producer, delivery) = doomed.block_on(async {
        let client = Client::builder(cluster.bootstrap())
            .connect()
            .await
            .unwrap();
        let producer = client.producer().build().unwrap();
        let record = Record::to("orders").partition(dead);
        let delivery = producer.send(record).await.unwrap();
        (producer, delivery)
    });
    doomed.shutdown_background();
    let error = serving
        .block_on(async { timeout(HANG, delivery).await.expect("it resolves") })
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.persistence()),
        (ProduceErrorKind::Closed, Persistence::No)
    );
}

#[test]
fn dropping_the_last_handle_delivers_what_was_accepted() {
    run(async {
        let (cluster, client) = orders(3).await;
        for round in 1..=3 {
            let producer = client.producer().linger(HOUR).build().unwrap();
            for _ in 0..100 {
                let record = Record::to("orders").value("v").timestamp(round);
                drop(producer.clone().send(record).await.unwrap());
            }
            drop(producer);
            while cluster.audit().acknowledged() < u64::try_from(round).unwrap() * 100 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        assert_eq!(cluster.audit().stored(), 300);
    });
}

#[test]
fn without_its_runtime_a_producer_ends_and_every_delivery_resolves() {
    let serving = runtime();
    let (cluster, _) = serving.block_on(orders(2));
    cluster.faults().push(hang());
    for handles_left in [true, false] {
        let doomed = runtime();
        let (producer, deliveries, waiting) = doomed.block_on(async {
            let client = Client::builder(cluster.bootstrap())
                .connect()
                .await
                .unwrap();
            let producer = client
                .producer()
                .buffer_memory(64 * 1024)
                .max_block(HOUR)
                .build()
                .unwrap();
            let before = cluster.request_count(ApiKey::PRODUCE);
            let mut deliveries = Vec::new();
            for partition in [0, 1] {
                for _ in 0..10 {
                    let record = Record::to("orders").partition(partition).value(&[1; 1000]);
                    deliveries.push(producer.send(record).await.unwrap());
                }
            }
            let waiting = [(0, 60_000), (9, 1)].map(|(partition, length)| {
                let producer = producer.clone();
                // Elsewhere, so that it is not gone with the runtime.
                serving.spawn(async move {
                    let value = vec![1; length];
                    producer
                        .send(Record::to("orders").partition(partition).value(&value))
                        .await
                })
            });
            while cluster.request_count(ApiKey::PRODUCE) == before {
                tokio::task::yield_now().await;
            }
            (producer, deliveries, waiting)
        });
        let producer = handles_left.then_some(producer);
        let resolving = serving.spawn(async move {
            for delivery in deliveries {
                let error = delivery.await.unwrap_err();
                assert_eq!(error.kind(), ProduceErrorKind::Closed, "{error}");
            }
        });
        doomed.shutdown_background();
        serving.block_on(async {
            timeout(HANG, resolving)
                .await
                .expect("deliveries resolve")
                .unwrap();
            for waiting in waiting {
                let sent = timeout(HANG, waiting).await.expect("sends return").unwrap();
                assert_eq!(sent.unwrap_err().kind(), ProduceErrorKind::Closed);
            }
            let Some(producer) = producer else { return };
            let error = producer.send(Record::to("orders")).await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::Closed);
            producer.flush().await;
            assert_eq!(producer.close(HANG).await, Err(CloseError::Undelivered(20)));
        });
    }
}
