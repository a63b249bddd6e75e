//! The producer as a sink.

use std::{pin::pin, time::Duration};

use futures_util::{FutureExt, Sink, SinkExt, StreamExt, stream};
use milena::{OwnedRecord, ProduceErrorKind, ProducerSink};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::{Instant, timeout};

use crate::{
    held::{HOUR, drained, hang, ms, seconds, start},
    stored::stored,
};

fn record(text: impl Into<bytes::Bytes>) -> OwnedRecord {
    OwnedRecord::to("orders").partition(0).value(text)
}

fn is_ready(sink: &mut ProducerSink) -> bool {
    std::future::poll_fn(|cx| pin!(&mut *sink).poll_ready(cx))
        .now_or_never()
        .is_some()
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_forwarded_at_the_pace_that_memory_allows_and_all_is_stored_in_the_end() {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    cluster
        .faults()
        .push(Fault::delay(ms(50)).on(ApiKey::PRODUCE).always());
    let builder = client.producer().batch_size(1000).buffer_memory(5000);
    let producer = builder.linger(HOUR).build().unwrap();
    let texts: Vec<_> = (0..2000).map(|number| format!("{number:06}")).collect();
    let records = stream::iter(texts.clone()).map(|text| Ok(record(text)));
    records.forward(producer.sink()).await.unwrap();
    let log = stored(&cluster, "orders", 0);
    assert!(log.iter().map(|record| record.text()).eq(&texts));
    drained(&producer).await;
    // The producer is not closed by it.
    let mut sink = producer.sink();
    sink.send(record("more")).await.unwrap();
    assert_eq!(stored(&cluster, "orders", 0).len(), 2001);
    sink.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_when_there_is_memory_and_flushed_when_its_own_records_are_settled() {
    // Two nodes, of which each leads a partition.
    let (cluster, client) = start(Cluster::builder().nodes(2).topic("orders", 2)).await;
    let builder = client.producer().batch_size(5000).buffer_memory(20_000);
    let producer = builder.linger(HOUR).build().unwrap();
    producer.partitions_for("orders").await.unwrap();
    let mut sink = producer.sink();
    cluster
        .faults()
        .push(Fault::delay(seconds(3)).on(ApiKey::PRODUCE).partition(0));
    let started = Instant::now();
    let mut taken = 0;
    while is_ready(&mut sink) {
        sink.start_send_unpin(record(vec![0; 4000])).unwrap();
        taken += 1;
    }
    assert!((3..6).contains(&taken), "{taken}");
    let error = sink.start_send_unpin(record("too soon")).unwrap_err();
    assert_eq!(error.kind(), ProduceErrorKind::Invalid);
    sink.feed(record("waits")).await.unwrap();
    assert!(started.elapsed() >= seconds(3));

    // What another sink took is not waited for.
    producer.flush().await;
    cluster.faults().push(hang().partition(1));
    let mut other = producer.sink();
    other.feed(record("never").partition(1)).await.unwrap();
    assert!(timeout(seconds(1), other.flush()).await.is_err());
    sink.flush().await.unwrap();
    let started = Instant::now();
    sink.send(record("soon")).await.unwrap();
    assert!(started.elapsed() < seconds(10), "{:?}", started.elapsed());
    let texts = stored(&cluster, "orders", 0);
    assert_eq!(texts.last().unwrap().text(), "soon");
}

#[tokio::test(start_paused = true)]
async fn the_first_record_that_fails_is_told_and_the_sink_goes_on() {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let builder = client.producer().batch_size(1).linger(Duration::ZERO);
    let builder = builder.buffer_memory(50_000).max_block(ms(200));
    let producer = builder.build().unwrap();
    let mut sink = producer.sink();
    let codes = [
        ErrorCode::INVALID_RECORD,
        ErrorCode::TOPIC_AUTHORIZATION_FAILED,
    ];
    for (nth, code) in (1..).zip(codes) {
        cluster
            .faults()
            .push(Fault::error(code).on(ApiKey::PRODUCE).after(nth));
    }
    for text in ["good", "bad", "worse", "good"] {
        sink.feed(record(text)).await.unwrap();
    }
    let error = sink.flush().await.unwrap_err();
    assert_eq!(error.kind(), ProduceErrorKind::Refused, "{error}");
    assert_eq!(
        stored(&cluster, "orders", 0).len(),
        2,
        "all are settled then"
    );
    sink.flush().await.unwrap();
    sink.send(record("good")).await.unwrap();

    // What is refused at once is told at once, and what waits in vain is told next.
    sink.feed(record("good")).await.unwrap();
    let error = sink.feed(record(vec![0; 60_000])).await.unwrap_err();
    assert_eq!(error.kind(), ProduceErrorKind::TooLarge);
    sink.flush().await.unwrap();
    cluster.faults().push(hang());
    for _ in 0..2 {
        sink.feed(record(vec![0; 30_000])).await.unwrap();
    }
    let error = sink.feed(record("next")).await.unwrap_err();
    assert_eq!(error.kind(), ProduceErrorKind::BufferFull, "{error}");
    assert_eq!(producer.purge(), 1);
    let error = sink.close().await.unwrap_err();
    assert_eq!(error.kind(), ProduceErrorKind::Purged, "{error}");
    sink.flush().await.unwrap();
    assert_eq!(stored(&cluster, "orders", 0).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_dropped_loses_nothing_that_was_accepted() {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let producer = client.producer().buffer_memory(20_000).build().unwrap();
    producer.partitions_for("orders").await.unwrap();
    let mut sink = producer.sink();
    for text in ["a", "b"] {
        sink.feed(record(text)).await.unwrap();
    }
    sink.feed(record(vec![b'c'; 18_000])).await.unwrap();
    assert!(!is_ready(&mut sink), "it waits for memory");
    drop(sink);
    producer.flush().await;
    let log = stored(&cluster, "orders", 0);
    assert!(log.iter().map(|record| record.text()).eq(["a", "b"]));
    drained(&producer).await;
}
