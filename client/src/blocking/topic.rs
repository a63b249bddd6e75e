//! Handles to one topic whose calls wait.

use std::future::Future;

use super::{Delivery, Producer, WouldBlock, producer::sends, wait::wait};
use crate::{ProduceError, Record, RecordMetadata, TypedRecord, TypedTopic};

/// Sends records to one topic, as [`milena::TopicHandle`](crate::TopicHandle) does, with calls that wait; made by
/// [`Producer::topic`].
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # let cluster = runtime.block_on(milena_broker::Cluster::builder().topic("orders", 3).start())?;
/// let producer = milena::blocking::Producer::connect(&cluster.bootstrap())?;
/// let orders = producer.topic("orders");
/// let outcomes = orders.send_all(["twelve apples", "six pears"].map(|order| orders.record().value(order)))?;
/// for outcome in outcomes {
///     println!("{}", outcome?.partition());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TopicHandle {
    producer: Producer,
    topic: crate::TopicHandle,
}

/// Sends records of a transaction to one topic, with calls that wait; made by
/// [`Transaction::topic`](super::Transaction::topic).
#[derive(Clone, Debug)]
pub struct TransactionTopic<'t> {
    topic: crate::TransactionTopic<'t>,
}

impl TopicHandle {
    pub(super) fn new(producer: Producer, topic: crate::TopicHandle) -> Self {
        Self { producer, topic }
    }

    /// The topic's name.
    pub fn name(&self) -> &str {
        self.topic.name()
    }

    /// A record for the topic, with neither key nor value.
    pub fn record(&self) -> Record<'_> {
        self.topic.record()
    }

    sends!(", or is for another topic");

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, WouldBlock> {
        self.producer.wait(future)
    }

    fn inner(&self) -> &crate::TopicHandle {
        &self.topic
    }
}

impl<'t> TransactionTopic<'t> {
    pub(super) const fn new(topic: crate::TransactionTopic<'t>) -> Self {
        Self { topic }
    }

    /// The topic's name.
    pub fn name(&self) -> &str {
        self.topic.name()
    }

    /// A record for the topic, with neither key nor value.
    pub fn record(&self) -> Record<'_> {
        self.topic.record()
    }

    sends!(", or is for another topic, and the transaction can only be aborted");

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, WouldBlock> {
        wait(Some(self.topic.runtime()), future)
    }

    const fn inner(&self) -> &crate::TransactionTopic<'t> {
        &self.topic
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

            /// As [`blocking::Producer::send`](Producer::send).
            ///
            /// # Errors
            #[doc = concat!("The record was not accepted, perhaps because it could not be serialized", $refused, ".")]
            pub fn send(&self, record: TypedRecord<'_, K, V>) -> Result<Delivery, ProduceError> {
                self.serialize(record, |record| self.topic.send(record))?
            }

            /// As [`blocking::Producer::send_with`](Producer::send_with).
            ///
            /// # Errors
            /// As of [`send`](Self::send); `callback` is dropped without being called.
            pub fn send_with(
                &self,
                record: TypedRecord<'_, K, V>,
                callback: impl FnOnce(Result<RecordMetadata, ProduceError>) + Send + 'static,
            ) -> Result<(), ProduceError> {
                self.serialize(record, |record| self.topic.send_with(record, callback))?
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
                self.form.serialize(self.topic.inner(), record, send)
            }
        }
    };
}

typed!(TopicHandle, "");
typed!(
    TransactionTopic<'_>,
    ", and the transaction can only be aborted"
);
