//! Reading without a group against the embedded cluster, with what goes wrong on the way.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    log::{Transaction, append},
    network,
};
use milena::{Client, Compression, IsolationLevel, ReadError, Reader, ReceivedRecord};
use milena_broker::{
    Cluster, ClusterBuilder, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, timeout};

async fn orders(builder: ClusterBuilder) -> (Arc<Cluster>, Client) {
    let cluster = network::start(builder.topic("orders", 3)).await;
    let client = network::client(&cluster).connect().await.unwrap();
    (cluster, client)
}

/// Writes `batches` batches of ten records to each partition; each value says where it is.
fn fill(cluster: &Cluster, batches: i64) {
    let codecs = [
        Compression::NONE,
        Compression::GZIP,
        Compression::SNAPPY,
        Compression::LZ4,
        Compression::ZSTD,
    ];
    for partition in 0..3 {
        for (batch, codec) in (0..batches).zip(codecs.iter().cycle()) {
            let value = |offset| format!("{partition}:{offset}:{}", "x".repeat(50)).into_bytes();
            let values: Vec<_> = (batch * 10..batch * 10 + 10).map(value).collect();
            append(cluster, "orders", partition, &values, *codec);
        }
    }
}

async fn all(mut reader: Reader) -> Vec<ReceivedRecord> {
    let mut records = Vec::new();
    while let Some(record) = reader.next().await {
        records.push(record.unwrap());
    }
    records
}

/// Each partition's offsets, in the order in which they came.
fn offsets(records: &[ReceivedRecord]) -> BTreeMap<i32, Vec<i64>> {
    let mut offsets: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for record in records {
        let value = record.value.as_ref().unwrap();
        let place = format!("{}:{}:", record.partition, record.offset);
        assert!(
            value.starts_with(place.as_bytes()),
            "{place} holds {value:?}"
        );
        offsets
            .entry(record.partition)
            .or_default()
            .push(record.offset);
    }
    offsets
}

