//! Transactions whose calls wait.

use std::{fmt, future::Future, time::Duration};

use super::{
    CloseError, TransactionTopic, WouldBlock,
    producer::{check_thread, deliver_before_dropping, partitions_for, sends},
    wait::{is_forbidden, wait},
};
use crate::{
    ConsumerGroupMetadata, PartitionOffset, ProduceError, ProducerMetrics, Serializer,
    TransactionError, TransactionalProducerBuilder, TypedTopic,
};

/// Sends records in transactions, as [`milena::TransactionalProducer`](crate::TransactionalProducer) does, with calls that
/// wait.
///
/// ```
/// use milena::{Client, Record, TransactionError};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # let cluster = runtime.block_on(milena_broker::Cluster::builder().topic("orders", 3).start())?;
/// let client = Client::builder(cluster.bootstrap()).connect_blocking()?;
/// let mut producer = client.transactional_producer("shop-1").build_blocking()?;
///
/// let transaction = producer.begin()?;
/// transaction.send(Record::to("orders").key("17").value("twelve apples"))?;
/// transaction.commit().map_err(TransactionError::from)?;
/// # Ok(())
/// # }
/// ```
///
/// Dropping it without [`close`](Self::close) waits until the last transaction has ended, for up to `delivery_timeout`.
#[derive(Debug)]
pub struct TransactionalProducer {
    producer: crate::TransactionalProducer,
}

/// A transaction that is open; made by [`TransactionalProducer::begin`].
///
/// Dropping it means abort, which is carried out in the background; the next `begin` waits for it.
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'p> {
    transaction: crate::Transaction<'p>,
}

/// A transaction that was not committed, or not aborted, and why. Here it is back.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct EndError<'p> {
    error: TransactionError,
    transaction: Transaction<'p>,
}

impl TransactionalProducer {
    /// As [`milena::TransactionalProducer::begin`](crate::TransactionalProducer::begin).
    ///
    /// # Errors
    /// As there; in a callback, [`TransactionError::InvalidState`] if that would take waiting.
    pub fn begin(&mut self) -> Result<Transaction<'_>, TransactionError> {
        let runtime = self.producer.plain().runtime().clone();
        let begun = wait(Some(&runtime), self.producer.begin()).unwrap_or_else(would_block)?;
        Ok(Transaction { transaction: begun })
    }

    /// The partitions of a topic, looked up if necessary for up to `max_block`.
    ///
    /// # Errors
    /// When the topic does not become known.
    pub fn partitions_for(&self, topic: &str) -> Result<usize, ProduceError> {
        partitions_for(self.producer.plain(), topic)
    }

    /// What the producer has done so far, and what it has before it.
    pub fn metrics(&self) -> ProducerMetrics {
        self.producer.metrics()
    }

    /// Waits until the last transaction has ended, and ends. What is left at the deadline is given up.
    ///
    /// # Errors
    /// How many records were given up.
    pub fn close(&self, deadline: Duration) -> Result<(), CloseError> {
        let closing = self.producer.close(deadline);
        wait(Some(self.producer.plain().runtime()), closing)?.map_err(CloseError::from)
    }
}

impl Drop for TransactionalProducer {
    fn drop(&mut self) {
        let plain = self.producer.plain();
        deliver_before_dropping(plain, self.producer.close(plain.delivery_timeout()));
    }
}

impl<'p> Transaction<'p> {
    sends!(", and the transaction can only be aborted");

    /// A handle to one topic, which looks the topic up only once.
    pub fn topic(&self, name: &str) -> TransactionTopic<'_> {
        TransactionTopic::new(self.transaction.topic(name))
    }

    /// A handle to one topic whose keys and values are made by serializers.
    pub fn typed<K: ?Sized, V: ?Sized>(
        &self,
        topic: &str,
        key: impl Serializer<K> + 'static,
        value: impl Serializer<V> + 'static,
    ) -> TypedTopic<K, V, TransactionTopic<'_>> {
        TypedTopic::new(self.topic(topic), key, value)
    }

    /// Makes it part of the transaction how far a consumer group has read; as
    /// [`milena::Transaction::send_offsets`](crate::Transaction::send_offsets).
    ///
    /// # Errors
    /// As there.
    pub fn send_offsets(
        &mut self,
        offsets: impl IntoIterator<Item = PartitionOffset>,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), TransactionError> {
        let runtime = self.transaction.runtime().clone();
        wait(
            Some(&runtime),
            self.transaction.send_offsets(offsets, group),
        )
        .unwrap_or_else(would_block)
    }

    /// Commits the transaction; as [`milena::Transaction::commit`](crate::Transaction::commit).
    ///
    /// # Errors
    /// The transaction is not committed, or not yet; it is in the [`EndError`].
    pub fn commit(self) -> Result<(), EndError<'p>> {
        self.end(crate::Transaction::commit)
    }

    /// Aborts the transaction; as [`milena::Transaction::abort`](crate::Transaction::abort).
    ///
    /// # Errors
    /// The transaction is not aborted yet; it is in the [`EndError`].
    pub fn abort(self) -> Result<(), EndError<'p>> {
        self.end(crate::Transaction::abort)
    }

    fn end<F>(self, end: impl FnOnce(crate::Transaction<'p>) -> F) -> Result<(), EndError<'p>>
    where
        F: Future<Output = Result<(), crate::EndError<'p>>>,
    {
        let runtime = self.transaction.runtime().clone();
        if is_forbidden() {
            // Once it has begun to end, it would not come back.
            let error = TransactionError::InvalidState(WAITS);
            return Err(EndError {
                error,
                transaction: self,
            });
        }
        let ended = wait(Some(&runtime), end(self.transaction)).unwrap_or(Ok(()));
        ended.map_err(|error| EndError {
            error: error.error().clone(),
            transaction: Self {
                transaction: error.into_transaction(),
            },
        })
    }

    fn wait<F: Future>(&self, future: F) -> Result<F::Output, WouldBlock> {
        wait(Some(self.transaction.runtime()), future)
    }

    const fn inner(&self) -> &crate::Transaction<'p> {
        &self.transaction
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.transaction.fmt(f)
    }
}

impl<'p> EndError<'p> {
    /// Why.
    pub const fn error(&self) -> &TransactionError {
        &self.error
    }

    /// The transaction, to be committed or aborted again.
    pub fn into_transaction(self) -> Transaction<'p> {
        self.transaction
    }
}

impl From<EndError<'_>> for TransactionError {
    fn from(error: EndError<'_>) -> Self {
        error.error
    }
}

impl TransactionalProducerBuilder {
    /// As [`build`](Self::build), for programs without async.
    ///
    /// # Errors
    /// As those of [`build`](Self::build), and when the client was not connected by
    /// [`connect_blocking`](crate::ClientBuilder::connect_blocking).
    pub fn build_blocking(self) -> Result<TransactionalProducer, TransactionError> {
        check_thread(self.client())?;
        let runtime = self.client().runtime().clone();
        let producer = wait(Some(&runtime), self.build()).unwrap_or_else(would_block)?;
        Ok(TransactionalProducer { producer })
    }
}

const WAITS: &str = "a transaction cannot be waited for in a callback";

fn would_block<T>(_: WouldBlock) -> Result<T, TransactionError> {
    Err(TransactionError::InvalidState(WAITS))
}
