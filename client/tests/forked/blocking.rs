//! Producers without async.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use milena::{
    Client, DeliveryStatus, Forked, Persistence, Record, TrySendError,
    blocking::{CloseError, FlushError},
};
use milena_broker::{Cluster, Fault, protocol::ApiKey};

use crate::child::{
    HOUR, alone, assert_forked, assert_rejected, in_child, log, record, send_anew, serve,
};

fn connect(cluster: &Cluster) -> Client {
    let client = Client::builder(cluster.bootstrap());
    client.connect_blocking().unwrap()
}

fn not_called() -> impl FnOnce(Result<milena::RecordMetadata, milena::ProduceError>) + Send {
    |_| panic!("it is called")
}

#[test]
fn whatever_a_child_calls_ends_at_once() {
    let (_serving, cluster) = serve();
    let client = connect(&cluster);
    let producer = client.producer().build_blocking().unwrap();
    assert_eq!(producer.partitions_for("orders").unwrap(), 2);
    let settled = producer.send(record("0")).unwrap();
    producer.flush().unwrap();
    in_child(|| {
        assert_forked(producer.send(record("x")));
        // Where no batch is open, and the clock is not asked.
        assert_forked(producer.send(record("x").timestamp(5)));
        assert_forked(producer.send(Record::to("unknown")));
        assert_forked(producer.send_with(record("x"), not_called()));
        assert_rejected(producer.try_send(record("x")));
        assert_rejected(producer.try_send(record("x").timestamp(5)));
        assert_rejected(producer.try_send(Record::to("unknown")));
        assert_forked(producer.partitions_for("orders"));
        assert_forked(producer.partitions_for("unknown"));
        assert_eq!(producer.flush(), Err(FlushError::Forked(Forked)));
        let closed = milena::CloseError::Forked(Forked);
        assert_eq!(producer.close(HOUR), Err(CloseError::Close(closed)));
        assert_eq!(producer.purge(), 0);
        let error = client.producer().build_blocking().unwrap_err();
        assert_eq!(error.field(), "client");
        assert!(error.to_string().contains("forked"), "{error}");
        assert_eq!(settled.status(), DeliveryStatus::Delivered);
    });
    producer.send(record("1")).unwrap().wait().unwrap();
    producer.close(HOUR).unwrap();
    assert_eq!(log(&cluster), ["0", "1"]);
}

#[test]
fn a_child_adds_nothing_to_a_batch_that_was_open() {
    let (_serving, cluster) = serve();
    let client = connect(&cluster);
    let producer = client.producer().linger(HOUR).build_blocking().unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let called = calls.clone();
    let count = move |_| {
        called.fetch_add(1, Ordering::Relaxed);
    };
    producer.send_with(record("0"), count).unwrap();
    let mut deliveries = ["1", "2"].map(|value| Some(producer.send(record(value)).unwrap()));
    in_child(|| {
        for _ in 0..3 {
            let error = assert_forked(producer.send(record("x")));
            assert_eq!(error.persistence(), Persistence::No);
            assert_rejected(producer.try_send(record("x")));
        }
        // A record that says its time is taken without asking for it. Then it is told when it is waited for.
        let slipped = producer.send(record("x").timestamp(5)).unwrap();
        for delivery in [slipped, deliveries[0].take().unwrap()] {
            assert_eq!(delivery.status(), DeliveryStatus::Failed);
            assert_forked(delivery.try_get().unwrap());
            let error = assert_forked(delivery.wait());
            assert_eq!(error.persistence(), Persistence::Maybe);
        }
        assert_eq!(producer.purge(), 0);
        assert_eq!(calls.load(Ordering::Relaxed), 0);
    });
    assert!(log(&cluster).is_empty(), "it lingers");
    assert_eq!(
        deliveries[0].as_ref().unwrap().status(),
        DeliveryStatus::Pending
    );
    producer.flush().unwrap();
    for (delivery, offset) in deliveries.into_iter().flatten().zip(1..) {
        assert_eq!(delivery.wait().unwrap().offset(), Some(offset));
    }
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    assert_eq!(log(&cluster), ["0", "1", "2"]);
}

#[test]
fn a_child_that_drops_everything_is_not_held_up_and_can_begin_anew() {
    let (_serving, cluster) = serve();
    let client = connect(&cluster);
    let producer = client.producer().linger(HOUR).build_blocking().unwrap();
    drop(producer.send(record("0")).unwrap());
    let transactional = client.transactional_producer("tx").build_blocking();
    let mut held = Some((client, producer, transactional.unwrap()));
    let bootstrap = cluster.bootstrap();
    in_child(|| {
        drop(held.take());
        alone().block_on(send_anew(&bootstrap, "1"));
    });
    let (_client, producer, _transactional) = held.unwrap();
    drop(producer);
    assert_eq!(log(&cluster), ["1", "0"]);
}

#[test]
fn a_child_does_not_wait_for_memory() {
    let (_serving, cluster) = serve();
    let slow = Fault::delay(Duration::from_secs(1)).on(ApiKey::PRODUCE);
    cluster.faults().push(slow.always());
    let client = connect(&cluster);
    let builder = client.producer().batch_size(0).buffer_memory(2000);
    let producer = builder.build_blocking().unwrap();
    producer.partitions_for("orders").unwrap();
    let value = "x".repeat(1000);
    let mut sent = 0;
    loop {
        match producer.try_send(record(&value)) {
            Ok(delivery) => drop(delivery),
            Err(TrySendError::Full(_)) => break,
            Err(error) => panic!("{error}"),
        }
        sent += 1;
    }
    in_child(|| {
        assert_forked(producer.send(record(&value).timestamp(5)));
        assert_rejected(producer.try_send(record(&value).timestamp(5)));
    });
    producer.close(HOUR).unwrap();
    assert_eq!(log(&cluster).len(), sent);
}

#[test]
fn a_parent_at_work_is_not_disturbed() {
    let (_serving, cluster) = serve();
    let client = connect(&cluster);
    let producer = client.producer().build_blocking().unwrap();
    producer.partitions_for("orders").unwrap();
    let mut held = Some((producer.clone(), client));
    let mut sent = Vec::new();
    thread::scope(|scope| {
        let forking = scope.spawn(|| {
            for _ in 0..30 {
                in_child(|| {
                    let (producer, client) = held.take().unwrap();
                    assert_forked(producer.send(record("x")));
                    assert_forked(producer.partitions_for("orders"));
                    assert!(producer.flush().is_err() && producer.close(HOUR).is_err());
                    drop((producer, client));
                });
            }
        });
        while !forking.is_finished() {
            let value = sent.len().to_string();
            drop(producer.send(record(&value)).unwrap());
            sent.push(value);
        }
        forking.join().unwrap();
    });
    producer.close(HOUR).unwrap();
    assert_eq!(log(&cluster), sent);
}
