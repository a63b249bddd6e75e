//! A topic whose keys and values have types.

use std::{fmt, sync::Arc};

use super::{
    Delivery, Producer, Record, RecordMetadata, TopicHandle, TransactionTopic, error::ProduceError,
    record::Headers, sending::TakesForOne,
};
use crate::{HeaderRef, Payload, SerializeError, Serializer, SerializerContext, lock::Lock};

/// Buffers that have grown beyond this are not kept.
const KEPT: usize = 64 * 1024;

/// Sends records to one topic, with keys of type `K` and values of type `V`; made by `typed` of a [`Producer`], of a
/// [`Transaction`](crate::Transaction), and of those that are [`blocking`](crate::blocking). `T` is the handle that it sends
/// them by.
///
/// Values are serialized into memory that is used again. One that cannot be is an error of the kind
/// [`Unserializable`](crate::ProduceErrorKind::Unserializable), with what the serializer said as its
/// [source](std::error::Error::source). Cheap to clone.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::{Client, Raw, Text, TypedTopic};
///
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let client = Client::builder(cluster.bootstrap()).connect().await?;
/// let producer = client.producer().build()?;
/// let orders: TypedTopic<str, [u8]> = producer.typed("orders", Text, Raw);
/// orders.send(orders.record().key("17").value(&[12, 6])).await?.await?;
/// orders.send(orders.record().key("16")).await?.await?; // a tombstone
/// # Ok(())
/// # }
/// ```
///
/// With the feature `json`, values are whatever serde serializes:
///
#[cfg_attr(feature = "json", doc = "```")]
#[cfg_attr(not(feature = "json"), doc = "```ignore")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use std::collections::BTreeMap;
/// # use milena::{Client, Json, Text};
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let client = Client::builder(cluster.bootstrap()).connect().await?;
/// # let producer = client.producer().build()?;
/// let orders = producer.typed::<str, BTreeMap<&str, u32>>("orders", Text, Json);
/// let order = BTreeMap::from([("apples", 12), ("pears", 6)]);
/// orders.send(orders.record().key("17").value(&order)).await?.await?; // {"apples":12,"pears":6}
/// # Ok(())
/// # }
/// ```
///
/// What is serialized can be sent in other ways, too, or kept:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use milena::{Client, OwnedRecord, Text};
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let client = Client::builder(cluster.bootstrap()).connect().await?;
/// # let producer = client.producer().build()?;
/// let orders = producer.typed::<str, str>("orders", Text, Text);
/// let taken = orders.serialize(orders.record().value("x"), |record| producer.try_send(record).is_ok())?;
/// let for_later: OwnedRecord = orders.serialize(orders.record().value("y"), |record| record.into())?;
/// # Ok(())
/// # }
/// ```
pub struct TypedTopic<K: ?Sized, V: ?Sized, T = TopicHandle> {
    pub(crate) topic: T,
    pub(crate) form: Form<K, V>,
}

/// How records are made of keys and values.
pub(crate) struct Form<K: ?Sized, V: ?Sized> {
    key: Arc<dyn Serializer<K>>,
    value: Arc<dyn Serializer<V>>,
    pool: Arc<Lock<Vec<Scratch>>>,
}

/// A record whose key and value are yet to be serialized; made by [`TypedTopic::record`].
#[must_use = "a record is sent by a `TypedTopic`"]
pub struct TypedRecord<'a, K: ?Sized, V: ?Sized> {
    key: Option<&'a K>,
    value: Option<&'a V>,
    partition: Option<i32>,
    timestamp: Option<i64>,
    headers: Headers<'a>,
}

/// Memory for one record.
#[derive(Default)]
struct Scratch {
    key: Vec<u8>,
    value: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

/// Memory on loan, which is given back when the record is accepted, or is not.
struct Loan<'a> {
    pool: &'a Lock<Vec<Scratch>>,
    scratch: Scratch,
}

impl Producer {
    /// A handle to one topic whose keys and values are made by serializers.
    pub fn typed<K: ?Sized, V: ?Sized>(
        &self,
        topic: &str,
        key: impl Serializer<K> + 'static,
        value: impl Serializer<V> + 'static,
    ) -> TypedTopic<K, V> {
        TypedTopic::new(self.topic(topic), key, value)
    }
}

impl<K: ?Sized, V: ?Sized, T> TypedTopic<K, V, T> {
    pub(crate) fn new(
        topic: T,
        key: impl Serializer<K> + 'static,
        value: impl Serializer<V> + 'static,
    ) -> Self {
        let form = Form {
            key: Arc::new(key),
            value: Arc::new(value),
            pool: Arc::default(),
        };
        Self { topic, form }
    }

    /// A record for the topic, with neither key nor value: both are null then.
    pub const fn record<'a>(&self) -> TypedRecord<'a, K, V> {
        TypedRecord {
            key: None,
            value: None,
            partition: None,
            timestamp: None,
            headers: Headers::Borrowed(&[]),
        }
    }
}

