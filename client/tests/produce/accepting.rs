//! What is accepted, what is not, and what is waited for.

use std::{collections::BTreeSet, future::Future};

use milena::{Persistence, ProduceErrorKind, Producer, Record, TrySendError};
use milena_broker::Cluster;
use tokio::time::{Instant, sleep};

use crate::{
    faults::ms,
    stored::stored,
    tcp::{HANG, HOUR, orders, run, runtime, start},
};

#[test]
fn an_explicit_partition_is_taken_and_one_that_there_is_not_is_an_error() {
    run(async {
        let (cluster, client) = orders(3).await;
        let patient = client.producer().max_block(HOUR).build().unwrap();
        for partition in [2, 0, 1] {
            let record = Record::to("orders")
                .key("always the same")
                .partition(partition);
            assert_eq!(
                patient
                    .send(record)
                    .await
                    .unwrap()
                    .await
                    .unwrap()
                    .partition(),
                partition
            );
        }
        for partition in [-1, i32::MIN] {
            for topic in ["orders", "not looked up yet"] {
                let record = Record::to(topic).partition(partition);
                let error = patient.send(record.clone()).await.unwrap_err();
                let known = (error.kind(), error.partition(), error.persistence());
                let expected = (ProduceErrorKind::Invalid, Some(partition), Persistence::No);
                assert_eq!(known, expected, "{error}");
                assert!(matches!(
                    patient.try_send(record),
                    Err(TrySendError::Rejected(_))
                ));
            }
        }
        let producer = client.producer().max_block(ms(200)).build().unwrap();
        for partition in [3, i32::MAX] {
            let error = producer
                .send(Record::to("orders").partition(partition))
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::UnknownTopic, "{error}");
            let says = format!("{partition}");
            assert!(
                error.to_string().contains(&says) && error.to_string().contains('3'),
                "{error}"
            );
            assert_eq!(
                (error.persistence(), error.partition()),
                (Persistence::No, Some(partition))
            );
            let record = Record::to("orders").partition(partition);
            assert!(matches!(
                producer.try_send(record),
                Err(TrySendError::NotReady(_))
            ));
        }
        assert_eq!(cluster.audit().stored(), 3);
    });
}

#[test]
fn partitions_that_are_added_are_found_and_used() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client.producer().batch_size(100).build().unwrap();
        producer
            .send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
        client
            .admin()
            .create_partitions([("orders", 4)])
            .await
            .remove(0)
            .result
            .unwrap();
        // Waits until the partition is known.
        let delivery = producer
            .send(Record::to("orders").partition(3))
            .await
            .unwrap();
        assert_eq!(delivery.await.unwrap().offset(), Some(0));
        assert_eq!(producer.partitions_for("orders").await.unwrap(), 4);
        let mut used = BTreeSet::new();
        for _ in 0..200 {
            used.insert(
                producer
                    .send(Record::to("orders").value(&[1; 90]))
                    .await
                    .unwrap()
                    .partition(),
            );
        }
        producer.flush().await;
        assert_eq!(used, (0..4).collect());
        assert_eq!(cluster.audit().acknowledged(), 202);
    });
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_there_is_not_is_an_error_within_max_block() {
    let builder = Cluster::builder().auto_create_topics(false);
    let (_cluster, client) = crate::faults::start(builder).await;
    let producer = client.producer().max_block(ms(300)).build().unwrap();
    for topic in ["orders", "not a name", ""] {
        let started = Instant::now();
        let error = producer
            .send(Record::to(topic).value("v"))
            .await
            .unwrap_err();
        assert!(started.elapsed() <= ms(301), "{:?}", started.elapsed());
        assert_eq!(
            (error.kind(), error.topic()),
            (ProduceErrorKind::UnknownTopic, topic)
        );
        assert_eq!(error.persistence(), Persistence::No);
        let cause = if topic == "orders" {
            "UNKNOWN_TOPIC_OR_PARTITION"
        } else {
            "INVALID_TOPIC"
        };
        assert!(error.to_string().contains(cause), "{error}");
        assert!(producer.partitions_for(topic).await.is_err());
    }
    assert_eq!(producer.buffered(), 0);
}