fn each(range: std::ops::Range<i64>) -> BTreeMap<i32, Vec<i64>> {
    (0..3)
        .map(|partition| (partition, range.clone().collect()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn everything_is_read_once_and_in_order_from_all_leaders_and_codecs() {
    let (cluster, client) = orders(Cluster::builder().nodes(3)).await;
    fill(&cluster, 20);
    let reader = client
        .reader("orders")
        .from_beginning()
        .to_end()
        .build()
        .await
        .unwrap();
    let records = all(reader).await;
    assert_eq!(offsets(&records), each(0..200));
    assert_eq!(
        (&*records[0].topic, records[0].timestamp, &records[0].key),
        ("orders", 1000, &None)
    );
}

#[tokio::test(start_paused = true)]
async fn reading_starts_and_stops_where_it_should() {
    let (cluster, client) = orders(Cluster::builder().nodes(3)).await;
    fill(&cluster, 4);
    let from = |offset| {
        client
            .reader("orders")
            .partition(1)
            .from_offset(offset)
            .to_end()
    };
    // Within a batch, at its edge, at the end.
    for start in [0, 7, 20, 39, 40] {
        let records = all(from(start).build().await.unwrap()).await;
        assert_eq!(
            offsets(&records).remove(&1).unwrap_or_default(),
            (start..40).collect::<Vec<_>>()
        );
    }
    // What comes after the reader was built is beyond its end.
    let reader = from(30).build().await.unwrap();
    append(
        &cluster,
        "orders",
        1,
        &[b"1:40:".to_vec()],
        Compression::NONE,
    );
    assert_eq!(all(reader).await.len(), 10);
    // An empty topic has its end at once.
    cluster.create_topic("empty", 2).unwrap();
    let reader = client
        .reader("empty")
        .from_beginning()
        .to_end()
        .build()
        .await
        .unwrap();
    assert!(all(reader).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn tailing_yields_what_is_written_later() {
    let (cluster, client) = orders(Cluster::builder().nodes(3)).await;
    fill(&cluster, 2);
    let mut reader = client.reader("orders").build().await.unwrap();
    assert!(
        timeout(Duration::from_secs(30), reader.next())
            .await
            .is_err(),
        "nothing is there yet"
    );
    for (partition, offset) in [(2, 20), (0, 20), (2, 21)] {
        let value = format!("{partition}:{offset}:").into_bytes();
        append(&cluster, "orders", partition, &[value], Compression::NONE);
        let record = timeout(Duration::from_secs(5), reader.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!((record.partition, record.offset), (partition, offset));
    }
    assert_eq!(reader.positions(), [(0, 21), (1, 20), (2, 22)]);
}

#[tokio::test(start_paused = true)]
async fn giving_up_on_next_loses_nothing() {
    let (cluster, client) = orders(Cluster::builder().nodes(3)).await;
    fill(&cluster, 10);
    let builder = client
        .reader("orders")
        .from_beginning()
        .to_end()
        .max_partition_fetch_bytes(300);
    let mut reader = builder.build().await.unwrap();
    cluster.faults().push(
        Fault::delay(Duration::from_millis(30))
            .on(ApiKey::FETCH)
            .always(),
    );
    let mut records = Vec::new();
    loop {
        match timeout(Duration::from_millis(7), reader.next()).await {
            Ok(Some(record)) => records.push(record.unwrap()),
            Ok(None) => break,
            Err(_) => {}
        }
    }
    assert_eq!(offsets(&records), each(0..100));
}

#[tokio::test(start_paused = true)]
async fn leaders_that_move_and_nodes_that_restart_are_followed() {
    let (cluster, client) = orders(Cluster::builder().nodes(3)).await;
    fill(&cluster, 20);
    let builder = client
        .reader("orders")
        .from_beginning()
        .to_end()
        .max_partition_fetch_bytes(300);
    let mut reader = builder.build().await.unwrap();
    let mut records = Vec::new();
    while let Some(record) = reader.next().await {
        records.push(record.unwrap());
        match records.len() {
            100 => cluster.move_leader("orders", 0, 3).unwrap(),
            200 => cluster.node_down(1).await.unwrap(),
            300 => cluster.node_up(1).await.unwrap(),
            400 => cluster.move_leader("orders", 0, 1).unwrap(),
            _ => {}
        }
    }
    assert_eq!(offsets(&records), each(0..200));
}

#[tokio::test(start_paused = true)]
async fn errors_and_lost_answers_are_retried() {
    let (cluster, client) = orders(Cluster::builder().nodes(3)).await;
    fill(&cluster, 5);
    let fetch = |fault: Fault| cluster.faults().push(fault.on(ApiKey::FETCH));
    fetch(
        Fault::error(ErrorCode::NOT_LEADER_OR_FOLLOWER)
            .topic("orders")
            .partition(0),
    );
    fetch(
        Fault::error(ErrorCode::UNKNOWN_LEADER_EPOCH)
            .topic("orders")
            .partition(1),
    );
    fetch(Fault::lose_answer().after(1));
    fetch(Fault::garbage().after(2));
    fetch(Fault::truncate(30).after(3));
    fetch(Fault::wrong_correlation_id().after(4));
    cluster
        .faults()
        .push(Fault::lose_answer().on(ApiKey::LIST_OFFSETS));
    let reader = client
        .reader("orders")
        .from_beginning()
        .to_end()
        .build()
        .await
        .unwrap();
    assert_eq!(offsets(&all(reader).await), each(0..50));
}

#[tokio::test(start_paused = true)]
async fn a_batch_larger_than_what_is_fetched_at_a_time_is_read() {
    let (cluster, client) = orders(Cluster::builder()).await;
    append(
        &cluster,
        "orders",
        0,
        &[vec![b'0'; 300_000]],
        Compression::NONE,
    );
    let builder = client
        .reader("orders")
        .partition(0)
        .from_beginning()
        .to_end();
    let reader = builder
        .max_partition_fetch_bytes(100)
        .fetch_max_bytes(100)
        .build()
        .await
        .unwrap();
    assert_eq!(all(reader).await[0].value.as_ref().unwrap().len(), 300_000);
}

#[tokio::test(start_paused = true)]
async fn an_offset_that_is_not_in_the_log_is_an_error_that_says_what_is() {
    let (cluster, client) = orders(Cluster::builder()).await;
    fill(&cluster, 1);
    let beyond = client.reader("orders").partition(0).from_offset(99);
    let mut reader = beyond.clone().to_end().build().await.unwrap();
    let error = reader.next().await.unwrap().unwrap_err();
    assert!(matches!(error, ReadError::OutOfRange { .. }), "{error}");
    assert!(reader.next().await.is_none());

    let mut reader = beyond.build().await.unwrap();
    let error = reader.next().await.unwrap().unwrap_err();
    assert!(
        matches!(
            error,
            ReadError::OutOfRange {
                offset: 99,
                start: 0,
                end: 10,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        reader.next().await.is_none(),
        "nothing comes of it any more"
    );
}

#[tokio::test(start_paused = true)]
async fn a_decompression_bomb_is_an_error_and_reading_goes_on_behind_it() {
    let (cluster, client) = orders(Cluster::builder()).await;
    let bomb = vec![b'0'; 5 << 20];
    append(&cluster, "orders", 0, &[bomb], Compression::GZIP);
    append(
        &cluster,
        "orders",
        0,
        &[b"0:1:".to_vec()],
        Compression::NONE,
    );
    let builder = client
        .reader("orders")
        .partition(0)
        .from_beginning()
        .to_end();
    let mut reader = builder.max_decompressed(1 << 20).build().await.unwrap();
    let error = reader.next().await.unwrap().unwrap_err();
    assert!(
        matches!(error, ReadError::Corrupt { offset: 0, .. }),
        "{error}"
    );
    assert_eq!(reader.next().await.unwrap().unwrap().offset, 1);
    assert!(reader.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn records_deleted_before_they_were_read_are_skipped() {
    let (cluster, client) = orders(Cluster::builder()).await;
    fill(&cluster, 3);
    let builder = client
        .reader("orders")
        .partition(0)
        .from_beginning()
        .max_partition_fetch_bytes(1);
    let mut reader = builder.build().await.unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap().offset, 0);
    cluster.faults().push(
        Fault::error(ErrorCode::OFFSET_OUT_OF_RANGE)
            .on(ApiKey::FETCH)
            .after(1),
    );
    for offset in 1..30 {
        assert_eq!(reader.next().await.unwrap().unwrap().offset, offset);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_hangs_is_told_of_within_the_deadline() {
    let (cluster, client) = orders(Cluster::builder()).await;
    let mut reader = client
        .reader("orders")
        .from_beginning()
        .build()
        .await
        .unwrap();
    cluster
        .faults()
        .push(Fault::hang().on(ApiKey::FETCH).always());
    let started = Instant::now();
    let error = reader.next().await.unwrap().unwrap_err();
    assert!(matches!(error, ReadError::TimedOut { .. }), "{error}");
    assert!(error.to_string().contains("Fetch"), "{error}");
    assert!(
        started.elapsed() <= Duration::from_secs(100),
        "{:?}",
        started.elapsed()
    );
    // And reading goes on when the cluster does.
    cluster.faults().clear();
    append(
        &cluster,
        "orders",
        0,
        &[b"0:0:".to_vec()],
        Compression::NONE,
    );
    let mut next = reader.next().await.unwrap();
    while next.is_err() {
        next = reader.next().await.unwrap();
    }
    assert_eq!(next.unwrap().offset, 0);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_an_error() {
    let (_cluster, client) = orders(Cluster::builder().auto_create_topics(false)).await;
    let error = client
        .reader("orders")
        .partition(7)
        .build()
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ReadError::NoPartition {
                partition: 7,
                count: 3,
                ..
            }
        ),
        "{error}"
    );
    let error = client
        .reader("nothing")
        .build()
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"nothing\"") && error.contains("UNKNOWN_TOPIC_OR_PARTITION"),
        "{error}"
    );
    let error = client
        .reader("bad name")
        .build()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("INVALID_TOPIC_EXCEPTION"), "{error}");
    let error = client.reader("").build().await.unwrap_err().to_string();
    assert_eq!(error, "topic: is empty");
}

#[tokio::test(start_paused = true)]
async fn a_topic_created_anew_is_not_taken_for_the_old_one() {
    let (cluster, client) = orders(Cluster::builder()).await;
    fill(&cluster, 1);
    let mut reader = client
        .reader("orders")
        .partition(0)
        .from_beginning()
        .build()
        .await
        .unwrap();
    for _ in 0..10 {
        reader.next().await.unwrap().unwrap();
    }
    cluster.recreate_topic("orders").unwrap();
    let error = reader.next().await.unwrap().unwrap_err().to_string();
    assert!(error.contains("created anew"), "{error}");
    append(
        &cluster,
        "orders",
        0,
        &[b"0:0:".to_vec()],
        Compression::NONE,
    );
    assert!(reader.next().await.is_none());
}

/// What a reader of one partition, from the beginning to the end, sees at a level.
async fn values(client: &Client, level: IsolationLevel) -> Vec<String> {
    let reader = client.reader("orders").partition(0).from_beginning();
    let reader = reader.to_end().isolation_level(level);
    let records = all(reader.build().await.unwrap()).await;
    let value = |record: ReceivedRecord| String::from_utf8(record.value.unwrap().to_vec()).unwrap();
    records.into_iter().map(value).collect()
}

/// Transactions of two producers, woven into each other: 0 to 9 with their markers, and an open one from 10 on.
fn transactions(cluster: &Cluster) {
    let mut one = Transaction::of(cluster, "one");
    let mut other = Transaction::of(cluster, "other");
    one.write("orders", 0, "aborted 0");
    other.write("orders", 0, "committed 1");
    append(
        cluster,
        "orders",
        0,
        &[b"outside 2".to_vec()],
        Compression::NONE,
    );
    one.write("orders", 0, "aborted 3");
    one.end(false);
    one.write("orders", 0, "committed 5");
    other.end(true);
    other.write("orders", 0, "aborted 7");
    one.end(true);
    other.end(false);
    other.write("orders", 0, "open 10");
    append(
        cluster,
        "orders",
        0,
        &[b"outside 11".to_vec()],
        Compression::NONE,
    );
}

#[tokio::test(start_paused = true)]
async fn readers_of_committed_records_see_no_others() {
    let (cluster, client) = orders(Cluster::builder().nodes(3)).await;
    transactions(&cluster);
    let committed = values(&client, IsolationLevel::ReadCommitted).await;
    assert_eq!(committed, ["committed 1", "outside 2", "committed 5"]);
    let all = values(&client, IsolationLevel::ReadUncommitted).await;
    let written = [0, 1, 2, 3, 5, 7, 10, 11].map(|offset| offset.to_string());
    let offsets = all.iter().map(|value| value.split(' ').nth(1).unwrap());
    assert!(offsets.eq(written.iter()), "{all:?}");
}

#[tokio::test(start_paused = true)]
async fn readers_of_committed_records_see_no_others_however_little_comes_at_a_time() {
    let (cluster, client) = orders(Cluster::builder().nodes(3)).await;
    transactions(&cluster);
    for start in 0..=10 {
        let reader = client.reader("orders").partition(0).from_offset(start);
        // One batch an answer.
        let reader = reader.to_end().fetch_max_bytes(1);
        let reader = reader.isolation_level(IsolationLevel::ReadCommitted);
        let records = all(reader.build().await.unwrap()).await;
        let offsets = records.iter().map(|record| record.offset);
        let committed = [1, 2, 5].into_iter().filter(|&offset| offset >= start);
        assert!(offsets.eq(committed), "from {start}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_open_comes_when_it_is_committed() {
    let (cluster, client) = orders(Cluster::builder()).await;
    let mut transaction = Transaction::of(&cluster, "one");
    transaction.write("orders", 0, "one");
    append(&cluster, "orders", 0, &[b"two".to_vec()], Compression::NONE);
    let reader = client.reader("orders").partition(0).from_beginning();
    let reader = reader.isolation_level(IsolationLevel::ReadCommitted);
    let mut reader = reader.build().await.unwrap();
    let soon = Duration::from_secs(10);
    assert!(timeout(soon, reader.next()).await.is_err());
    transaction.end(true);
    for offset in [0, 1] {
        let record = timeout(soon, reader.next()).await.unwrap();
        assert_eq!(record.unwrap().unwrap().offset, offset);
    }
    // The marker is behind them.
    assert!(timeout(soon, reader.next()).await.is_err());
    assert_eq!(reader.positions(), [(0, 3)]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_what_is_committed_is_where_the_oldest_open_transaction_begins() {
    let (cluster, client) = orders(Cluster::builder()).await;
    transactions(&cluster);
    let committed = || {
        let reader = client.reader("orders").partition(0);
        reader.isolation_level(IsolationLevel::ReadCommitted)
    };
    let reader = committed().from_end().build().await.unwrap();
    assert_eq!(reader.positions(), [(0, 10)]);
    // Behind it, but in the log: there is nothing to be seen yet.
    for start in [11, 12] {
        let reader = committed().from_offset(start).to_end();
        let seen = all(reader.build().await.unwrap());
        let seen = timeout(Duration::from_secs(60), seen).await;
        assert!(seen.expect("it is at the end").is_empty());
    }
    let reader = committed().from_offset(13).to_end();
    let error = reader.build().await.unwrap().next().await.unwrap();
    assert!(
        matches!(error, Err(ReadError::OutOfRange { .. })),
        "{error:?}"
    );
}
