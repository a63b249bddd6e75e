//! Sizes and memory.

use std::time::Duration;

use bytes::Bytes;
use milena::{Compression, Persistence, ProduceErrorKind, Record, TrySendError};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use milena_codec::RecordRef;
use tokio::time::timeout;

use crate::{
    faults,
    stored::Flow,
    stored::stored,
    tcp::{HOUR, drained, hang, in_order_by_task, orders, run, start},
};

/// Length of the longest value without key and headers.
fn longest(limit: usize) -> usize {
    let size = |length: usize| {
        let value = vec![0; length];
        RecordRef {
            value: Some((&value).into()),
            ..Default::default()
        }
        .upper_bound()
    };
    (0..limit)
        .rev()
        .find(|length| size(*length) <= limit)
        .unwrap()
}

#[test]
fn a_record_may_be_as_large_as_max_request_size_and_no_larger() {
    run(async {
        let (cluster, client) = orders(1).await;
        for limit in [1000, 100_000, 1024 * 1024] {
            let producer = client.producer().max_request_size(limit).build().unwrap();
            let value = vec![0x61; longest(limit) + 1];
            let shared = Bytes::from(value.clone());
            let fits = &value[1..];
            producer
                .send(Record::to("orders").value(fits))
                .await
                .unwrap()
                .await
                .unwrap();
            producer
                .send(Record::to("orders").value(&shared.slice(1..)))
                .await
                .unwrap()
                .await
                .unwrap();
            let sent = cluster.request_count(ApiKey::PRODUCE);
            for record in [
                Record::to("orders").value(&value),
                Record::to("orders").value(&shared),
            ] {
                let error = producer.send(record.clone()).await.unwrap_err();
                assert_eq!(
                    (error.kind(), error.persistence()),
                    (ProduceErrorKind::TooLarge, Persistence::No)
                );
                let (is, may) = (
                    (limit + 1).to_string(),
                    format!("max_request_size ({limit})"),
                );
                assert!(
                    error.to_string().contains(&is) && error.to_string().contains(&may),
                    "{error}"
                );
                let refused = producer.try_send(record).unwrap_err();
                assert!(matches!(refused, TrySendError::Rejected(_)), "{refused}");
            }
            producer.flush().await;
            assert_eq!(cluster.request_count(ApiKey::PRODUCE), sent);
            drained(&producer).await;
        }
    });
}

#[test]
fn a_batch_is_no_larger_than_a_request_may_be() {
    run(async {
        let (cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .batch_size(1 << 20)
            .max_request_size(10_000);
        let producer = producer.linger(HOUR).build().unwrap();
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 1, 2000).await;
        producer.flush().await;
        flow.settle_well(&cluster, "orders").await;
        let largest = cluster.requests().iter().map(|request| request.bytes).max();
        assert!(largest < Some(10_200), "{largest:?}");
    });
}

#[tokio::test(start_paused = true)]
async fn shared_payloads_count_as_memory_too() {
    let (_cluster, client) = faults::orders().await;
    let producer = client.producer().buffer_memory(1 << 20).build().unwrap();
    producer.partitions_for("orders").await.unwrap();
    let value = Bytes::from(vec![0; 300_000]);
    // While this task does not wait, nothing is sent and no memory freed.
    for nth in 1..=3 {
        drop(
            producer
                .try_send(Record::to("orders").value(&value))
                .unwrap(),
        );
        let held = producer.buffered();
        assert!((nth * 300_000..nth * 340_000).contains(&held), "{held}");
    }
    let full = producer.try_send(Record::to("orders").value(&value));
    assert!(matches!(full, Err(TrySendError::Full(_))), "{full:?}");
    producer.flush().await;
    faults::drained(&producer).await;
}

