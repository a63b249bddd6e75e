//! Producing without async.

use std::{
    sync::{Arc, Mutex, Weak, mpsc},
    thread,
    time::{Duration, Instant},
};

use milena::{
    BoxFuture, Client, ConnectError, Connector, DeliveryStatus, DialError, Persistence,
    ProduceErrorKind, Record, RecordMetadata, Stream, TcpConnector, Text, TransactionError,
    TrySendError,
    blocking::{self, CloseError, FlushError, Producer, WouldBlock},
};
use milena_broker::{Cluster, ClusterBuilder, Fault, protocol::ApiKey};
use tokio::runtime::{Builder, Runtime};

use crate::{
    faults::{ms, seconds},
    stored::stored,
    tcp::{HANG, HOUR, hang, runtime},
};

/// A cluster, on a runtime of its own that has to be kept.
fn serve(builder: ClusterBuilder) -> (Runtime, Cluster) {
    let serving = runtime();
    let cluster = serving.block_on(builder.start()).unwrap();
    (serving, cluster)
}

fn orders(partitions: i32) -> (Runtime, Cluster, Client) {
    let (serving, cluster) = serve(Cluster::builder().nodes(3).topic("orders", partitions));
    let client = Client::builder(cluster.bootstrap())
        .connect_blocking()
        .unwrap();
    (serving, cluster, client)
}

fn record() -> Record<'static> {
    Record::to("orders").partition(0).value("v")
}

