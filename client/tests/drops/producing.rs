//! The futures of a producer without transactions.

use std::time::Duration;

use milena::{Producer, Record, Text};
use milena_broker::Fault;

use crate::world::{PARTITIONS, TOPIC, World, is_idle, record, send, sweep};

/// A value that fills all of a small producer's memory.
fn large() -> String {
    "x".repeat(20_000)
}

/// A producer whose memory one large record uses up, and which brokers are slow to let it have back.
fn short_of_memory(world: &World) -> Producer {
    let slow = Fault::delay(Duration::from_millis(50)).times(3);
    world.cluster.faults().push(slow);
    world.builder().buffer_memory(32 * 1024).build().unwrap()
}

#[test]
fn a_send_that_waits_for_its_topic() {
    sweep(|world| async move {
        let producer = world.producer();
        let sent = world.drop_it(producer.send(record("dropped"))).await;
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        let completed = sent.is_some();
        match sent {
            Some(delivery) => accepted.push(("dropped".to_owned(), delivery.unwrap())),
            None => refused.push("dropped"),
        }
        world.settle(producer, accepted, &refused).await;
        completed
    });
}

#[test]
fn a_send_that_waits_for_memory() {
    sweep(|world| async move {
        let producer = short_of_memory(&world);
        let large = large();
        let mut accepted = vec![send(&producer, &large).await];
        let dropped = large.replace('x', "y");
        let sent = world.drop_it(producer.send(record(&dropped))).await;
        let mut refused = Vec::new();
        let completed = sent.is_some();
        match sent {
            Some(delivery) => accepted.push((dropped.clone(), delivery.unwrap())),
            None => refused.push(dropped.as_str()),
        }
        world.settle(producer, accepted, &refused).await;
        completed
    });
}

#[test]
fn a_send_of_what_was_serialized() {
    sweep(|world| async move {
        let producer = short_of_memory(&world);
        let topic = producer.typed::<str, str>(TOPIC, Text, Text);
        let large = large();
        let mut accepted = vec![send(&producer, &large).await];
        let dropped = large.replace('x', "y");
        let record = topic.record().partition(0).value(&*dropped);
        let sent = world.drop_it(topic.send(record)).await;
        let mut refused = Vec::new();
        let completed = sent.is_some();
        match sent {
            Some(delivery) => accepted.push((dropped.clone(), delivery.unwrap())),
            None => refused.push(dropped.as_str()),
        }
        drop(topic);
        world.settle(producer, accepted, &refused).await;
        completed
    });
}

#[test]
fn a_send_with_a_callback() {
    sweep(|world| async move {
        let producer = world.producer();
        let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
        let callback = move |outcome: Result<milena::RecordMetadata, _>| {
            told.send(outcome.is_ok()).unwrap();
        };
        let sent = world
            .drop_it(producer.send_with(record("dropped"), callback))
            .await;
        let completed = sent.is_some();
        let refused: &[&str] = if completed { &[] } else { &["dropped"] };
        world.settle(producer, Vec::new(), refused).await;
        // Once if it was accepted, and never if it was not.
        let outcome = hears.recv().await;
        assert_eq!(outcome.is_some(), completed);
        assert_eq!(hears.recv().await, None);
        completed
    });
}

#[test]
fn many_at_once() {
    sweep(|world| async move {
        world
            .cluster
            .faults()
            .push(Fault::delay(Duration::from_millis(50)).times(3));
        let builder = world.builder().buffer_memory(40 * 1024);
        let producer = builder.build().unwrap();
        let values: Vec<_> = (0..6).map(|n| format!("{n}{}", large())).collect();
        let records = values.iter().map(|value| record(value));
        let outcomes = world.drop_it(producer.send_all(records)).await;
        let completed = outcomes.is_some();
        if let Some(outcomes) = outcomes {
            assert_eq!(outcomes.len(), values.len());
        }
        world.settle(producer, Vec::new(), &[]).await;
        // What was accepted is delivered: the first ones, in order.
        let log = world.log().remove(&0).unwrap();
        let stored: Vec<_> = log.iter().filter(|value| *value != "afterwards").collect();
        assert!(
            values
                .iter()
                .zip(&stored)
                .all(|(value, stored)| value == *stored)
        );
        assert!(!completed || stored.len() == values.len());
        completed
    });
}