#[test]
fn a_name_may_be_as_long_as_kafka_lets_it_be_and_no_longer() {
    run(async {
        let (cluster, client) = start(Cluster::builder()).await;
        let producer = client.producer().build().unwrap();
        let longest = "x".repeat(249);
        let sent = producer.send(Record::to(&longest).value("v")).await;
        let metadata = sent.unwrap().await.unwrap();
        assert_eq!(metadata.topic(), longest);
        assert_eq!(stored(&cluster, &longest, metadata.partition()).len(), 1);
        for length in [250, 40_000] {
            let longer = "x".repeat(length);
            let error = producer.send(Record::to(&longer)).await.unwrap_err();
            assert!(error.to_string().contains("INVALID_TOPIC"), "{error}");
        }
        // Other topics are still asked for.
        let sent = producer.send(Record::to("short")).await;
        sent.unwrap().await.unwrap();
    });
}

#[test]
fn a_topic_that_appears_while_send_waits_is_taken() {
    run(async {
        let (cluster, client) = start(Cluster::builder().auto_create_topics(false)).await;
        let producer = client.producer().build().unwrap();
        let (sent, ()) = tokio::join!(producer.send(Record::to("late")), async {
            cluster.create_topic("late", 1).unwrap();
        });
        sent.unwrap().await.unwrap();
    });
}

#[test]
fn the_broker_may_create_a_topic_that_is_asked_for() {
    run(async {
        let (cluster, client) = start(Cluster::builder().partitions(3)).await;
        let producer = client.producer().build().unwrap();
        let long = "x".repeat(249);
        for topic in ["new", &long] {
            producer
                .send(Record::to(topic).value("v"))
                .await
                .unwrap()
                .await
                .unwrap();
            assert_eq!(producer.partitions_for(topic).await.unwrap(), 3);
        }
        assert_eq!(cluster.audit().acknowledged(), 2);
    });
}

#[tokio::test(start_paused = true)]
async fn try_send_gives_the_record_back() {
    let builder = Cluster::builder().topic("orders", 1);
    let (cluster, client) = crate::faults::start(builder).await;
    let producer = client
        .producer()
        .buffer_memory(64 * 1024)
        .linger(HOUR)
        .build()
        .unwrap();
    let value = vec![1; 1000];
    let record = Record::to("orders").key("k").value(&value);
    let Err(TrySendError::NotReady(mut record)) = producer.try_send(record) else {
        panic!("the topic cannot be known yet")
    };
    assert_eq!(record.topic(), "orders");
    let asked = Instant::now();
    let delivery = loop {
        assert!(asked.elapsed() < HANG, "it is asked for all the same");
        sleep(ms(1)).await;
        match producer.try_send(record) {
            Ok(delivery) => break delivery,
            Err(TrySendError::NotReady(again)) => record = again,
            Err(other) => panic!("{other}"),
        }
    };
    producer.flush().await;
    delivery.await.unwrap();
    // While this task does not wait, nothing is sent and no memory freed.
    let mut taken = 0;
    let given_back = loop {
        assert!(taken < 70, "{taken} records of 1000 bytes in 64 KiB");
        match producer.try_send(Record::to("orders").key("k").value(&value)) {
            Ok(_) => taken += 1,
            Err(TrySendError::Full(record)) => break record,
            Err(other) => panic!("{other}"),
        }
    };
    assert!(taken >= 30, "{taken} records of 1000 bytes in 64 KiB");
    assert!(producer.buffered() > 48 * 1024);
    let delivery = producer.send(given_back).await.unwrap();
    producer.flush().await;
    delivery.await.unwrap();
    assert_eq!(cluster.audit().acknowledged(), taken + 2);
}

