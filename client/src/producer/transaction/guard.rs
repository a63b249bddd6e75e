//! A transaction that is open.

use std::{fmt, sync::Arc};

use milena_engine::{
    produce::Identity,
    transaction::{Outcome, State, Transactions},
};

use tokio::runtime;

use super::{
    ConsumerGroupMetadata, EndError, PartitionOffset, TransactionError, TransactionTopic,
    TransactionalProducer,
};
use crate::{
    Delivery, Record, Serializer, TypedTopic,
    producer::{
        callbacks::Tell,
        core::{Core, Refusal},
        sending::{Takes, sends},
    },
};

/// A transaction that is open; made by [`TransactionalProducer::begin`].
///
/// Dropping it means abort, which is carried out in the background; the next `begin` waits for it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::{Client, ConsumerGroupMetadata, PartitionOffset, Record, TransactionError};
///
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).topic("bills", 3).start().await?;
/// # let client = Client::builder(cluster.bootstrap()).connect().await?;
/// let mut producer = client.transactional_producer("billing").build().await?;
///
/// // A record was read from partition 0 of "orders" at offset 41. What comes of it, and that it was read, belong together.
/// let mut transaction = producer.begin().await?;
/// transaction.send(Record::to("bills").value("EUR 6.00")).await?;
/// let group = ConsumerGroupMetadata::new("billing");
/// transaction.send_offsets([PartitionOffset::new("orders", 0, 42)], &group).await?;
/// transaction.commit().await.map_err(TransactionError::from)?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a transaction that is dropped is aborted"]
pub struct Transaction<'p> {
    producer: &'p TransactionalProducer,
    serial: u64,
    ended: bool,
}

impl<'p> Transaction<'p> {
    pub(super) const fn new(producer: &'p TransactionalProducer, serial: u64) -> Self {
        Self {
            producer,
            serial,
            ended: false,
        }
    }

    sends!(", and the transaction can only be aborted");

    /// A handle to one topic, which looks the topic up only once.
    pub fn topic(&self, name: &str) -> TransactionTopic<'_> {
        TransactionTopic::new(self.producer.producer.topic(name))
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

    /// Makes it part of the transaction how far a consumer group has read: each offset is the next one to read. Returns
    /// when the group's coordinator has them; waits for that up to `max_block`. They count once the transaction is
    /// committed.
    ///
    /// `commit` waits for them in any case: dropping the future changes nothing.
    ///
    /// # Errors
    /// [`TransactionError::Abortable`], for instance, if the member does not belong to the group's current generation.
    pub async fn send_offsets(
        &mut self,
        offsets: impl IntoIterator<Item = PartitionOffset>,
        group: &ConsumerGroupMetadata,
    ) -> Result<(), TransactionError> {
        self.core().client.check_home()?;
        let group = group.engine()?;
        let offsets = offsets.into_iter().map(PartitionOffset::engine);
        let offsets = offsets.collect::<Result<Vec<_>, _>>()?;
        if offsets.is_empty() {
            return Ok(());
        }
        let core = self.core();
        let sent = core.transact(|transactions, _| transactions.send_offsets(group, offsets));
        let ticket = sent.ok_or_else(TransactionError::closed)??;
        let taken = |transactions: &mut Transactions, _: &mut Identity| match transactions
            .has_offsets(ticket)
        {
            Ok(true) => Some(Ok(())),
            Ok(false) => None,
            Err(spoiled) => Some(Err(spoiled)),
        };
        self.producer
            .wait("send_offsets", core.deadline(), taken)
            .await
    }

    /// Commits the transaction: sends what was accepted, waits until all of it is stored, and has the coordinator commit.
    ///
    /// Once called, the decision is made. Dropping the future changes nothing: the next `begin` waits for the end.
    ///
    /// # Errors
    /// The transaction is not committed, or not yet; it is in the [`EndError`]. After
    /// [`TransactionError::Abortable`], for instance because a record could not be stored, none of it counts: abort it,
    /// or drop it, which is the same. After [`TransactionError::Retriable`], which comes when `max_block` is over, it
    /// may still be committed; [`commit`](Self::commit) it again to wait for that.
    pub async fn commit(self) -> Result<(), EndError<'p>> {
        self.end(Outcome::Committed).await
    }

    /// Aborts the transaction: gives up what was not sent yet, and has the coordinator abort the rest. None of it counts.
    ///
    /// # Errors
    /// After [`TransactionError::Retriable`], which comes when `max_block` is over, the abort goes on;
    /// [`abort`](Self::abort) it again to wait for that.
    pub async fn abort(self) -> Result<(), EndError<'p>> {
        self.end(Outcome::Aborted).await
    }

    async fn end(mut self, wanted: Outcome) -> Result<(), EndError<'p>> {
        let core = self.core();
        if let Err(forked) = core.client.check_home() {
            return Err(EndError::new(self, forked.into()));
        }
        let decided = core.transact(|transactions, identity| {
            match wanted {
                Outcome::Committed => transactions.commit(),
                Outcome::Aborted => transactions.abort(identity),
            }
            match transactions.state() {
                State::Committing => Outcome::Committed,
                State::Aborting => Outcome::Aborted,
                _ => wanted,
            }
        });
        if decided.is_some_and(|decided| decided != wanted) {
            return Err(EndError::new(self, TransactionError::decided(wanted)));
        }
        let serial = self.serial;
        let what = match wanted {
            Outcome::Committed => "commit",
            Outcome::Aborted => "abort",
        };
        let deadline = core.deadline();
        let ended = self.producer.wait(what, deadline, move |transactions, _| {
            transactions.outcome(serial).transpose()
        });
        match ended.await {
            Ok(outcome) if outcome == wanted => {
                self.ended = true;
                Ok(())
            }
            Ok(_) => Err(EndError::new(self, TransactionError::decided(wanted))),
            Err(error) => Err(EndError::new(self, error)),
        }
    }

    pub(crate) fn runtime(&self) -> &'p runtime::Handle {
        self.core().client.runtime()
    }

    fn core(&self) -> &'p Arc<Core> {
        self.producer.core()
    }
}

impl Takes for Transaction<'_> {
    fn core(&self) -> &Arc<Core> {
        self.producer.core()
    }

    fn append(&self, record: &Record<'_>, tell: &mut Tell<'_>) -> Result<Delivery, Refusal> {
        self.producer.producer.append(record, tell)
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // In a forked child it is left open, for it is the parent's.
        if !self.ended && self.core().client.check_home().is_ok() {
            self.core()
                .transact(|transactions, identity| transactions.release(identity));
        }
    }
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}
