//! Order, and who shares batches and requests with whom.

use std::{collections::BTreeSet, time::Duration};

use milena::Record;
use milena_broker::{Cluster, protocol::ApiKey};
use tokio::time::sleep;

use crate::{
    faults::{self, ms},
    stored::{Flow, check, stored},
    tcp::{HANG, HOUR, drained, in_order_by_task, orders, run, start},
};

#[test]
fn records_of_a_partition_stay_in_the_order_in_which_they_were_accepted() {
    run(async {
        let (cluster, client) = orders(4).await;
        let producer = client
            .producer()
            .linger(Duration::ZERO)
            .batch_size(300)
            .build()
            .unwrap();
        let mut flow = Flow::default();
        flow.send(&producer, "orders", 4, 3000).await;
        let outcomes = flow.settle().await;
        check(&cluster, "orders", &outcomes);
        for partition in 0..4 {
            let acknowledged = outcomes
                .iter()
                .filter(|outcome| outcome.partition == partition);
            let offsets: Vec<_> = acknowledged
                .map(|outcome| outcome.result.as_ref().unwrap().offset().unwrap())
                .collect();
            assert_eq!(offsets, (0..750).collect::<Vec<_>>());
        }
        drained(&producer).await;
    });
}

#[test]
fn many_tasks_send_to_one_topic() {
    run(async {
        let (cluster, client) = orders(5).await;
        let producer = client
            .producer()
            .linger(Duration::ZERO)
            .batch_size(2000)
            .build()
            .unwrap();
        let mut tasks = Vec::new();
        for task in 0..16 {
            let producer = producer.clone();
            tasks.push(tokio::spawn(async move {
                let key = format!("key of {task}");
                let mut deliveries = Vec::new();
                for nth in 0..300 {
                    let text = format!("{task:02}:{nth:03}:");
                    let record = Record::to("orders").key(&*key).value(&*text);
                    deliveries.push(producer.send(record).await.unwrap());
                }
                let mut last = -1;
                for delivery in deliveries {
                    let offset = delivery.await.unwrap().offset().unwrap();
                    assert!(offset > last);
                    last = offset;
                }
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        in_order_by_task(&cluster, 5, 16, 300);
        let audit = cluster.audit();
        assert_eq!(
            (audit.lost(), audit.duplicated(), audit.acknowledged()),
            (0, 0, 4800)
        );
        drained(&producer).await;
    });
}

#[test]
fn two_producers_of_one_client_are_two_to_the_broker() {
    run(async {
        let (cluster, client) = orders(2).await;
        let producers = [
            client.producer().build().unwrap(),
            client.producer().build().unwrap(),
        ];
        let mut deliveries = Vec::new();
        for nth in 0..1000 {
            let text = nth.to_string();
            let record = Record::to("orders").partition(nth % 2).value(&*text);
            deliveries.push(
                producers[usize::try_from(nth).unwrap() / 2 % 2]
                    .send(record)
                    .await
                    .unwrap(),
            );
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        let ids: BTreeSet<_> = stored(&cluster, "orders", 0)
            .iter()
            .map(|r| r.producer_id)
            .collect();
        assert_eq!(ids.len(), 2);
        let audit = cluster.audit();
        assert_eq!(
            (audit.lost(), audit.duplicated(), audit.stored()),
            (0, 0, 1000)
        );
        // The end of one is not the end of the other.
        producers[0].close(HANG).await.unwrap();
        producers[1]
            .send(Record::to("orders"))
            .await
            .unwrap()
            .await
            .unwrap();
    });
}

#[test]
fn a_thousand_partitions_share_requests() {
    run(async {
        let (cluster, client) = orders(1000).await;
        let producer = client
            .producer()
            .linger(HOUR)
            .buffer_memory(1 << 26)
            .build()
            .unwrap();
        let mut flow = Flow::default();
        for _ in 0..2 {
            flow.send(&producer, "orders", 1000, 3000).await;
            producer.flush().await;
        }
        let requests = cluster.request_count(ApiKey::PRODUCE);
        assert!(requests < 500, "{requests} requests for 2000 batches");
        flow.settle_well(&cluster, "orders").await;
        drained(&producer).await;
    });
}

#[test]
fn several_topics_go_in_one_request() {
    run(async {
        let names: Vec<_> = (0..20).map(|nth| format!("topic-{nth:02}")).collect();
        let mut builder = Cluster::builder();
        for name in &names {
            builder = builder.topic(name, 3);
        }
        let (cluster, client) = start(builder).await;
        let producer = client.producer().linger(HOUR).build().unwrap();
        // The connection is made, and the topics are known.
        for name in &names {
            producer.partitions_for(name).await.unwrap();
        }
        let first = producer
            .send(Record::to("topic-00").partition(2).value("first"))
            .await
            .unwrap();
        producer.flush().await;
        first.await.unwrap();
        let before = cluster.request_count(ApiKey::PRODUCE);
        let mut deliveries = Vec::new();
        for name in &names {
            for partition in 0..2 {
                let record = Record::to(name).partition(partition).value(&**name);
                deliveries.push((name, partition, producer.send(record).await.unwrap()));
            }
        }
        producer.flush().await;
        let requests = cluster.request_count(ApiKey::PRODUCE) - before;
        assert!(requests <= 10, "{requests} requests for 40 batches");
        for (name, partition, delivery) in deliveries {
            let metadata = delivery.await.unwrap();
            assert_eq!(
                (metadata.topic(), metadata.partition()),
                (&**name, partition)
            );
            assert_eq!(metadata.offset(), Some(0));
            assert_eq!(stored(&cluster, name, partition)[0].text(), name);
        }
    });
}

#[test]
fn each_record_of_a_large_batch_may_be_waited_for_by_a_task_of_its_own() {
    run(async {
        let (_cluster, client) = orders(1).await;
        let producer = client
            .producer()
            .linger(HOUR)
            .batch_size(1 << 20)
            .build()
            .unwrap();
        let mut tasks = Vec::new();
        for _ in 0..20_000 {
            let delivery = producer.send(Record::to("orders")).await.unwrap();
            tasks.push(tokio::spawn(delivery));
        }
        producer.flush().await;
        for (nth, task) in (0..).zip(tasks) {
            assert_eq!(task.await.unwrap().unwrap().offset(), Some(nth));
        }
    });
}

#[tokio::test(start_paused = true)]
async fn lingering_fills_batches() {
    let builder = Cluster::builder().topic("orders", 1);
    let (cluster, client) = faults::start(builder).await;
    let producer = client
        .producer()
        .linger(ms(100))
        .batch_size(1 << 20)
        .build()
        .unwrap();
    let mut flow = Flow::default();
    for _ in 0..300 {
        flow.send(&producer, "orders", 1, 1).await;
        sleep(ms(1)).await;
    }
    flow.settle_well(&cluster, "orders").await;
    let requests = cluster.request_count(ApiKey::PRODUCE);
    assert!((3..=4).contains(&requests), "{requests} requests in 300 ms");
}
