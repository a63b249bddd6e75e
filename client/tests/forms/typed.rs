//! Topics whose keys and values have types.

use std::{
    collections::BTreeMap,
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use milena::{
    Interceptor, Json, MessagePack, OwnedRecord, Payload, Persistence, ProduceError,
    ProduceErrorKind, Producer, Raw, Record, RecordMetadata, SerializeError, Serializer,
    SerializerContext, Text, TransactionError, TypedTopic,
};
use milena_broker::Cluster;
use tokio::time::timeout;

use crate::{
    held::{HOUR, drained, hang, ms, start},
    stored::stored,
};

async fn orders() -> (Arc<Cluster>, Producer) {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let producer = client.producer().linger(ms(1)).build().unwrap();
    (cluster, producer)
}

type Bytewise = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Keys and values in the log.
fn pairs(cluster: &Cluster) -> Vec<Bytewise> {
    let log = stored(cluster, "orders", 0).into_iter();
    let owned = |bytes: Option<Bytes>| bytes.map(|bytes| bytes.to_vec());
    log.map(|record| (owned(record.key), owned(record.value)))
        .collect()
}

fn pair(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Bytewise {
    (Some(key.as_ref().to_vec()), Some(value.as_ref().to_vec()))
}

#[tokio::test(start_paused = true)]
async fn values_arrive_as_their_serializers_write_them() {
    let (cluster, producer) = orders().await;
    let order = BTreeMap::from([("apples", 12), ("pears", 6)]);
    let numbers = (1_u8, "two");
    let texts = producer.typed::<str, String>("orders", Text, Text);
    let raw = producer.typed::<[u8; 2], Bytes>("orders", Raw, Raw);
    let json = producer.typed::<String, BTreeMap<&str, i32>>("orders", Text, Json);
    let compact = MessagePack::compact();
    let packed = producer.typed::<[u8], (u8, &str)>("orders", Raw, compact);
    let named = producer.typed::<Vec<u8>, BTreeMap<&str, i32>>("orders", Raw, MessagePack::named());
    let (seven, large) = ("seven".to_owned(), Bytes::from(vec![7; 100_000]));
    for _ in 0..2 {
        drop(
            texts
                .send(texts.record().key("k").value(&seven))
                .await
                .unwrap(),
        );
        drop(
            raw.send(raw.record().key(&[0, 1]).value(&large))
                .await
                .unwrap(),
        );
        drop(
            json.send(json.record().key(&seven).value(&order))
                .await
                .unwrap(),
        );
        drop(
            packed
                .send(packed.record().key(b"n").value(&numbers))
                .await
                .unwrap(),
        );
        drop(
            named
                .send(named.record().key(&vec![1]).value(&order))
                .await
                .unwrap(),
        );
        drop(texts.send(texts.record()).await.unwrap());
    }
    producer.flush().await;
    let expected = [
        pair("k", "seven"),
        pair([0, 1], &large),
        pair("seven", br#"{"apples":12,"pears":6}"#),
        pair("n", b"\x92\x01\xa3two"),
        pair([1], b"\x82\xa6apples\x0c\xa5pears\x06"),
        (None, None),
    ];
    assert_eq!(pairs(&cluster), [expected.clone(), expected].concat());
}

/// Writes numbers backwards, and tells of itself in headers; refuses 13, and panics at 17.
struct Backwards;

impl Serializer<u32> for Backwards {
    fn serialize<'a>(
        &self,
        value: &'a u32,
        context: &mut SerializerContext<'_>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Payload<'a>, SerializeError> {
        assert!(buffer.is_empty());
        context.header("from", format!("{} {}", context.topic(), context.is_key()));
        buffer.extend(value.to_string().bytes().rev());
        match value {
            13 => Err(io::Error::other("thirteen").into()),
            17 => panic!("on purpose"),
            _ => Ok(Payload::Slice(buffer)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn serializers_see_the_topic_and_add_headers_behind_the_records_own() {
    let (cluster, producer) = orders().await;
    let orders: TypedTopic<u32, u32> = producer.typed("orders", Backwards, Backwards);
    let record = orders.record().key(&120).value(&340).header("own", "x");
    let record = record.partition(0).timestamp(1_700_000_000_000);
    for _ in 0..2 {
        let metadata = orders.send(record.clone()).await.unwrap().await.unwrap();
        assert_eq!(metadata.timestamp(), 1_700_000_000_000);
    }
    for record in stored(&cluster, "orders", 0) {
        let headers = record.headers.iter();
        let headers: Vec<_> = headers
            .map(|(name, value)| (name.as_str(), value.as_deref().unwrap()))
            .collect();
        let from: [(&str, &[u8]); 3] = [
            ("own", b"x"),
            ("from", b"orders true"),
            ("from", b"orders false"),
        ];
        assert_eq!(headers, from);
        assert_eq!(
            (record.key.as_deref(), record.text()),
            (Some(&b"021"[..]), "043")
        );
    }
}

/// Counts what was refused.
#[derive(Debug)]
struct Refused(Arc<AtomicUsize>);

impl Interceptor for Refused {
    fn on_acknowledgement(&self, outcome: Result<&RecordMetadata, &ProduceError>) {
        if outcome.is_err_and(|error| error.kind() == ProduceErrorKind::Unserializable) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_serialized_is_an_error_of_its_own_kind_and_is_not_sent() {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let refused = Arc::default();
    let builder = client.producer().interceptor(Refused(Arc::clone(&refused)));
    let producer = builder.build().unwrap();
    let orders = producer.typed::<u32, u32>("orders", Backwards, Backwards);
    let record = || orders.record().partition(0);
    let bad = [record().key(&13), record().value(&13)];
    for (part, bad) in ["key", "value"].into_iter().zip(bad) {
        let error = orders.send(bad.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ProduceErrorKind::Unserializable);
        assert_eq!(
            (error.persistence(), error.partition()),
            (Persistence::No, Some(0))
        );
        let says = format!("record for orders-0: its {part} cannot be serialized: thirteen");
        assert_eq!(error.to_string(), says);
        assert!(
            error
                .source()
                .unwrap()
                .downcast_ref::<io::Error>()
                .is_some()
        );
        let uncalled = |_: Result<_, _>| panic!("it was not accepted");
        assert!(orders.send_with(bad.clone(), uncalled).await.is_err());
        assert!(
            orders
                .serialize(bad, |_| panic!("it is not there"))
                .is_err()
        );
    }
    assert_eq!(refused.load(Ordering::Relaxed), 6);
    // A map whose keys are no strings has no JSON.
    let json = producer.typed::<str, BTreeMap<(u8, u8), u8>>("orders", Text, Json);
    let map = BTreeMap::from([((1, 2), 3)]);
    let error = json.send(json.record().value(&map)).await.unwrap_err();
    assert!(
        error
            .source()
            .unwrap()
            .downcast_ref::<serde_json::Error>()
            .is_some()
    );

    // What one left behind in the memory is not in the next.
    let panicking = orders.clone();
    let task = tokio::spawn(async move {
        drop(panicking.send(panicking.record().key(&17).value(&1)).await);
    });
    assert!(task.await.unwrap_err().is_panic());
    orders
        .send(record().key(&1).value(&2))
        .await
        .unwrap()
        .await
        .unwrap();
    assert_eq!(pairs(&cluster), [pair("1", "2")]);
    assert_eq!(stored(&cluster, "orders", 0)[0].headers.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn records_that_wait_have_memory_of_their_own_and_callbacks_are_called() {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let builder = client.producer().batch_size(1000).buffer_memory(5000);
    let producer = builder.linger(Duration::ZERO).build().unwrap();
    let orders = producer.typed::<u32, u32>("orders", Backwards, Backwards);
    let called = Arc::new(AtomicUsize::new(0));
    let sending = (0_u32..)
        .filter(|number| ![13, 17].contains(number))
        .take(500);
    let sending = sending.map(|number| {
        let (orders, called) = (orders.clone(), called.clone());
        tokio::spawn(async move {
            let count = move |outcome: Result<RecordMetadata, _>| {
                outcome.unwrap();
                called.fetch_add(1, Ordering::Relaxed);
            };
            let record = orders.record().key(&number).value(&number);
            orders.send_with(record, count).await.unwrap();
        })
    });
    for task in sending.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    producer.flush().await;
    assert_eq!(called.load(Ordering::Relaxed), 500);
    let mut numbers: Vec<u32> = Vec::new();
    for (key, value) in pairs(&cluster) {
        assert_eq!(key, value);
        let digits: Vec<u8> = value.unwrap().into_iter().rev().collect();
        numbers.push(String::from_utf8(digits).unwrap().parse().unwrap());
    }
    numbers.sort_unstable();
    assert!(
        numbers
            .iter()
            .copied()
            .eq((0..502).filter(|n| ![13, 17].contains(n)))
    );

    // One that is given up gives its memory back.
    cluster.faults().push(hang());
    let texts = producer.typed::<str, str>("orders", Text, Text);
    let long = "x".repeat(4000);
    drop(texts.send(texts.record().value(&long)).await.unwrap());
    let waiting = timeout(HOUR / 7200, texts.send(texts.record().value(&long)));
    assert!(waiting.await.is_err());
    producer.purge();
}

#[tokio::test(start_paused = true)]
async fn a_serialized_record_can_be_sent_in_other_ways() {
    let (cluster, producer) = orders().await;
    producer.partitions_for("orders").await.unwrap();
    let orders = producer.typed::<str, [u8]>("orders", Text, Raw);
    assert_eq!(orders.name(), "orders");
    let record = orders.record().key("k").value(b"v");
    let taken = orders.serialize(record.clone(), |record| producer.try_send(record).is_ok());
    assert!(taken.unwrap());
    let owned = orders.serialize(record, |record: Record<'_>| OwnedRecord::from(record));
    let delivery = producer.send(owned.unwrap().as_record()).await.unwrap();
    delivery.await.unwrap();
    assert_eq!(pairs(&cluster), vec![pair("k", "v"); 2]);
    drained(&producer).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_transaction_cannot_serialize_it_cannot_do_without() {
    let (cluster, client) = start(Cluster::builder().topic("orders", 1)).await;
    let mut producer = client.transactional_producer("t").build().await.unwrap();
    let transaction = producer.begin().await.unwrap();
    let orders = transaction.typed::<u32, u32>("orders", Backwards, Backwards);
    assert_eq!(orders.name(), "orders");
    drop(orders.send(orders.record().value(&12)).await.unwrap());
    let counted = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&counted);
    let count = move |outcome: Result<RecordMetadata, _>| {
        outcome.unwrap();
        counting.fetch_add(1, Ordering::Relaxed);
    };
    orders
        .send_with(orders.record().value(&34), count)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(counted.load(Ordering::Relaxed), 1);

    for by_itself in [false, true] {
        let transaction = producer.begin().await.unwrap();
        let orders = transaction.typed::<u32, u32>("orders", Backwards, Backwards);
        drop(orders.send(orders.record().value(&56)).await.unwrap());
        let bad = orders.record().value(&13);
        let refused = match by_itself {
            true => orders.serialize(bad, |_| panic!("it is not there")),
            false => orders.send(bad).await.map(drop),
        };
        let kind = ProduceErrorKind::Unserializable;
        assert_eq!(refused.unwrap_err().kind(), kind);
        let error = transaction.commit().await.unwrap_err();
        assert!(
            matches!(error.error(), TransactionError::Abortable(why) if why.to_string().contains("thirteen")),
            "{error}"
        );
        error.into_transaction().abort().await.unwrap();
    }
    let log = stored(&cluster, "orders", 0);
    let stored: Vec<_> = log.iter().map(|record| record.text()).collect();
    assert_eq!(stored[..2], ["21", "43"]);
}