#[test]
fn the_short_way_to_a_producer() {
    run(async {
        let (cluster, _) = orders(1).await;
        let producer = Producer::connect(&cluster.bootstrap()).await.unwrap();
        producer
            .send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
        let error = Producer::connect("nothing").await.map(drop).unwrap_err();
        assert!(
            error.to_string().contains("\"nothing\" is not host:port"),
            "{error}"
        );
    });
}

#[test]
fn a_handle_does_for_its_topic_what_the_producer_does() {
    run(async {
        let (cluster, client) = start(Cluster::builder().nodes(3).partitions(3)).await;
        let producer = client.producer().build().unwrap();
        let orders = producer.topic("orders");
        // Not known yet; then created, then known.
        let refused = orders.try_send(orders.record().key("k")).unwrap_err();
        assert!(matches!(refused, TrySendError::NotReady(_)), "{refused}");
        let mut deliveries = Vec::new();
        for nth in 0..300 {
            let (name, text) = (String::from("orders"), format!("{nth}"));
            let record = if nth % 2 == 0 {
                orders.record()
            } else {
                Record::to(&name)
            };
            let record = record.partition(nth % 3).value(&*text);
            deliveries.push(match nth % 4 {
                0 | 1 => orders.clone().send(record).await.unwrap(),
                2 => orders.try_send(record).unwrap(),
                _ => producer.send(record).await.unwrap(),
            });
        }
        for (nth, delivery) in deliveries.into_iter().enumerate() {
            assert_eq!(
                delivery.await.unwrap().offset(),
                Some(i64::try_from(nth).unwrap() / 3)
            );
        }
        let other = orders.send(Record::to("invoices")).await.unwrap_err();
        assert_eq!(
            (other.kind(), other.topic()),
            (ProduceErrorKind::Invalid, "invoices")
        );
        assert!(other.to_string().contains("\"orders\""), "{other}");

        cluster.delete_topic("orders").unwrap();
        cluster.create_topic("orders", 2).unwrap();
        let delivery = orders.send(orders.record().partition(0)).await.unwrap();
        assert_eq!(
            delivery.await.unwrap().offset(),
            Some(0),
            "of the new topic"
        );
        drop(producer);
        orders.send(orders.record()).await.unwrap().await.unwrap();
    });
}

#[test]
fn a_thread_without_a_runtime_may_send_and_wait() {
    let runtime = runtime();
    let (cluster, client) = runtime.block_on(start(Cluster::builder()));
    let producer = client.producer().buffer_memory(16 * 1024).build().unwrap();
    std::thread::spawn(move || {
        // Waits for the topic, which is new, and for memory.
        let deliveries: Vec<_> = (0..100)
            .map(|_| block_on(producer.send(Record::to("new").value(&[1; 1000]))).unwrap())
            .collect();
        for delivery in deliveries {
            block_on(delivery).unwrap();
        }
        block_on(producer.flush());
        block_on(producer.close(HANG)).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(cluster.audit().acknowledged(), 100);
}

#[test]
fn a_thread_without_a_runtime_may_have_transactions() {
    let runtime = runtime();
    let (cluster, client) = runtime.block_on(start(Cluster::builder().topic("orders", 3)));
    std::thread::spawn(move || {
        let mut producer = block_on(client.transactional_producer("tx").build()).unwrap();
        let transaction = block_on(producer.begin()).unwrap();
        let delivery = block_on(transaction.send(Record::to("orders").value("v"))).unwrap();
        block_on(delivery).unwrap();
        block_on(transaction.commit()).unwrap();
        block_on(producer.close(HANG)).unwrap();
    })
    .join()
    .unwrap();
    assert_eq!(cluster.audit().acknowledged(), 1);
}

/// The simplest executor there is.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Thread(std::thread::Thread);
    impl std::task::Wake for Thread {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = std::sync::Arc::new(Thread(std::thread::current())).into();
    let mut future = std::pin::pin!(future);
    loop {
        match future
            .as_mut()
            .poll(&mut std::task::Context::from_waker(&waker))
        {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