#[test]
fn a_record_that_never_fits_into_memory_is_refused_at_once() {
    run(async {
        let (_cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .buffer_memory(64 * 1024)
            .max_block(HOUR)
            .build()
            .unwrap();
        let copied = vec![0; 70_000];
        // Linked in without a copy, it still takes a buffer besides.
        let linked = Bytes::from(vec![0; 60_000]);
        for record in [
            Record::to("orders").value(&copied),
            Record::to("orders").value(&linked),
        ] {
            let error = producer.send(record.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::TooLarge, "{error}");
            assert!(
                error.to_string().contains("buffer_memory (65536)"),
                "{error}"
            );
            assert!(matches!(
                producer.try_send(record),
                Err(TrySendError::Rejected(_))
            ));
        }
        producer
            .send(Record::to("orders").value(&copied[..60_000]))
            .await
            .unwrap()
            .await
            .unwrap();
        producer
            .send(Record::to("orders").value(&linked.slice(..40_000)))
            .await
            .unwrap()
            .await
            .unwrap();
        drained(&producer).await;
    });
}

#[test]
fn a_batch_above_the_topics_limit_fails_alone() {
    run(async {
        let small = &[("max.message.bytes", "1000")];
        let (cluster, client) = start(Cluster::builder().topic_with("orders", 1, small)).await;
        let producer = client
            .producer()
            .batch_size(1)
            .linger(Duration::ZERO)
            .build()
            .unwrap();
        let mut deliveries = Vec::new();
        for nth in 0..60 {
            let value = vec![b'a' + nth; if nth % 20 == 10 { 2000 } else { 500 }];
            deliveries.push(
                producer
                    .send(Record::to("orders").value(&value))
                    .await
                    .unwrap(),
            );
        }
        for (nth, delivery) in deliveries.into_iter().enumerate() {
            match delivery.await {
                Ok(_) => assert_ne!(nth % 20, 10),
                Err(error) => {
                    assert_eq!(nth % 20, 10, "{error}");
                    assert_eq!(
                        (error.kind(), error.code()),
                        (ProduceErrorKind::TooLarge, Some(10))
                    );
                    assert_eq!(
                        (error.persistence(), error.broker()),
                        (Persistence::No, Some(1))
                    );
                    assert!(
                        error.to_string().contains("MESSAGE_TOO_LARGE (10)"),
                        "{error}"
                    );
                }
            }
        }
        let values: Vec<_> = stored(&cluster, "orders", 0)
            .iter()
            .map(|r| r.value.as_ref().unwrap()[0])
            .collect();
        assert_eq!(
            values,
            (0..60)
                .filter(|nth| nth % 20 != 10)
                .map(|nth| b'a' + nth)
                .collect::<Vec<_>>()
        );
        drained(&producer).await;
    });
}

#[test]
fn a_batch_too_large_for_its_topic_is_divided_down_to_single_records() {
    run(async {
        let small = &[("max.message.bytes", "1000")];
        let (cluster, client) = start(Cluster::builder().topic_with("orders", 1, small)).await;
        for (compression, idempotence) in [
            (Compression::NONE, true),
            (Compression::LZ4, true),
            (Compression::NONE, false),
        ] {
            let already = stored(&cluster, "orders", 0).len();
            let producer = client
                .producer()
                .compression(compression)
                .idempotence(idempotence)
                .max_in_flight(if idempotence { 5 } else { 1 })
                .linger(HOUR)
                .delivery_timeout(2 * HOUR)
                .build()
                .unwrap();
            let mut deliveries = Vec::new();
            for nth in 0..200_u32 {
                // What does not shrink, and some records that can be in no batch at all.
                let noise = (0..if nth % 50 == 25 { 2000 } else { 100 })
                    .map(|at: u32| (nth * 7919 + at * at * 31).to_be_bytes()[2] ^ at as u8);
                let mut value = nth.to_be_bytes().to_vec();
                value.extend(noise.map(|byte| byte.wrapping_mul(167)));
                let record = Record::to("orders").value(&value);
                deliveries.push(producer.send(record).await.unwrap());
            }
            producer.flush().await;
            for (nth, delivery) in deliveries.into_iter().enumerate() {
                let told = delivery.try_get().expect("flushed is settled");
                match told {
                    Ok(metadata) => {
                        assert_ne!(nth % 50, 25);
                        let offset = usize::try_from(metadata.offset().unwrap()).unwrap();
                        let record = stored(&cluster, "orders", 0).swap_remove(offset);
                        let value = record.value.unwrap();
                        assert_eq!(value[..4], u32::try_from(nth).unwrap().to_be_bytes());
                    }
                    Err(error) => {
                        assert_eq!(nth % 50, 25, "{error}");
                        assert_eq!(
                            (error.kind(), error.persistence()),
                            (ProduceErrorKind::TooLarge, Persistence::No)
                        );
                    }
                }
            }
            let numbers: Vec<_> = stored(&cluster, "orders", 0)
                .iter()
                .skip(already)
                .map(|record| {
                    u32::from_be_bytes(*record.value.as_ref().unwrap().first_chunk().unwrap())
                })
                .collect();
            let expected: Vec<_> = (0..200).filter(|nth| nth % 50 != 25).collect();
            assert_eq!(numbers, expected);
            drained(&producer).await;
        }
    });
}

#[test]
fn with_little_memory_senders_wait_their_turn_and_all_get_through() {
    run(async {
        let (cluster, client) = orders(8).await;
        // Nothing but the want of memory ends the linger.
        let producer = client
            .producer()
            .buffer_memory(4096)
            .batch_size(1024)
            .linger(HOUR)
            .max_block(HOUR);
        let producer = producer.delivery_timeout(2 * HOUR).build().unwrap();
        let mut tasks = Vec::new();
        for task in 0..20 {
            let producer = producer.clone();
            tasks.push(tokio::spawn(async move {
                let mut deliveries = Vec::new();
                for nth in 0..100 {
                    let text = format!("{task:02}:{nth:03}:{}", "x".repeat(100));
                    let record = Record::to("orders").partition(task % 8).value(&*text);
                    deliveries.push(producer.send(record).await.unwrap());
                }
                deliveries
            }));
        }
        let mut deliveries = Vec::new();
        for task in tasks {
            deliveries.extend(task.await.unwrap());
        }
        producer.flush().await;
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        in_order_by_task(&cluster, 8, 20, 100);
        drained(&producer).await;
    });
}

#[test]
fn memory_that_stays_used_up_is_an_error_after_max_block() {
    run(async {
        let (cluster, client) = orders(1).await;
        // So that nothing but memory is waited for.
        client.partitions_for("orders").await.unwrap();
        cluster.faults().push(hang());
        let block = Duration::from_millis(200);
        let producer = client
            .producer()
            .buffer_memory(32 * 1024)
            .max_block(block)
            .build()
            .unwrap();
        let value = vec![1; 5000];
        let error = loop {
            match producer.send(Record::to("orders").value(&value)).await {
                Ok(delivery) => drop(delivery),
                Err(error) => break error,
            }
        };
        assert_eq!(
            (error.kind(), error.persistence()),
            (ProduceErrorKind::BufferFull, Persistence::No)
        );
        assert!(
            error.to_string().contains("buffer_memory (32768 bytes)"),
            "{error}"
        );
        let held = producer.buffered();
        assert!(held <= 32 * 1024);
        // Whoever gave up holds nothing, and stands in nobody's way.
        assert!(matches!(
            producer.try_send(Record::to("orders").value(&value)),
            Err(TrySendError::Full(_))
        ));
        assert_eq!(producer.buffered(), held);
    });
}

#[test]
fn futures_that_are_dropped_lose_nothing_and_hold_nothing() {
    run(async {
        let (cluster, client) = orders(2).await;
        let producer = client
            .producer()
            .buffer_memory(32 * 1024)
            .batch_size(1024)
            .build()
            .unwrap();
        for _ in 0..500 {
            drop(
                producer
                    .send(Record::to("orders").value(&[1; 200]))
                    .await
                    .unwrap(),
            );
        }
        producer.flush().await;
        assert_eq!(cluster.audit().acknowledged(), 500);
        drained(&producer).await;

        // Some are still waiting for memory when they are given up, some have just been given it.
        let delay = Fault::delay(Duration::from_millis(5))
            .on(ApiKey::PRODUCE)
            .always();
        cluster.faults().push(delay);
        let mut accepted = 500;
        let value = vec![1; 4000];
        for nth in 0..200 {
            let patience = Duration::from_micros(nth % 7 * 500);
            let sends = (0..4).map(|_| {
                let (producer, value) = (producer.clone(), value.clone());
                tokio::spawn(async move {
                    let sending = producer.send(Record::to("orders").value(&value));
                    timeout(patience, sending)
                        .await
                        .is_ok_and(|sent| sent.map(drop).is_ok())
                })
            });
            for sent in sends.collect::<Vec<_>>() {
                accepted += u64::from(sent.await.unwrap());
            }
        }
        producer.flush().await;
        assert_eq!(cluster.audit().acknowledged(), accepted);
        drained(&producer).await;
        producer
            .send(Record::to("orders").value(&vec![1; 30_000]))
            .await
            .unwrap()
            .await
            .unwrap();
    });
}