#[test]
fn a_delivery() {
    sweep(|world| async move {
        let producer = world.producer();
        let (_, delivery) = send(&producer, "first").await;
        let others = vec![send(&producer, "second").await];
        let completed = world.drop_it(delivery).await.is_some();
        world.settle(producer, others, &[]).await;
        assert_eq!(world.count("first"), 1, "nobody has to be told of it");
        completed
    });
}

#[test]
fn a_flush() {
    sweep(|world| async move {
        let builder = world.builder().linger(Duration::from_secs(60));
        let producer = builder.build().unwrap();
        let accepted = vec![
            send(&producer, "first").await,
            send(&producer, "second").await,
        ];
        let completed = world.drop_it(producer.flush()).await.is_some();
        world.settle(producer, accepted, &[]).await;
        completed
    });
}

#[test]
fn a_close() {
    sweep(|world| async move {
        let producer = world.producer();
        let accepted = vec![
            send(&producer, "first").await,
            send(&producer, "second").await,
        ];
        let closing = producer.close(Duration::from_secs(300));
        let completed = world.drop_it(closing).await.is_some();
        let late = producer.try_send(record("late"));
        assert_eq!(late.is_err(), world.polls_it(), "it is closed at once");
        let mut accepted = accepted;
        let mut refused = vec!["late"];
        if let Ok(delivery) = late {
            accepted.push(("late".to_owned(), delivery));
            refused.clear();
        }
        producer.close(Duration::from_secs(300)).await.unwrap();
        world.check(accepted, &refused).await;
        is_idle(&producer.metrics());
        completed
    });
}

#[test]
fn a_producer_that_is_dropped_while_a_send_waits() {
    sweep(|world| async move {
        let producer = world.producer();
        let clone = producer.clone();
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        let sent = world
            .drop_it(async move { clone.send(record("dropped")).await })
            .await;
        let completed = sent.is_some();
        match sent {
            Some(delivery) => accepted.push(("dropped".to_owned(), delivery.unwrap())),
            None => refused.push("dropped"),
        }
        drop(producer);
        world.check(accepted, &refused).await;
        completed
    });
}

#[test]
fn a_question_for_partitions() {
    sweep(|world| async move {
        let producer = world.producer();
        let told = world.drop_it(producer.partitions_for(TOPIC)).await;
        let completed = told.is_some();
        if let Some(told) = told {
            assert_eq!(told.unwrap(), PARTITIONS as usize);
        }
        assert_eq!(
            producer.partitions_for(TOPIC).await.unwrap(),
            PARTITIONS as usize
        );
        let unknown = producer.topic(TOPIC);
        let sent = unknown.send(Record::to(TOPIC).partition(1).value("other"));
        let accepted = vec![("other".to_owned(), sent.await.unwrap())];
        world.settle(producer, accepted, &[]).await;
        completed
    });
}

#[test]
#[cfg(feature = "sink")]
fn a_sink() {
    use futures_util::SinkExt;
    use milena::OwnedRecord;

    let values = ["first", "second", "third"];
    sweep(|world| async move {
        let builder = world.builder().linger(Duration::from_secs(60));
        let producer = builder.build().unwrap();
        let mut sink = producer.sink();
        let feeding = async {
            for value in values {
                let record = OwnedRecord::to(TOPIC).partition(0).value(value);
                sink.feed(record).await.unwrap();
            }
            sink.flush().await.unwrap();
        };
        let completed = world.drop_it(feeding).await.is_some();
        drop(sink);
        world.settle(producer, Vec::new(), &[]).await;
        // What it took is delivered, in order.
        let log = world.log().remove(&0).unwrap();
        let stored: Vec<_> = log.iter().filter(|value| *value != "afterwards").collect();
        assert!(
            values
                .iter()
                .zip(&stored)
                .all(|(value, stored)| value == stored)
        );
        assert!(!completed || stored.len() == values.len());
        completed
    });
}
