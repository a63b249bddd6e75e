//! Which partition is chosen: by load, by rack, in turn, and by the caller's own rule. In memory, in paused time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use milena::{
    Client, Partitioner, Partitions, ProduceErrorKind, Producer, ProducerBuilder, Record,
    RoundRobin,
};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use tokio::time::sleep;

use crate::network;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Three nodes in racks of their own, each of which leads one of three partitions.
async fn racks() -> (Arc<Cluster>, Client) {
    let builder = Cluster::builder().nodes(3).racks(["a", "b", "c"]);
    let cluster = network::start(builder.topic("orders", 3)).await;
    for partition in 0..3 {
        cluster
            .move_leader("orders", partition, partition + 1)
            .unwrap();
    }
    let client = network::client(&cluster).connect().await.unwrap();
    (cluster, client)
}

fn small(client: &Client) -> ProducerBuilder {
    client.producer().batch_size(300).linger(Duration::ZERO)
}

/// Sends records of 100 bytes, one each millisecond. Says how many went to each of three partitions.
async fn spread(producer: &Producer, count: usize) -> [usize; 3] {
    let mut seen = [0; 3];
    for _ in 0..count {
        let delivery = producer.send(Record::to("orders").value(&[7; 100])).await;
        seen[usize::try_from(delivery.unwrap().partition()).unwrap()] += 1;
        sleep(ms(1)).await;
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn a_partition_is_stayed_with_until_it_was_given_a_batchs_worth_of_bytes() {
    const BATCH: usize = 10_000;
    let cluster = network::start(Cluster::builder().topic("orders", 50)).await;
    let client = network::client(&cluster).connect().await.unwrap();
    // Without lingering each record is a batch by itself, with a header, and the partition is stayed with all the same.
    for (linger, header) in [(ms(0), 61), (ms(3_600_000), 0)] {
        for size in [30, 100, 1000] {
            let builder = client.producer().batch_size(BATCH).linger(linger);
            let producer = builder.adaptive_partitioning(false).build().unwrap();
            let taken = size + 8 + header;
            let mut partitions = Vec::new();
            for _ in 0..30 * BATCH / taken {
                let value = vec![7; size];
                let delivery = producer.send(Record::to("orders").value(&value)).await;
                partitions.push(delivery.unwrap().partition());
                sleep(ms(1)).await;
            }
            producer.close(ms(1000)).await.unwrap();
            // Now and then a partition is chosen twice in a row.
            let turns = partitions.chunk_by(|a, b| a == b).count();
            assert!((22..36).contains(&turns), "{turns} of {size} bytes each");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_partition_is_given_less() {
    let delay = || Fault::delay(ms(100)).on(ApiKey::PRODUCE).node(2).always();
    for adaptive in [true, false] {
        let (cluster, client) = racks().await;
        cluster.faults().push(delay());
        let producer = small(&client).adaptive_partitioning(adaptive).build();
        let seen = spread(&producer.unwrap(), 3000).await;
        if adaptive {
            assert!(seen[1] * 2 < seen[0].min(seen[2]), "{seen:?}");
        } else {
            assert!(seen[1] > 800, "{seen:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_partition_whose_broker_hangs_is_given_nothing_more() {
    for timeout in [ms(50), Duration::ZERO] {
        let (cluster, client) = racks().await;
        let hang = Fault::hang().on(ApiKey::PRODUCE).node(2).always();
        cluster.faults().push(hang);
        let producer = small(&client)
            .adaptive_partitioning(false)
            .availability_timeout(timeout)
            .build()
            .unwrap();
        spread(&producer, 500).await;
        let seen = spread(&producer, 4000).await;
        assert_eq!(seen[1] == 0, !timeout.is_zero(), "{seen:?}");
        // A hanging partition's batches fill, so that each choice gives it more: about half in all.
        assert!(seen[0] > 800 && seen[2] > 800, "{seen:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn records_stay_in_the_rack_as_long_as_it_has_a_leader() {
    let (cluster, client) = racks().await;
    let producer = small(&client).rack("b").build().unwrap();
    assert_eq!(spread(&producer, 300).await, [0, 300, 0]);
    cluster.move_leader("orders", 1, 3).unwrap();
    cluster.move_leader("orders", 0, 2).unwrap();
    // Once that is known.
    spread(&producer, 50).await;
    assert_eq!(spread(&producer, 300).await, [300, 0, 0]);
    cluster.move_leader("orders", 0, 1).unwrap();
    spread(&producer, 50).await;
    let seen = spread(&producer, 300).await;
    assert!(seen.iter().all(|seen| *seen > 30), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_key_counts_unless_it_is_to_be_ignored() {
    let (_cluster, client) = racks().await;
    for (ignore, partitions) in [(false, 1), (true, 3)] {
        let producer = small(&client).ignore_keys(ignore).build().unwrap();
        let mut seen = BTreeMap::new();
        for _ in 0..100 {
            let record = Record::to("orders").key("always the same").value(&[7; 100]);
            let delivery = producer.send(record).await.unwrap();
            *seen.entry(delivery.partition()).or_insert(0) += 1;
        }
        assert_eq!(seen.len(), partitions, "{seen:?}");
    }
}

/// What a partitioner was shown.
type Shown = Vec<(Option<Vec<u8>>, Option<Vec<u8>>, usize, [usize; 3])>;

#[derive(Debug, Default)]
struct Watching(Arc<Mutex<Shown>>);

impl Partitioner for Watching {
    fn partition(&self, record: &Record<'_>, partitions: &Partitions<'_>) -> Option<i32> {
        assert_eq!((record.topic(), partitions.count()), ("orders", 3));
        assert_eq!(
            (partitions.leader(1), partitions.rack(1)),
            (Some(2), Some("b"))
        );
        assert_eq!((partitions.leader(3), partitions.rack(-1)), (None, None));
        self.0.lock().unwrap().push((
            record.key_bytes().map(<[u8]>::to_vec),
            record.value_bytes().map(<[u8]>::to_vec),
            record.header_refs().len(),
            [0, 1, 2].map(|partition| partitions.load(partition)),
        ));
        match record.key_bytes() {
            None => None,
            Some(b"beyond") => Some(3),
            Some(_) => Some(2),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_partitioner_of_ones_own_sees_the_record_and_the_load() {
    let (cluster, client) = racks().await;
    let watching = Watching::default();
    let shown = watching.0.clone();
    let producer = client
        .producer()
        .batch_size(1)
        .max_block(ms(200))
        .partitioner(watching);
    let producer = producer.build().unwrap();
    cluster
        .faults()
        .push(Fault::hang().on(ApiKey::PRODUCE).node(3).always());
    for _ in 0..3 {
        let record = Record::to("orders").key("k").value("v").header("h", "1");
        assert_eq!(producer.send(record).await.unwrap().partition(), 2);
    }
    // A record that names its partition is not asked about.
    let named = Record::to("orders").key("k").partition(0);
    producer.send(named).await.unwrap().await.unwrap();
    let other = producer.send(Record::to("orders")).await.unwrap();
    let error = producer.send(Record::to("orders").key("beyond")).await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind(), error.partition()),
        (ProduceErrorKind::UnknownTopic, Some(3))
    );
    let shown = shown.lock().unwrap();
    let (key, value) = (Some(b"k".to_vec()), Some(b"v".to_vec()));
    for (before, shown) in shown.iter().take(3).enumerate() {
        assert_eq!(*shown, (key.clone(), value.clone(), 1, [0, 0, before]));
    }
    assert_eq!(shown[3], (None, None, 0, [0, 0, 3]));
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn in_turn_each_partition_gets_as_much_also_when_memory_is_short() {
    let (cluster, client) = racks().await;
    cluster.create_topic("pairs", 2).unwrap();
    let producer = client
        .producer()
        .batch_size(1024)
        .buffer_memory(1024)
        .linger(Duration::ZERO)
        .partitioner(RoundRobin::new());
    let producer = producer.build().unwrap();
    let mut seen = [0; 2];
    for _ in 0..300 {
        let record = Record::to("pairs").key("always the same").value(&[7; 500]);
        let delivery = producer.send(record).await.unwrap();
        seen[usize::try_from(delivery.partition()).unwrap()] += 1;
    }
    assert_eq!(seen, [150; 2]);
}
