//! Transactions: records and offsets that count together, or not at all.

mod builder;
mod error;
mod guard;
mod offsets;
mod topic;

use std::{fmt, sync::Arc, time::Duration};

use milena_engine::{
    produce::Identity,
    transaction::{Spoiled, State, Transactions},
};
use tokio::time::Instant;

pub use self::{
    builder::TransactionalProducerBuilder,
    error::{
        AbortableError, EndError, FatalError, FatalErrorKind, RetriableError, TransactionError,
    },
    guard::Transaction,
    offsets::{ConsumerGroupMetadata, PartitionOffset},
    topic::TransactionTopic,
};
use super::{Core, Producer, ProducerMetrics};
use crate::{CloseError, ProduceError};

/// Sends records in transactions: consumers that read committed records see all of a transaction's, or none.
///
/// There is one at a time for each transactional id. A new one *fences* the one before: that ends with
/// [`TransactionError::Fatal`], and what it left open is aborted.
///
/// [`begin`](Self::begin) gives a [`Transaction`], which takes the records, and is committed or aborted. Between two
/// transactions, nothing can be sent.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::{Client, Record, TransactionError};
///
/// let cluster = milena_broker::Cluster::builder().topic("orders", 3).topic("bills", 3).start().await?;
/// let client = Client::builder(cluster.bootstrap()).connect().await?;
/// let mut producer = client.transactional_producer("shop-1").build().await?;
///
/// let transaction = producer.begin().await?;
/// transaction.send(Record::to("orders").key("17").value("twelve apples")).await?;
/// transaction.send(Record::to("bills").key("17").value("EUR 6.00")).await?;
/// transaction.commit().await.map_err(TransactionError::from)?;
/// # Ok(())
/// # }
/// ```
///
/// An error says what to do: [abort](TransactionError::Abortable) and try again, make [another
/// producer](TransactionError::Fatal), or [wait again](TransactionError::Retriable).
///
/// Brokers before 2.5 cannot give a producer another epoch (KIP-360): with those, a record that failed ends the producer once
/// its transaction is aborted.
pub struct TransactionalProducer {
    producer: Producer,
}

impl TransactionalProducer {
    /// Begins a transaction, once the one before has ended; waits for that up to `max_block`.
    ///
    /// # Errors
    /// [`TransactionError::Abortable`] tells once of a commit that failed when nobody waited for it any more: it was
    /// aborted, and the next call begins. [`TransactionError::Retriable`] means that the transaction before has not
    /// ended yet.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, TransactionError> {
        self.core().client.check_home()?;
        self.release_forgotten();
        let core = self.core();
        let generation = core.client.features().generation();
        let serial = self
            .wait("begin", core.deadline(), |transactions, identity| {
                transactions.begin(generation, identity).transpose()
            })
            .await?;
        Ok(Transaction::new(self, serial))
    }

    /// The partitions of a topic, looked up if necessary for up to `max_block`.
    ///
    /// # Errors
    /// When the topic does not become known.
    pub async fn partitions_for(&self, topic: &str) -> Result<usize, ProduceError> {
        self.producer.partitions_for(topic).await
    }

    /// As [`Producer::metrics`].
    pub fn metrics(&self) -> ProducerMetrics {
        self.producer.metrics()
    }

    /// Waits until the last transaction has ended, and ends. What is left at the deadline is given up.
    ///
    /// # Errors
    /// How many records were given up; each one's [`Delivery`](crate::Delivery) has the details.
    pub async fn close(&self, deadline: Duration) -> Result<(), CloseError> {
        self.core().client.check_home()?;
        self.release_forgotten();
        let until = self.core().clock.after(deadline);
        self.core().finish_transaction(until).await;
        self.producer
            .close(until.saturating_duration_since(Instant::now()))
            .await
    }

    /// A transaction that is still open while the producer can be used was forgotten, as by [`std::mem::forget`]: nobody
    /// could end it any more.
    fn release_forgotten(&self) {
        self.core()
            .poll_transactions(|transactions, identity| transactions.release(identity));
    }

    /// Waits until there is a producer id.
    async fn initialize(&self) -> Result<(), TransactionError> {
        let core = self.core();
        core.transact(|transactions, _| transactions.initialize());
        self.wait(
            "initialization",
            core.deadline(),
            |transactions, _| match transactions.state() {
                State::Ready => Some(Ok(())),
                State::FatalError(trouble) => Some(Err(Spoiled::Fatal(trouble.clone()))),
                _ => None,
            },
        )
        .await
    }

    /// Waits for what `look` says.
    async fn wait<T>(
        &self,
        what: &'static str,
        deadline: Instant,
        look: impl FnMut(&mut Transactions, &mut Identity) -> Option<Result<T, Spoiled>>,
    ) -> Result<T, TransactionError> {
        let core = self.core();
        match core.await_transactions(deadline, look).await {
            Ok(outcome) => outcome.map_err(TransactionError::from),
            Err(untold) => {
                let last = core
                    .poll_transactions(|t, _| t.hindrance().cloned())
                    .flatten();
                Err(TransactionError::untold(
                    what,
                    core.max_block(),
                    &untold,
                    last,
                ))
            }
        }
    }

    /// The producer that sends its records.
    pub(crate) fn plain(&self) -> &Producer {
        &self.producer
    }

    fn core(&self) -> &Arc<Core> {
        &self.producer.handle.core
    }
}

impl fmt::Debug for TransactionalProducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionalProducer")
            .field("settings", &self.core().settings)
            .finish_non_exhaustive()
    }
}
