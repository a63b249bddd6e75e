//! Producers of async programs.

use std::{mem, time::Duration};

use milena::{
    AdminError, Cause, Client, CloseError, DeliveryStatus, Forked, NewTopic, Persistence, Producer,
    ReadError, Record, TopicError,
};
use milena_broker::{Cluster, protocol::ApiKey};
use tokio::{runtime::Runtime, task::yield_now};

use crate::child::{
    HOUR, alone, assert_forked, assert_rejected, in_child, log, record, runtime, send_anew, serve,
};

fn connect(runtime: &Runtime, cluster: &Cluster, linger: Duration) -> (Client, Producer) {
    runtime.block_on(async {
        let client = Client::builder(cluster.bootstrap());
        let client = client.connect().await.unwrap();
        let producer = client.producer().linger(linger).build().unwrap();
        producer.partitions_for("orders").await.unwrap();
        (client, producer)
    })
}

#[test]
fn a_child_is_told_in_a_runtime_of_its_own() {
    let (_serving, cluster) = serve();
    let runtime = runtime();
    let (client, producer) = connect(&runtime, &cluster, HOUR);
    let mut open = Some(runtime.block_on(producer.send(record("0"))).unwrap());
    let mut held = Some((client, producer));
    let bootstrap = cluster.bootstrap();
    in_child(|| {
        let (client, producer) = held.take().unwrap();
        alone().block_on(async {
            assert_forked(producer.send(record("x")).await);
            assert_forked(producer.send(record("x").partition(1).timestamp(5)).await);
            assert_forked(producer.topic("orders").send(record("x")).await);
            assert_forked(producer.send(Record::to("unknown")).await);
            assert_rejected(producer.try_send(record("x")));
            for outcome in producer
                .send_all([record("x"), Record::to("unknown")])
                .await
            {
                assert_forked(outcome);
            }
            assert_forked(producer.partitions_for("orders").await);
            producer.flush().await;
            let open = open.take().unwrap();
            assert_eq!(open.status(), DeliveryStatus::Failed);
            let error = assert_forked(open.await);
            assert_eq!(error.persistence(), Persistence::Maybe);
            assert_eq!(producer.close(HOUR).await, Err(CloseError::Forked(Forked)));
            assert_eq!(client.producer().build().unwrap_err().field(), "client");
            drop((producer, client));

            send_anew(&bootstrap, "1").await;
        });
    });
    let (_client, producer) = held.unwrap();
    runtime.block_on(async {
        producer.flush().await;
        let metadata = open.unwrap().await.unwrap();
        assert_eq!(metadata.offset(), Some(1));
    });
    assert_eq!(log(&cluster), ["1", "0"]);
}

#[test]
fn a_client_says_it_too() {
    let (_serving, cluster) = serve();
    let runtime = runtime();
    let (client, _producer) = connect(&runtime, &cluster, HOUR);
    in_child(|| {
        alone().block_on(async {
            let error = client.partitions_for("orders").await.unwrap_err();
            assert!(matches!(error, TopicError::Forked(Forked)), "{error}");
            let admin = client.admin();
            let error = admin.create_topic(NewTopic::new("bills", 1, 1)).await;
            let error = error.unwrap_err();
            assert!(
                matches!(error, AdminError::Failed(Cause::Forked(Forked))),
                "{error}"
            );
            let error = client.reader("orders").build().await.unwrap_err();
            assert!(
                matches!(error, ReadError::Topic(TopicError::Forked(Forked))),
                "{error}"
            );
        });
    });
    runtime.block_on(client.partitions_for("orders")).unwrap();
}

/// A runtime without threads of its own goes on in the child, if the child lets it.
#[test]
fn a_runtime_that_goes_on_in_a_child_sends_nothing_of_the_parents() {
    let (_serving, cluster) = serve();
    let runtime = alone();
    let (client, producer) = connect(&runtime, &cluster, Duration::ZERO);
    let first = runtime.block_on(async { producer.send(record("0")).await.unwrap().await });
    first.unwrap();
    let mut deliveries = Vec::new();
    // The tasks have been told of these, and had no turn yet.
    for value in ["1", "2"] {
        deliveries.push(producer.try_send(record(value)).unwrap());
    }
    let mut held = Some((client, producer, runtime));
    in_child(|| {
        let (client, producer, runtime) = held.take().unwrap();
        runtime.block_on(async {
            assert_forked(producer.send(record("x")).await);
            for _ in 0..200 {
                yield_now().await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        });
        drop((client, producer));
        drop(runtime);
    });
    assert_eq!(log(&cluster), ["0"]);
    let (client, producer, runtime) = held.unwrap();
    runtime.block_on(async {
        for delivery in mem::take(&mut deliveries) {
            delivery.await.unwrap();
        }
        client.partitions_for("orders").await.unwrap();
        producer.close(HOUR).await.unwrap();
    });
    assert_eq!(log(&cluster), ["0", "1", "2"]);
    let audit = cluster.audit();
    assert!(
        audit
            .partitions
            .iter()
            .all(|partition| partition.recognised == 0)
    );
    assert!(cluster.request_count(ApiKey::PRODUCE) <= 3);
}

#[cfg(feature = "sink")]
#[test]
fn a_sink_says_it_too() {
    use futures_util::SinkExt;
    use milena::{OwnedRecord, ProduceErrorKind};

    let (_serving, cluster) = serve();
    let runtime = runtime();
    let (_client, producer) = connect(&runtime, &cluster, HOUR);
    let mut sink = producer.sink();
    let taken = || OwnedRecord::to("orders").partition(0).value("0");
    runtime.block_on(sink.feed(taken())).unwrap();
    in_child(|| {
        alone().block_on(async {
            assert_forked(sink.feed(taken()).await);
            let error = sink.flush().await.unwrap_err();
            assert_eq!(error.kind(), ProduceErrorKind::Forked);
            assert!(error.to_string().starts_with("records: "), "{error}");
            sink.close().await.unwrap_err();
        });
    });
    runtime.block_on(sink.close()).unwrap();
    assert_eq!(log(&cluster), ["0"]);
}
