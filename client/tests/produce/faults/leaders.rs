//! Leaders that move, nodes that fall, partitions that fail while others do not.

use milena::{Persistence, ProduceErrorKind, Record};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, sleep};

use super::{drained, ms, one_by_one, orders, seconds, start, stream};
use crate::{network, stored::Flow};

#[tokio::test(start_paused = true)]
async fn leaders_that_move_are_followed_with_and_without_hints() {
    for version in [13, 9] {
        for stale in [false, true] {
            let builder = Cluster::builder().nodes(3).topic("orders", 6);
            let (cluster, client) = start(builder.max_version(ApiKey::PRODUCE, version)).await;
            let producer = one_by_one(&client).build().unwrap();
            let mut flow = Flow::default();
            for round in 0..30 {
                stream(&mut flow, &producer, 6, 20).await;
                if stale {
                    cluster.faults().push(Fault::stale_metadata().times(2));
                }
                for partition in 0..6 {
                    if (partition + round) % 3 == 0 {
                        cluster
                            .move_leader("orders", partition, (round + partition) % 3 + 1)
                            .unwrap();
                    }
                }
            }
            flow.settle_well(&cluster, "orders").await;
            drained(&producer).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nodes_that_fall_and_rise_in_mid_stream() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    let mut flow = Flow::default();
    for round in 0..9 {
        let node = round % 3 + 1;
        stream(&mut flow, &producer, 6, 50).await;
        cluster.node_down(node).await.unwrap();
        stream(&mut flow, &producer, 6, 50).await;
        cluster.node_up(node).await.unwrap();
    }
    flow.settle_well(&cluster, "orders").await;
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_was_down_altogether_is_found_again() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    for pause in [ms(10), seconds(5), seconds(100)] {
        let mut flow = Flow {
            first: stored_records(&cluster),
            ..Flow::default()
        };
        stream(&mut flow, &producer, 6, 60).await;
        for node in 1..=3 {
            cluster.node_down(node).await.unwrap();
        }
        stream(&mut flow, &producer, 6, 60).await;
        sleep(pause).await;
        for node in [3, 1, 2] {
            cluster.node_up(node).await.unwrap();
            sleep(ms(300)).await;
        }
        stream(&mut flow, &producer, 6, 60).await;
        flow.settle_well(&cluster, "orders").await;
        drained(&producer).await;
    }
}

fn stored_records(cluster: &Cluster) -> usize {
    usize::try_from(cluster.audit().stored()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_an_answer_names_is_sent_to_at_once_whatever_metadata_says() {
    let (cluster, client) = orders().await;
    let builder = one_by_one(&client).retry_backoff(seconds(10), seconds(10));
    let producer = builder.build().unwrap();
    let mut flow = Flow::default();
    stream(&mut flow, &producer, 6, 60).await;
    producer.flush().await;
    let stale = Fault::stale_metadata().on(ApiKey::METADATA);
    cluster.faults().push(stale.always());
    for round in 0..6 {
        for partition in 0..6 {
            let node = (partition + round) % 3 + 1;
            cluster.move_leader("orders", partition, node).unwrap();
        }
        let started = Instant::now();
        flow.send(&producer, "orders", 6, 60).await;
        producer.flush().await;
        assert!(started.elapsed() < ms(100), "{:?}", started.elapsed());
    }
    flow.settle_well(&cluster, "orders").await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_fails_holds_no_other_back() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    // Known, connected, begun.
    let mut flow = Flow::default();
    flow.send(&producer, "orders", 6, 60).await;
    producer.flush().await;
    let code = ErrorCode::NOT_ENOUGH_REPLICAS;
    cluster
        .faults()
        .push(Fault::error(code).on(ApiKey::PRODUCE).partition(0).always());
    let started = Instant::now();
    stream(&mut flow, &producer, 6, 300).await;
    sleep(ms(10)).await;
    for (text, delivery) in &flow.sent[60..] {
        let done = delivery.try_get().is_some();
        assert_eq!(
            done,
            delivery.partition() != 0,
            "{text} after {:?}",
            started.elapsed()
        );
    }
    cluster.faults().clear();
    flow.settle_well(&cluster, "orders").await;
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_holds_no_other_back() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    let mut flow = Flow::default();
    flow.send(&producer, "orders", 6, 60).await;
    producer.flush().await;
    cluster
        .faults()
        .push(Fault::hang().on(ApiKey::PRODUCE).node(2).times(1));
    stream(&mut flow, &producer, 6, 300).await;
    sleep(ms(10)).await;
    for (text, delivery) in &flow.sent[60..] {
        let leader = cluster
            .with_state(|state| state.leader("orders", delivery.partition()))
            .unwrap()
            .0;
        assert_eq!(delivery.try_get().is_some(), leader != 2, "{text}");
    }
    flow.settle_well(&cluster, "orders").await;
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_without_a_leader_is_told_of_and_avoided() {
    let builder = Cluster::builder()
        .nodes(2)
        .replication_factor(1)
        .topic("orders", 2);
    let (cluster, client) = start(builder).await;
    let led = |node| {
        (0..2)
            .find(|p| cluster.with_state(|s| s.leader("orders", *p)).unwrap().0 == node)
            .unwrap()
    };
    let (dead, alive) = (led(2), led(1));
    for known_before in [true, false] {
        let client = network::client(&cluster).connect().await.unwrap();
        let producer = client.producer().batch_size(100).build().unwrap();
        if known_before {
            producer
                .send(Record::to("orders").partition(dead))
                .await
                .unwrap()
                .await
                .unwrap();
        }
        cluster.node_down(2).await.unwrap();
        let delivery = producer
            .send(Record::to("orders").partition(dead))
            .await
            .unwrap();
        let error = delivery.await.unwrap_err();
        assert_eq!(
            (error.kind(), error.persistence()),
            (ProduceErrorKind::TimedOut, Persistence::No)
        );
        assert!(error.to_string().contains("no leader"), "{error}");
        // By now, it is known well enough.
        for _ in 0..100 {
            let delivery = producer
                .send(Record::to("orders").value(&[0; 60]))
                .await
                .unwrap();
            assert_eq!(delivery.await.unwrap().partition(), alive);
        }
        cluster.node_up(2).await.unwrap();
        producer
            .send(Record::to("orders").partition(dead))
            .await
            .unwrap()
            .await
            .unwrap();
        drained(&producer).await;
    }
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn records_without_a_key_leave_a_partition_that_lost_its_leader() {
    let builder = Cluster::builder()
        .nodes(2)
        .replication_factor(1)
        .topic("orders", 2);
    let (cluster, client) = start(builder).await;
    let mut producers = Vec::new();
    // Each has chosen a partition by chance: hardly all the one that stays.
    for _ in 0..20 {
        let producer = client.producer().build().unwrap();
        producer.partitions_for("orders").await.unwrap();
        producers.push(producer);
    }
    cluster.node_down(2).await.unwrap();
    // Somebody has to meet with it before it is known.
    let dead = (0..2)
        .find(|p| cluster.with_state(|s| s.leader("orders", *p)).is_none())
        .unwrap();
    drop(
        producers[0]
            .send(Record::to("orders").partition(dead))
            .await
            .unwrap(),
    );
    sleep(seconds(5)).await;
    for producer in &producers[1..] {
        let delivery = producer.send(Record::to("orders")).await.unwrap();
        assert_eq!(delivery.await.unwrap().partition(), 1 - dead);
    }
}

#[tokio::test(start_paused = true)]
async fn want_of_memory_ends_the_linger_of_those_who_came_by_it_too() {
    let (_cluster, client) = orders().await;
    let hour = seconds(3600);
    let producer = client
        .producer()
        .buffer_memory(1024)
        .batch_size(1024)
        .linger(hour);
    let producer = producer.build().unwrap();
    producer.partitions_for("orders").await.unwrap();
    let started = Instant::now();
    // All memory is one batch's. Each gets it from the one before, and none would let go of it by itself.
    let sends = (0..6).map(|partition| {
        let producer = producer.clone();
        tokio::spawn(async move {
            drop(
                producer
                    .send(Record::to("orders").partition(partition))
                    .await
                    .unwrap(),
            );
        })
    });
    for send in sends.collect::<Vec<_>>() {
        send.await.unwrap();
    }
    assert!(started.elapsed() < seconds(1), "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_lost_its_partitions_is_not_dialed_for_them() {
    let (cluster, client) = orders().await;
    let producer = one_by_one(&client).build().unwrap();
    let mut flow = Flow::default();
    stream(&mut flow, &producer, 6, 60).await;
    cluster.node_down(1).await.unwrap();
    stream(&mut flow, &producer, 6, 60).await;
    flow.settle_well(&cluster, "orders").await;
    sleep(seconds(5)).await;
    cluster.node_up(1).await.unwrap();
    let before = cluster.requests().len();
    sleep(seconds(30)).await;
    let after = cluster.requests();
    let late: Vec<_> = after[before..]
        .iter()
        .filter(|request| request.node == 1)
        .collect();
    assert!(late.is_empty(), "{late:?}");
}