#[test]
fn calls_wait_and_give_what_those_of_the_async_producer_give() {
    let (_serving, cluster, client) = orders(3);
    let producer = client.producer().linger(ms(1)).build_blocking().unwrap();
    assert_eq!(producer.partitions_for("orders").unwrap(), 3);
    let metadata = producer.send(record()).unwrap().wait().unwrap();
    assert_eq!((metadata.partition(), metadata.offset()), (0, Some(0)));
    let metadata = producer.try_send(record()).unwrap().wait().unwrap();
    assert_eq!(metadata.offset(), Some(1));
    let (told, outcomes) = mpsc::channel();
    let telling = |told: &mpsc::Sender<_>| {
        let told = told.clone();
        move |outcome| told.send(outcome).unwrap()
    };
    producer.send_with(record(), telling(&told)).unwrap();
    assert!(producer.try_send_with(record(), telling(&told)).is_ok());
    let delivery = producer.send(record()).unwrap();
    producer.flush().unwrap();
    assert_eq!(producer.metrics().acknowledged_records, 5);
    assert_eq!(delivery.status(), DeliveryStatus::Delivered);
    assert_eq!(delivery.try_get().unwrap().unwrap().offset(), Some(4));
    for offset in [2, 3] {
        assert_eq!(outcomes.try_recv().unwrap().unwrap().offset(), Some(offset));
    }

    let threads = (0..4).map(|nth| {
        let producer = producer.clone();
        thread::spawn(move || {
            let sent = (0..500).map(|number| {
                let text = format!("{nth}:{number}");
                producer.send(record().value(&*text)).unwrap()
            });
            let deliveries: Vec<_> = sent.collect();
            let offsets = deliveries
                .into_iter()
                .map(|delivery| delivery.wait().unwrap().offset());
            offsets.collect::<Vec<_>>()
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        assert!(thread.join().unwrap().is_sorted());
    }
    cluster.faults().push(hang());
    drop(producer.send(record()).unwrap());
    let error = producer.close(ms(50)).unwrap_err();
    assert!(matches!(
        error,
        CloseError::Close(milena::CloseError::Undelivered(1))
    ));
    assert_eq!(
        producer.send(record()).unwrap_err().kind(),
        ProduceErrorKind::Closed
    );
    assert_eq!(stored(&cluster, "orders", 0).len(), 2005);
}

#[test]
fn a_handle_to_a_topic_sends_one_and_many_and_keeps_the_producer() {
    let (_serving, cluster, client) = orders(2);
    let producer = client.producer().build_blocking().unwrap();
    let orders = producer.topic("orders");
    drop(producer);
    let of_orders = |value| orders.record().partition(1).value(value);
    let outcomes = orders
        .send_all([of_orders("a"), Record::to("bills"), of_orders("b")])
        .unwrap();
    let told: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(stored) => Ok(stored.offset()),
            Err(error) => Err(error.kind()),
        })
        .collect();
    let refused = Err(ProduceErrorKind::Invalid);
    assert_eq!(told, [Ok(Some(0)), refused, Ok(Some(1))]);
    let delay = Fault::delay(seconds(2)).on(ApiKey::PRODUCE);
    cluster.faults().push(delay);
    drop(orders.send(of_orders("c")).unwrap());
    assert_eq!(cluster.audit().acknowledged(), 2, "it is on its way");
    drop(orders);
    assert_eq!(cluster.audit().acknowledged(), 3);
}

#[test]
fn keys_and_values_have_types_within_a_transaction_and_without() {
    let (_serving, cluster, client) = orders(1);
    let producer = client.producer().build_blocking().unwrap();
    let orders = producer.typed::<str, str>("orders", Text, Text);
    drop(producer);
    assert_eq!(orders.name(), "orders");
    let record = || orders.record().key("k");
    let delivery = orders.send(record().value("a")).unwrap();
    assert_eq!(delivery.wait().unwrap().offset(), Some(0));
    let (told, outcomes) = mpsc::channel();
    let tell = move |outcome| told.send(outcome).unwrap();
    orders.send_with(record().value("b"), tell).unwrap();
    let offset = |outcome: Result<RecordMetadata, _>| outcome.unwrap().offset();
    assert_eq!(offset(outcomes.recv().unwrap()), Some(1));
    let seen = orders.serialize(record().value("c"), |record| {
        record.value_bytes() == Some(b"c")
    });
    assert!(seen.unwrap());

    let mut producer = client.transactional_producer("t").build_blocking().unwrap();
    let transaction = producer.begin().unwrap();
    let plain = transaction.topic("orders");
    assert!(plain.send(Record::to("bills")).is_err(), "another topic");
    transaction.abort().unwrap();
    let transaction = producer.begin().unwrap();
    let plain = transaction.topic("orders");
    drop(plain.send(plain.record().value("d")).unwrap());
    let typed = transaction.typed::<str, str>("orders", Text, Text);
    drop(typed.send(typed.record().value("e")).unwrap());
    transaction.commit().unwrap();

    let delay = Fault::delay(ms(100)).on(ApiKey::PRODUCE);
    cluster.faults().push(delay);
    drop(orders.send(record().value("f")).unwrap());
    drop(orders);
    let log = stored(&cluster, "orders", 0);
    // Beside what marks the end of a transaction.
    let values = log.iter().map(|record| record.text());
    let values: Vec<_> = values.filter(|text| text.len() == 1).collect();
    assert_eq!(values, ["a", "b", "d", "e", "f"]);
}

#[test]
fn dropping_the_last_handle_waits_until_everything_is_delivered() {
    let (_serving, cluster, client) = orders(3);
    cluster
        .faults()
        .push(Fault::delay(ms(100)).on(ApiKey::PRODUCE).always());
    for round in 1..=3 {
        let producer = client.producer().linger(HOUR).build_blocking().unwrap();
        for _ in 0..100 {
            drop(producer.clone().send(Record::to("orders")).unwrap());
        }
        assert!(cluster.audit().acknowledged() < 100 * round, "it lingers");
        drop(producer);
        assert_eq!(cluster.audit().acknowledged(), 100 * round);
    }
    let mut producer = client
        .transactional_producer("shop")
        .build_blocking()
        .unwrap();
    drop(producer.begin().unwrap().send(record()).unwrap());
    drop(producer);
    assert_eq!(cluster.audit().open(), 0);
}

#[test]
fn dropping_it_takes_no_longer_than_the_delivery_timeout() {
    let (_serving, cluster, client) = orders(1);
    cluster.faults().push(hang());
    // Long enough for the record to be sent: of one that is not, it is known that it is not stored.
    let builder = client.producer().linger(ms(0)).request_timeout(seconds(2));
    let builder = builder.delivery_timeout(seconds(5));
    let producer = builder.build_blocking().unwrap();
    let delivery = producer.send(record()).unwrap();
    let started = Instant::now();
    drop(producer);
    assert!(started.elapsed() < HANG / 4, "{:?}", started.elapsed());
    let error = delivery.try_get().unwrap().unwrap_err();
    assert_eq!(error.persistence(), Persistence::Maybe);
}

/// Goes through calls that wait, for what comes and for what does not.
fn wait_for_everything(cluster: &Cluster) {
    let client = Client::builder(cluster.bootstrap())
        .connect_blocking()
        .unwrap();
    let builder = client.producer().buffer_memory(30_000);
    let producer = builder.clone().build_blocking().unwrap();
    // More than a task may do at a time.
    for _ in 0..1000 {
        drop(producer.send(record()).unwrap());
    }
    assert_eq!(producer.partitions_for("orders").unwrap(), 1);
    producer.flush().unwrap();
    // The client knows the topic by now, so that what this one waits for is memory alone.
    let producer = builder.max_block(ms(100)).build_blocking().unwrap();
    cluster.faults().push(hang());
    let half = vec![0; 20_000];
    let large = || Record::to("orders").value(&half);
    let delivery = producer.send(large()).unwrap();
    assert_eq!(
        producer.send(large()).unwrap_err().kind(),
        ProduceErrorKind::BufferFull
    );
    assert_eq!(producer.purge(), 1);
    assert_eq!(
        delivery.wait().unwrap_err().kind(),
        ProduceErrorKind::Purged
    );
    cluster.faults().clear();
    producer.close(HANG).unwrap();
}

#[test]
fn within_async_code_calls_block_and_do_what_they_do_elsewhere() {
    let (_serving, cluster, _) = orders(1);
    // Without timers, with one thread, and with several.
    let alone = || Builder::new_current_thread();
    let runtimes = [alone().build(), alone().enable_all().build(), Ok(runtime())];
    let (done, end) = mpsc::channel();
    thread::spawn(move || {
        for runtime in runtimes {
            runtime.unwrap().block_on(async {
                tokio::task::yield_now().await;
                wait_for_everything(&cluster);
            });
        }
        done.send(()).unwrap();
    });
    end.recv_timeout(HANG).unwrap();
}

#[test]
fn in_a_callback_what_would_wait_for_itself_is_an_error() {
    let (_serving, cluster, client) = orders(1);
    let producer = client.producer().linger(ms(0)).build_blocking().unwrap();
    let (done, end) = mpsc::channel();
    let (within, bootstrap) = (producer.clone(), cluster.bootstrap());
    let callback = move |_| {
        // There is room, and so nothing to wait for.
        let delivery = within.send(record()).unwrap();
        let error = delivery.wait().unwrap_err();
        assert_eq!(error.kind(), ProduceErrorKind::WouldBlock);
        assert_eq!(error.persistence(), Persistence::Maybe);
        assert_eq!(within.flush(), Err(FlushError::WouldBlock(WouldBlock)));
        let error = within.partitions_for("unknown").unwrap_err();
        assert_eq!(error.kind(), ProduceErrorKind::WouldBlock);
        let error = within.send(Record::to("unknown")).unwrap_err();
        assert_eq!(error.kind(), ProduceErrorKind::WouldBlock);
        assert_eq!(error.persistence(), Persistence::No);
        let refused = within.try_send(Record::to("unknown too"));
        assert!(matches!(refused, Err(TrySendError::NotReady(_))));
        let error = Client::builder(bootstrap).connect_blocking().unwrap_err();
        assert!(matches!(error, ConnectError::WouldBlock), "{error}");
        assert_eq!(within.close(HANG), Err(CloseError::WouldBlock(WouldBlock)));
        drop(within);
        done.send(()).unwrap();
    };
    producer.send_with(record(), callback).unwrap();
    end.recv_timeout(HANG).unwrap();
    drop(producer);
    assert_eq!(cluster.audit().acknowledged(), 2);
}

#[test]
fn in_a_callback_on_the_callers_own_thread_what_would_wait_for_itself_is_an_error() {
    let (_serving, cluster, client) = orders(1);
    cluster.faults().push(hang());
    for closes in [true, false] {
        let builder = client.producer().linger(HOUR).delivery_timeout(2 * HOUR);
        let producer = builder.build_blocking().unwrap();
        producer.partitions_for("orders").unwrap();
        let (done, end) = mpsc::channel();
        let calling = thread::spawn(move || {
            let caller = thread::current().id();
            let within = producer.clone();
            let callback = move |_| {
                assert_eq!(thread::current().id(), caller);
                assert_eq!(within.flush(), Err(FlushError::WouldBlock(WouldBlock)));
                let accepted = within.metrics().accepted_records;
                assert_eq!(within.send_all([record()]).unwrap_err(), WouldBlock);
                assert_eq!(within.metrics().accepted_records, accepted);
                done.send(()).unwrap();
            };
            producer.send_with(record(), callback).unwrap();
            // Both give the record up, and call its callback, here.
            if closes {
                producer.close(ms(0)).unwrap_err();
            } else {
                assert_eq!(producer.purge(), 1);
            }
            // Outside of callbacks, waiting is as before.
            producer.flush().unwrap();
        });
        end.recv_timeout(HANG).unwrap();
        calling.join().unwrap();
    }
}

#[test]
fn a_callback_may_hold_the_last_handle() {
    let (_serving, cluster, client) = orders(2);
    cluster
        .faults()
        .push(Fault::delay(ms(100)).on(ApiKey::PRODUCE));
    let producer = client.producer().linger(ms(0)).build_blocking().unwrap();
    drop(client);
    let (done, end) = mpsc::channel();
    let (within, ended) = (producer.clone(), done.clone());
    let callback = move |_| {
        within
            .send_with(record(), move |_| done.send(()).unwrap())
            .unwrap();
        drop(within);
    };
    producer.send_with(record(), callback).unwrap();
    // Where that one is dropped is left open: here it waits, there it does not.
    let handle = Arc::new(Mutex::new(Some(producer)));
    let taken = handle.clone();
    let take = move |_| {
        drop(taken.lock().unwrap().take());
        ended.send(()).unwrap();
    };
    handle
        .lock()
        .unwrap()
        .as_ref()
        .unwrap()
        .send_with(record(), take)
        .unwrap();
    drop(handle);
    for _ in 0..2 {
        end.recv_timeout(HANG).unwrap();
    }
    assert_eq!(cluster.audit().acknowledged(), 3);
}

/// Shows by its life whether anything of the client is left.
#[derive(Debug)]
struct Traced(TcpConnector, #[allow(dead_code)] Arc<()>);

impl Connector for Traced {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        self.0.connect(host, port, setup_timeout)
    }
}

#[test]
fn when_everything_is_dropped_the_thread_ends() {
    let (_serving, cluster, _) = orders(1);
    let life = Arc::new(());
    let left: Weak<()> = Arc::downgrade(&life);
    let connector = Traced(TcpConnector::default(), life);
    let builder = Client::builder(cluster.bootstrap()).connector(connector);
    let client = builder.connect_blocking().unwrap();
    let producer = client.producer().build_blocking().unwrap();
    let delivery = producer.send(record()).unwrap();
    drop(client);
    assert!(left.upgrade().is_some());
    drop(producer);
    let deadline = Instant::now() + HANG;
    while left.strong_count() > 0 {
        assert!(Instant::now() < deadline, "something is left");
        thread::sleep(ms(1));
    }
    assert_eq!(delivery.wait().unwrap().offset(), Some(0));
}

#[test]
fn a_client_of_a_runtime_makes_no_blocking_producer() {
    let (serving, cluster, _) = orders(1);
    serving.block_on(async {
        let client = Client::builder(cluster.bootstrap())
            .connect()
            .await
            .unwrap();
        let error = client.producer().build_blocking().unwrap_err();
        assert_eq!(error.field(), "client");
        let error = client
            .transactional_producer("shop")
            .build_blocking()
            .unwrap_err();
        assert!(matches!(error, TransactionError::Config(error) if error.field() == "client"));
    });
    let error = Producer::connect("no address").unwrap_err();
    assert!(matches!(error, ConnectError::Config(_)), "{error}");
    let unreachable = Client::builder("127.0.0.1:1").bootstrap_timeout(ms(100));
    let error = unreachable.connect_blocking().unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

#[test]
fn transactions_are_committed_and_aborted() {
    let (_serving, cluster, client) = orders(1);
    let mut producer: blocking::TransactionalProducer = client
        .transactional_producer("shop")
        .build_blocking()
        .unwrap();
    for commits in [true, false, true] {
        let transaction = producer.begin().unwrap();
        let delivery = transaction.send(record()).unwrap();
        drop(transaction.try_send(record()).unwrap());
        if commits {
            transaction.commit().unwrap();
            delivery.wait().unwrap();
        } else {
            transaction.abort().unwrap();
        }
    }
    let transaction = producer.begin().unwrap();
    let large = vec![0; 2 << 20];
    assert!(transaction.send(record().value(&large)).is_err());
    let error = transaction.commit().unwrap_err();
    assert!(
        matches!(error.error(), TransactionError::Abortable(_)),
        "{error}"
    );
    error.into_transaction().abort().unwrap();
    producer.close(seconds(60)).unwrap();
    assert_eq!(cluster.audit().open(), 0);
    let values = stored(&cluster, "orders", 0);
    let values = values
        .iter()
        .filter(|record| record.value.as_deref() == Some(b"v"));
    assert!(values.count() >= 4);
}
