//! Records with a callback each.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use milena::{
    Client, ProduceError, ProduceErrorKind, Producer, Record, RecordMetadata, TrySendError,
};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::timeout;

use crate::{
    faults::{ms, one_by_one, seconds},
    tcp::{HANG, HOUR, hang, orders, run, runtime},
};

type Outcome = Result<RecordMetadata, ProduceError>;

/// What callbacks were told, in the order of being told: partition, number of the record there, outcome.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(i32, usize, Outcome)>>>);

impl Told {
    fn note(&self, partition: i32, number: usize) -> impl FnOnce(Outcome) + Send + 'static {
        let told = self.clone();
        move |outcome| told.0.lock().unwrap().push((partition, number, outcome))
    }

    /// Each of `count` records was told of once, in order in each partition. Returns the outcomes.
    fn in_order(&self, count: usize) -> Vec<Outcome> {
        let told = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(told.len(), count);
        let mut next: BTreeMap<i32, usize> = BTreeMap::new();
        for (partition, number, _) in &told {
            let expected = next.entry(*partition).or_default();
            assert_eq!(number, expected, "in partition {partition}");
            *expected += 1;
        }
        told.into_iter().map(|(_, _, outcome)| outcome).collect()
    }
}

fn record(partition: i32) -> Record<'static> {
    Record::to("orders").partition(partition).value("v")
}