/// The methods of a typed topic that sends by a certain handle, with what a refused record means there.
macro_rules! typed {
    ($topic:ty, $refused:literal) => {
        impl<K: ?Sized, V: ?Sized> TypedTopic<K, V, $topic> {
            /// The topic's name.
            pub fn name(&self) -> &str {
                self.topic.name()
            }

            /// As [`Producer::send`].
            ///
            /// # Errors
            #[doc = concat!("The record was not accepted, perhaps because it could not be serialized", $refused, ".")]
            pub async fn send(
                &self,
                record: TypedRecord<'_, K, V>,
            ) -> Result<Delivery, ProduceError> {
                let mut loan = self.form.borrow();
                let record = self.form.encode(&self.topic, record, &mut loan.scratch)?;
                self.topic.send(record).await
            }

            /// As [`Producer::send_with`].
            ///
            /// # Errors
            /// As of [`send`](Self::send); `callback` is dropped without being called.
            pub async fn send_with(
                &self,
                record: TypedRecord<'_, K, V>,
                callback: impl FnOnce(Result<RecordMetadata, ProduceError>) + Send + 'static,
            ) -> Result<(), ProduceError> {
                let mut loan = self.form.borrow();
                let record = self.form.encode(&self.topic, record, &mut loan.scratch)?;
                self.topic.send_with(record, callback).await
            }

            /// Serializes a record and hands it to `send`, for other ways of sending it.
            ///
            /// # Errors
            #[doc = concat!("The record could not be serialized", $refused, ".")]
            pub fn serialize<R>(
                &self,
                record: TypedRecord<'_, K, V>,
                send: impl FnOnce(Record<'_>) -> R,
            ) -> Result<R, ProduceError> {
                self.form.serialize(&self.topic, record, send)
            }
        }
    };
}

typed!(TopicHandle, "");
typed!(
    TransactionTopic<'_>,
    ", and the transaction can only be aborted"
);

impl<K: ?Sized, V: ?Sized> Form<K, V> {
    pub(crate) fn serialize<R>(
        &self,
        topic: &impl TakesForOne,
        record: TypedRecord<'_, K, V>,
        send: impl FnOnce(Record<'_>) -> R,
    ) -> Result<R, ProduceError> {
        let mut loan = self.borrow();
        let record = self.encode(topic, record, &mut loan.scratch)?;
        Ok(send(record))
    }

    fn encode<'a>(
        &'a self,
        topic: &'a impl TakesForOne,
        record: TypedRecord<'a, K, V>,
        scratch: &'a mut Scratch,
    ) -> Result<Record<'a>, ProduceError> {
        let (name, partition) = (topic.name(), record.partition);
        let refuse = |part| {
            move |error| {
                let error = ProduceError::unserializable(name, partition, part, error);
                if let Some(interceptors) = topic.core().interceptors() {
                    interceptors.on_acknowledgement(Err(&error));
                }
                topic.core().handle_refused(&error);
                error
            }
        };
        let Scratch {
            key,
            value,
            headers,
        } = scratch;
        let key = serialize(&*self.key, record.key, name, true, headers, key);
        let key = key.map_err(refuse("key"))?;
        let value = serialize(&*self.value, record.value, name, false, headers, value);
        let value = value.map_err(refuse("value"))?;
        let mut all = record.headers;
        for (key, value) in &*headers {
            let value = Some(Payload::from(value));
            all.push(HeaderRef { key, value });
        }
        Ok(Record {
            topic: name,
            partition,
            timestamp: record.timestamp,
            key,
            value,
            headers: all,
        })
    }

    fn borrow(&self) -> Loan<'_> {
        let mut pool = self.pool.lock();
        Loan {
            pool: &self.pool,
            scratch: pool.pop().unwrap_or_default(),
        }
    }
}

fn serialize<'a, T: ?Sized>(
    serializer: &dyn Serializer<T>,
    value: Option<&'a T>,
    topic: &str,
    is_key: bool,
    headers: &mut Vec<(String, Vec<u8>)>,
    buffer: &'a mut Vec<u8>,
) -> Result<Option<Payload<'a>>, SerializeError> {
    let mut context = SerializerContext::new(topic, is_key, headers);
    match value {
        Some(value) => serializer.serialize(value, &mut context, buffer).map(Some),
        None => Ok(None),
    }
}

impl<'a, K: ?Sized, V: ?Sized> TypedRecord<'a, K, V> {
    /// The key; see [`Record::key`].
    pub const fn key(mut self, key: &'a K) -> Self {
        self.key = Some(key);
        self
    }

    /// The value; see [`Record::value`].
    pub const fn value(mut self, value: &'a V) -> Self {
        self.value = Some(value);
        self
    }

    /// Adds a header, before those of serializers; see [`Record::header`].
    pub fn header(mut self, key: &'a str, value: impl Into<Payload<'a>>) -> Self {
        let value = Some(value.into());
        self.headers.push(HeaderRef { key, value });
        self
    }

    /// The partition to send to; see [`Record::partition`].
    pub const fn partition(mut self, partition: i32) -> Self {
        self.partition = Some(partition);
        self
    }

    /// The timestamp; see [`Record::timestamp`].
    pub const fn timestamp(mut self, timestamp: i64) -> Self {
        self.timestamp = Some(timestamp);
        self
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut scratch = std::mem::take(&mut self.scratch);
        if scratch.key.capacity().max(scratch.value.capacity()) <= KEPT {
            scratch.key.clear();
            scratch.value.clear();
            scratch.headers.clear();
            let mut pool = self.pool.lock();
            pool.push(scratch);
        }
    }
}

impl<K: ?Sized, V: ?Sized, T: Clone> Clone for TypedTopic<K, V, T> {
    fn clone(&self) -> Self {
        Self {
            topic: self.topic.clone(),
            form: self.form.clone(),
        }
    }
}

impl<K: ?Sized, V: ?Sized> Clone for Form<K, V> {
    fn clone(&self) -> Self {
        Self {
            key: self.key.clone(),
            value: self.value.clone(),
            pool: self.pool.clone(),
        }
    }
}

impl<K: ?Sized, V: ?Sized> Clone for TypedRecord<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            headers: self.headers.clone(),
            ..*self
        }
    }
}

impl<K: ?Sized, V: ?Sized, T: fmt::Debug> fmt::Debug for TypedTopic<K, V, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedTopic")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

impl<K: ?Sized, V: ?Sized> fmt::Debug for TypedRecord<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypedRecord")
            .field("partition", &self.partition)
            .field("timestamp", &self.timestamp)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
