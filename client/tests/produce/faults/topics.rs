//! Topics that vanish, return, and are created anew.

use milena::{Persistence, ProduceErrorKind, Record};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, sleep};

use super::{drained, one_by_one, orders, seconds, start, stream};
use crate::network;
use crate::stored::Flow;

#[tokio::test(start_paused = true)]
async fn a_topic_is_known_for_as_long_as_it_is_used_and_again_when_it_is() {
    // In this version, answers do not name the leader.
    let builder = Cluster::builder().nodes(3).topic("orders", 1);
    let cluster = network::start(builder.max_version(ApiKey::PRODUCE, 9)).await;
    let connecting = network::client(&cluster).metadata_max_idle(seconds(60));
    let client = connecting.connect().await.unwrap();
    let builder = one_by_one(&client).delivery_timeout(seconds(1000));
    let producer = builder.build().unwrap();
    let mut flow = Flow::default();
    let move_on = |round| {
        cluster.move_leader("orders", 0, round % 3 + 1).unwrap();
    };
    for pause in [seconds(30), seconds(207)] {
        for round in 0..10 {
            move_on(round);
            let started = Instant::now();
            flow.send(&producer, "orders", 1, 1).await;
            producer.flush().await;
            assert!(started.elapsed() < seconds(1), "{:?}", started.elapsed());
            sleep(pause).await;
        }
    }
    // It is in use too for as long as a record waits to be stored.
    let code = ErrorCode::NOT_ENOUGH_REPLICAS;
    let fault = Fault::error(code).on(ApiKey::PRODUCE).always();
    let fault = cluster.faults().push(fault);
    flow.send(&producer, "orders", 1, 1).await;
    sleep(seconds(200)).await;
    move_on(1);
    cluster.faults().remove(fault);
    let started = Instant::now();
    producer.flush().await;
    assert!(started.elapsed() < seconds(3), "{:?}", started.elapsed());
    flow.settle_well(&cluster, "orders").await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_missing_from_an_answer_or_two_loses_nothing() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    let mut flow = Flow::default();
    for round in 0..10 {
        stream(&mut flow, &producer, 6, 30).await;
        for code in [
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
            ErrorCode::LEADER_NOT_AVAILABLE,
        ] {
            cluster
                .faults()
                .push(Fault::error(code).on(ApiKey::METADATA).topic("orders"));
        }
        cluster
            .move_leader("orders", round % 6, round % 3 + 1)
            .unwrap();
    }
    flow.settle_well(&cluster, "orders").await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_created_anew_is_produced_to() {
    for partitions in [6, 2, 9] {
        let (cluster, client) = orders().await;
        let producer = one_by_one(&client).build().unwrap();
        // Leader epochs rise, and begin anew with the topic.
        for partition in 0..6 {
            for node in [1, 2, 3, partition % 3 + 1] {
                cluster.move_leader("orders", partition, node).unwrap();
            }
        }
        let mut flow = Flow::default();
        stream(&mut flow, &producer, 6, 60).await;
        producer.flush().await;
        cluster.delete_topic("orders").unwrap();
        cluster.create_topic("orders", partitions).unwrap();
        let old = cluster.with_state(|state| state.topic_id("orders"));
        for partition in 0..partitions {
            let node = (partition + 1) % 3 + 1;
            cluster.move_leader("orders", partition, node).unwrap();
        }
        let mut flow = Flow {
            first: 60,
            ..Flow::default()
        };
        // Some go to where a partition was, and are told that there is none.
        stream(&mut flow, &producer, 6, 60).await;
        producer.flush().await;
        for (text, delivery) in &flow.sent {
            let told = delivery.try_get().unwrap();
            assert_eq!(
                told.is_ok(),
                delivery.partition() < partitions,
                "{text}: {told:?}"
            );
            if let Err(error) = told {
                assert_eq!(error.persistence(), Persistence::No, "{error}");
                assert!(error.to_string().contains("UNKNOWN_TOPIC"), "{error}");
            }
        }
        for key in 0..100 {
            let key = format!("key {key}");
            let delivery = producer
                .send(Record::to("orders").key(&*key))
                .await
                .unwrap();
            assert!(delivery.await.unwrap().partition() < partitions);
            let delivery = producer
                .send(Record::to("orders").value(&*key))
                .await
                .unwrap();
            assert!(delivery.await.unwrap().partition() < partitions);
        }
        assert_eq!(
            producer.partitions_for("orders").await.unwrap(),
            usize::try_from(partitions).unwrap()
        );
        assert_eq!(old, cluster.with_state(|state| state.topic_id("orders")));
        assert_eq!(cluster.audit().lost(), 0);
        drained(&producer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_brokers_have_not_heard_of_yet_is_asked_for_again() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    let known = producer.send(Record::to("orders")).await.unwrap();
    known.await.unwrap();
    cluster.faults().push(Fault::stale_metadata().times(20));
    let other = network::client(&cluster).connect().await.unwrap();
    let growing = async { other.admin().create_partitions([("orders", 7)]).await };
    let sending = async { producer.send(Record::to("orders").partition(6)).await };
    let (grown, sent) = tokio::join!(growing, sending);
    assert!(grown[0].result.is_ok(), "{grown:?}");
    assert_eq!(sent.unwrap().await.unwrap().partition(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_topic_in_use_is_not_forgotten_however_short_the_memory() {
    let builder = Cluster::builder().nodes(3).topic("orders", 1);
    let cluster = network::start(builder.max_version(ApiKey::PRODUCE, 9)).await;
    let connecting = network::client(&cluster).metadata_max_idle(seconds(5));
    let client = connecting.connect().await.unwrap();
    let producer = one_by_one(&client).build().unwrap();
    for round in 0..5 {
        sleep(seconds(20 + round)).await;
        let started = Instant::now();
        cluster
            .move_leader("orders", 0, i32::try_from(round).unwrap() % 3 + 1)
            .unwrap();
        let delivery = producer.send(Record::to("orders")).await.unwrap();
        delivery.await.unwrap();
        assert!(started.elapsed() < seconds(2), "{:?}", started.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_gone_is_an_error() {
    let builder = Cluster::builder()
        .nodes(3)
        .topic("orders", 6)
        .auto_create_topics(false);
    let (cluster, client) = start(builder).await;
    let producer = one_by_one(&client).build().unwrap();
    let mut flow = Flow::default();
    flow.send(&producer, "orders", 6, 6).await;
    producer.flush().await;
    cluster.delete_topic("orders").unwrap();
    let delivery = producer.send(Record::to("orders")).await.unwrap();
    let error = delivery.await.unwrap_err();
    assert_eq!(
        (error.kind(), error.persistence()),
        (ProduceErrorKind::TimedOut, Persistence::No)
    );
    assert!(error.to_string().contains("UNKNOWN_TOPIC"), "{error}");
    // By now it is known to be gone.
    let started = Instant::now();
    let error = producer.send(Record::to("orders")).await.unwrap_err();
    assert_eq!(error.kind(), ProduceErrorKind::UnknownTopic, "{error}");
    assert!(started.elapsed() < seconds(61));
    cluster.create_topic("orders", 1).unwrap();
    producer
        .send(Record::to("orders"))
        .await
        .unwrap()
        .await
        .unwrap();
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_may_not_be_seen_is_refused_at_once() {
    let (cluster, client) = orders().await;
    let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    cluster.faults().push(
        Fault::error(code)
            .on(ApiKey::METADATA)
            .topic("orders")
            .always(),
    );
    let producer = client.producer().build().unwrap();
    let started = Instant::now();
    let error = producer.send(Record::to("orders")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code()),
        (ProduceErrorKind::Unauthorized, Some(29)),
        "{error}"
    );
    assert!(started.elapsed() < seconds(1));
}