/// Sends `count` records to each of `partitions` in turn.
async fn send(producer: &Producer, told: &Told, partitions: i32, count: usize) {
    for number in 0..count {
        for partition in 0..partitions {
            let note = told.note(partition, number);
            producer.send_with(record(partition), note).await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_callback_is_called_once_and_in_order_whatever_brokers_do() {
    let faults = [
        Fault::delay(ms(30)),
        Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS),
        Fault::error(ErrorCode::INVALID_RECORD),
        Fault::lose_answer(),
        Fault::lose_request(),
    ];
    for idempotence in [true, false] {
        let (cluster, client) = crate::faults::orders().await;
        let producer = one_by_one(&client)
            .idempotence(idempotence)
            .request_timeout(seconds(5))
            .build()
            .unwrap();
        let told = Told::default();
        for (nth, fault) in (0_i32..60).zip(faults.iter().cycle()) {
            let fault = fault.clone().on(ApiKey::PRODUCE).partition(nth % 6);
            cluster.faults().push(fault.after(nth.unsigned_abs()));
        }
        send(&producer, &told, 6, 100).await;
        producer.flush().await;
        let outcomes = told.in_order(600);
        let mut last = [-1; 6];
        // Without idempotence, a record that is sent again comes to stand behind those after it.
        for stored in outcomes.iter().flatten().filter(|_| idempotence) {
            let last = &mut last[usize::try_from(stored.partition()).unwrap()];
            assert!(stored.offset().is_none_or(|offset| offset > *last));
            *last = stored.offset().unwrap_or(*last);
        }
        let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        assert!((1..100).contains(&refused), "{refused}");
    }
}

#[test]
fn callbacks_keep_their_order_while_records_are_given_up_from_elsewhere() {
    run(async {
        let (_cluster, client) = orders(3).await;
        let producer = client.producer().batch_size(200).build().unwrap();
        let told = Told::default();
        // How the threads take turns is chance: once more, until some were given up and some were not.
        loop {
            let done = Arc::new(AtomicBool::new(false));
            let purging = std::thread::spawn({
                let (producer, done) = (producer.clone(), done.clone());
                move || {
                    while !done.load(Ordering::Relaxed) {
                        producer.purge();
                        std::thread::sleep(Duration::from_micros(200));
                    }
                }
            });
            send(&producer, &told, 3, 20_000).await;
            done.store(true, Ordering::Relaxed);
            purging.join().unwrap();
            producer.flush().await;
            let outcomes = told.in_order(60_000);
            let purged = outcomes.iter().filter(|outcome| outcome.is_err()).count();
            if (1..60_000).contains(&purged) {
                break;
            }
        }
    });
}

#[test]
fn several_tasks_hear_of_their_records_in_the_order_of_the_log() {
    run(async {
        let (_cluster, client) = orders(2).await;
        let producer = client.producer().batch_size(500).build().unwrap();
        let told = Told::default();
        let tasks = (0..4).map(|_| {
            let (producer, told) = (producer.clone(), told.clone());
            tokio::spawn(async move {
                for number in 0..5000 {
                    let note = told.note(number % 2, 0);
                    producer.send_with(record(number % 2), note).await.unwrap();
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        producer.close(HANG).await.unwrap();
        let mut next = [0, 0];
        for (partition, _, outcome) in &*told.0.lock().unwrap() {
            let next = &mut next[usize::try_from(*partition).unwrap()];
            assert_eq!(outcome.as_ref().unwrap().offset(), Some(*next));
            *next += 1;
        }
        assert_eq!(next, [10_000, 10_000]);
    });
}

#[test]
fn a_callback_that_panics_harms_nobody() {
    run(async {
        let (cluster, client) = orders(3).await;
        let producer = client.producer().batch_size(200).build().unwrap();
        let told = Told::default();
        for number in 0..100 {
            for partition in 0..3 {
                let note = told.note(partition, number);
                let callback = move |outcome| {
                    note(outcome);
                    assert!(number % 3 != 0, "on purpose");
                };
                producer
                    .send_with(record(partition), callback)
                    .await
                    .unwrap();
            }
        }
        producer.close(HANG).await.unwrap();
        assert!(told.in_order(300).iter().all(Result::is_ok));
        assert_eq!(cluster.audit().stored(), 300);
    });
}

#[test]
fn flush_and_close_wait_for_callbacks() {
    run(async {
        let (_cluster, client) = orders(1).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        for closes in [false, true] {
            let called = Arc::new(AtomicUsize::new(0));
            for _ in 0..3 {
                let called = called.clone();
                let slow = move |_: Outcome| {
                    std::thread::sleep(ms(50));
                    called.fetch_add(1, Ordering::Relaxed);
                };
                producer.send_with(record(0), slow).await.unwrap();
            }
            if closes {
                producer.close(HANG).await.unwrap();
            } else {
                producer.flush().await;
            }
            assert_eq!(called.load(Ordering::Relaxed), 3);
        }
    });
}

/// Sends a record, and as often as `left` says another one when that is stored.
fn relay(producer: Producer, left: usize, done: mpsc::Sender<Outcome>) {
    let next = producer.clone();
    let callback = move |outcome: Outcome| match left.checked_sub(1) {
        Some(left) => relay(next, left, done),
        None => done.send(outcome).unwrap(),
    };
    assert!(producer.try_send_with(record(0), callback).is_ok());
}

#[test]
fn a_callback_may_send_and_give_up_and_drop_the_producer() {
    run(async {
        let (cluster, client) = orders(2).await;
        let producer = client.producer().linger(Duration::ZERO).build().unwrap();
        producer.partitions_for("orders").await.unwrap();
        let (done, end) = mpsc::channel();
        relay(producer.clone(), 100, done);
        let end = tokio::task::spawn_blocking(move || end.recv().unwrap());
        assert_eq!(end.await.unwrap().unwrap().offset(), Some(100));

        // One that gives up the records behind it, with their callbacks, and holds the last handle.
        cluster
            .faults()
            .push(Fault::delay(ms(100)).on(ApiKey::PRODUCE));
        let (told, (done, end)) = (Told::default(), mpsc::channel());
        let (last, note) = (producer.clone(), told.note(0, 0));
        let giving_up = move |outcome| {
            note(outcome);
            last.purge();
            drop(last);
            done.send(()).unwrap();
        };
        producer.send_with(record(0), giving_up).await.unwrap();
        for number in 1..10 {
            producer
                .send_with(record(0), told.note(0, number))
                .await
                .unwrap();
        }
        drop(producer);
        tokio::task::spawn_blocking(move || end.recv().unwrap())
            .await
            .unwrap();
        while told.0.lock().unwrap().len() < 10 {
            tokio::time::sleep(ms(1)).await;
        }
        told.in_order(10);
    });
}

#[test]
fn callbacks_are_called_when_the_producer_is_dropped_and_when_its_runtime_goes_away() {
    let serving = runtime();
    let (cluster, client) = serving.block_on(orders(2));
    let told = Told::default();
    serving.block_on(async {
        let producer = client.producer().linger(HOUR).build().unwrap();
        send(&producer, &told, 2, 10).await;
        drop(producer);
        while told.0.lock().unwrap().len() < 20 {
            tokio::time::sleep(ms(1)).await;
        }
    });
    assert!(told.in_order(20).iter().all(Result::is_ok));

    cluster.faults().push(hang());
    for handles_left in [true, false] {
        let doomed = runtime();
        let producer = doomed.block_on(async {
            let client = Client::builder(cluster.bootstrap())
                .connect()
                .await
                .unwrap();
            let producer = client.producer().batch_size(50).build().unwrap();
            let before = cluster.request_count(ApiKey::PRODUCE);
            send(&producer, &told, 2, 10).await;
            while cluster.request_count(ApiKey::PRODUCE) == before {
                tokio::task::yield_now().await;
            }
            producer
        });
        let producer = handles_left.then_some(producer);
        doomed.shutdown_background();
        let all = async {
            while told.0.lock().unwrap().len() < 20 {
                tokio::time::sleep(ms(1)).await;
            }
        };
        serving.block_on(async { timeout(HANG, all).await.expect("all are called") });
        for outcome in told.in_order(20) {
            assert_eq!(outcome.unwrap_err().kind(), ProduceErrorKind::Closed);
        }
        drop(producer);
    }
}

/// Says when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
async fn without_its_record_a_callback_is_not_called() {
    let (cluster, client) = crate::faults::orders().await;
    let producer = client
        .producer()
        .linger(HOUR)
        .buffer_memory(20_000)
        .max_block(ms(50));
    let producer = producer.build().unwrap();
    let dropped = || {
        let dropped = Arc::new(AtomicBool::new(false));
        let guard = Dropped(dropped.clone());
        let callback = move |_: Outcome| panic!("{}", guard.0.load(Ordering::Relaxed));
        (dropped, callback)
    };
    // Its topic is not known yet: it comes back with the record.
    let note = Told::default().note(0, 0);
    let (error, note) = producer.try_send_with(record(0), note).unwrap_err();
    assert!(matches!(error, TrySendError::NotReady(_)), "{error}");
    producer.partitions_for("orders").await.unwrap();
    assert!(producer.try_send_with(record(0), note).is_ok());

    let large = vec![0; 30_000];
    let (seen, callback) = dropped();
    let outcome = producer
        .send_with(Record::to("orders").value(&large), callback)
        .await;
    assert_eq!(outcome.unwrap_err().kind(), ProduceErrorKind::TooLarge);
    assert!(seen.load(Ordering::Relaxed));

    // While it waits for memory, it may be given up, and it may wait in vain.
    cluster.faults().push(hang());
    let half = vec![0; 12_000];
    drop(
        producer
            .send(Record::to("orders").partition(0).value(&half))
            .await
            .unwrap(),
    );
    let record = || Record::to("orders").partition(1).value(&half);
    let (seen, callback) = dropped();
    assert!(
        timeout(ms(10), producer.send_with(record(), callback))
            .await
            .is_err()
    );
    assert!(seen.load(Ordering::Relaxed));
    let (seen, callback) = dropped();
    let outcome = producer.send_with(record(), callback).await;
    assert_eq!(outcome.unwrap_err().kind(), ProduceErrorKind::BufferFull);
    assert!(seen.load(Ordering::Relaxed));
    let (seen, callback) = dropped();
    let (error, callback) = producer
        .topic("orders")
        .try_send_with(record(), callback)
        .unwrap_err();
    assert!(matches!(error, TrySendError::Full(_)), "{error}");
    assert!(!seen.load(Ordering::Relaxed));
    drop(callback);
}

#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_dropped_tells_the_callbacks_of_its_records() {
    let (cluster, client) = crate::faults::start(Cluster::builder().topic("orders", 2)).await;
    let mut producer = client
        .transactional_producer("shop")
        .linger(HOUR)
        .build()
        .await
        .unwrap();
    let told = Told::default();
    let transaction = producer.begin().await.unwrap();
    transaction
        .send_with(record(0), told.note(0, 0))
        .await
        .unwrap();
    transaction
        .topic("orders")
        .send_with(record(0), told.note(0, 1))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert!(told.in_order(2).iter().all(Result::is_ok));
    let transaction = producer.begin().await.unwrap();
    transaction
        .send_with(record(1), told.note(1, 0))
        .await
        .unwrap();
    let (topic, note) = (transaction.topic("orders"), told.note(1, 1));
    assert!(topic.try_send_with(record(1), note).is_ok());
    drop(transaction);
    producer.begin().await.unwrap().abort().await.unwrap();
    for outcome in told.in_order(2) {
        assert_eq!(outcome.unwrap_err().kind(), ProduceErrorKind::Aborted);
    }
    assert_eq!(cluster.audit().open(), 0);
}
