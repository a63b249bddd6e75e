//! The producer: records in, acknowledgements out.

mod builder;
mod callbacks;
mod core;
mod delivery;
mod error;
mod growing;
mod handle;
mod interceptor;
mod metrics;
mod owned;
mod partitioner;
mod record;
mod send_all;
mod sending;
mod setup;
#[cfg(feature = "sink")]
mod sink;
mod topic;
mod transaction;
mod typed;

use std::{fmt, sync::Arc, time::Duration};

use milena_engine::{produce::Settings, transaction::Transactions};
use tokio::runtime;

pub use builder::ProducerBuilder;
pub use delivery::{Delivery, DeliveryStatus, RecordMetadata};
pub use error::{CloseError, Persistence, ProduceError, ProduceErrorKind, TrySendError};
pub use handle::TopicHandle;
pub use interceptor::{Arena, Interceptor};
pub use metrics::{Distribution, ProducerMetrics};
pub use owned::OwnedRecord;
pub use partitioner::{Partitioner, Partitions, RoundRobin};
pub use record::Record;
#[cfg(feature = "sink")]
pub use sink::ProducerSink;
pub use transaction::{
    AbortableError, ConsumerGroupMetadata, EndError, FatalError, FatalErrorKind, PartitionOffset,
    RetriableError, Transaction, TransactionError, TransactionTopic, TransactionalProducer,
    TransactionalProducerBuilder,
};

pub use typed::{TypedRecord, TypedTopic};

pub(crate) use self::{
    core::{Core, Inbox, Letters},
    partitioner::Choosing,
    setup::Setup,
    topic::PartitionRef,
};
use crate::{Client, ConnectError, Forked};

/// Sends records to Kafka: batched, compressed, retried, and by default stored exactly once and in order.
///
/// Cheap to clone; clones share everything, and may be used from many tasks at once.
///
/// A record is *accepted* when [`send`](Self::send) returns, and *acknowledged* when the [`Delivery`] that it returned
/// resolves. Records of one partition are stored in the order in which they were accepted.
///
/// When the last clone is dropped without [`close`](Self::close), what was accepted is still delivered in the
/// background, for up to `delivery_timeout`, as long as the runtime lives; what is left then is logged.
///
/// # When the process forks
///
/// A forked child has the producer's memory and sockets, and none of the threads that work with them. What was accepted
/// before is the parent's, and goes on there undisturbed. In the child, whatever is called ends at once with an error that
/// says so ([`ProduceErrorKind::Forked`]), unless it has no error: then it does nothing, and [`flush`](Self::flush) logs that.
/// So does dropping. To send from the child, connect a new [`Client`](crate::Client) there.
///
/// The system is not asked for the process at each record. Into a batch that was open when the process forked, a child may
/// still write records that name their [timestamp](Record::timestamp), and those that it sends in the first millisecond; none
/// of them is sent, and the [`Delivery`] says so. Where another thread sent, or read the metrics, at the very moment of the
/// fork, such records, [`buffered`](Self::buffered) and [`metrics`](Self::metrics) may hang in the child on a lock that nobody
/// opens, as may much else in the child of a program with threads.
///
/// A Tokio runtime itself does not survive a fork: one with threads can hang in the child when it is dropped, and one without
/// goes on there, where it takes events away from the parent. A child should neither run nor drop it, and end by becoming
/// another program or by [`std::process::exit`], whose cleaning up may wait for such a lock too; so should one that was forked
/// within a callback, instead of returning from it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use milena::{Producer, Record};
///
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let bootstrap = cluster.bootstrap();
/// let producer = Producer::connect(&bootstrap).await?;
/// let delivery = producer.send(Record::to("orders").key("17").value("twelve apples")).await?;
/// let metadata = delivery.await?;
/// println!("stored at {}-{} offset {:?}", metadata.topic(), metadata.partition(), metadata.offset());
/// producer.close(Duration::from_secs(30)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Producer {
    handle: Arc<Handle>,
}

/// What all clones of a [`Producer`] share; when it goes, the producer begins to end.
struct Handle {
    core: Arc<Core>,
}

impl Producer {
    /// A producer with default settings, connected to the cluster that `bootstrap` belongs to: `host:port`, several
    /// separated by commas.
    ///
    /// # Errors
    /// When no broker can be reached; see [`ConnectError`].
    pub async fn connect(bootstrap: &str) -> Result<Self, ConnectError> {
        let client = Client::builder(bootstrap).connect().await?;
        client.producer().build().map_err(ConnectError::from)
    }

    pub(crate) fn new(
        client: Client,
        settings: Settings,
        setup: Setup,
        transactions: Option<Transactions>,
    ) -> Self {
        let core = Core::start(client, settings, setup, transactions);
        Self {
            handle: Arc::new(Handle { core }),
        }
    }

    pub(crate) fn runtime(&self) -> &runtime::Handle {
        self.handle.core.client.runtime()
    }

    pub(crate) fn delivery_timeout(&self) -> Duration {
        self.handle.core.settings.delivery_timeout
    }

    /// Whether this is the process that it was made in.
    pub(crate) fn check_home(&self) -> Result<(), Forked> {
        self.handle.core.client.check_home()
    }

    /// Whether nothing will be sent any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.handle.core.has_ended()
    }

    /// Accepts a record: it is copied into a batch, in order, and will be sent.
    ///
    /// Waits, up to `max_block`, for the topic to become known and for memory when `buffer_memory` is used up.
    /// Dropping the future before it returns means that the record was not accepted.
    ///
    /// # Errors
    /// The record was not accepted; see [`ProduceErrorKind`].
    pub async fn send(&self, record: Record<'_>) -> Result<Delivery, ProduceError> {
        sending::send(self, &record, &mut || None).await
    }

    /// Accepts a record at once, or gives it back.
    ///
    /// # Errors
    /// [`TrySendError::Full`] and [`TrySendError::NotReady`] hold the record, to be tried again later.
    pub fn try_send<'a>(&self, record: Record<'a>) -> Result<Delivery, TrySendError<'a>> {
        sending::try_send(self, record, &mut || None)
    }

    /// As [`send`](Self::send), and has `callback` called with what becomes of the record.
    ///
    /// It is called once, when the record is acknowledged or has failed, whatever happens to the producer and its
    /// runtime. For the records of one partition, callbacks are called one after the other, in the order in which the
    /// records were accepted, and [`flush`](Self::flush) and [`close`](Self::close) wait for them.
    ///
    /// Mostly it is the task that talks to a broker that calls it, so it should be quick, and wait for nothing: neither
    /// for `flush`, which would wait for it, nor for the runtime. It may [`try_send`](Self::try_send). If it panics, that
    /// is logged, and the producer goes on.
    ///
    /// # Errors
    /// The record was not accepted, and `callback` is dropped without being called.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use milena::{Client, Record};
    ///
    /// let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
    /// let client = Client::builder(cluster.bootstrap()).connect().await?;
    /// let producer = client.producer().build()?;
    /// for number in 0..100 {
    ///     let value = format!("order {number}");
    ///     producer
    ///         .send_with(Record::to("orders").value(value.as_str()), move |outcome| match outcome {
    ///             Ok(metadata) => println!("{number} is stored at {:?}", metadata.offset()),
    ///             Err(error) => eprintln!("{number} is not: {error}"),
    ///         })
    ///         .await?;
    /// }
    /// producer.flush().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_with(
        &self,
        record: Record<'_>,
        callback: impl FnOnce(Result<RecordMetadata, ProduceError>) + Send + 'static,
    ) -> Result<(), ProduceError> {
        sending::send_with(self, &record, callback).await
    }

    /// As [`try_send`](Self::try_send), and has `callback` called as by [`send_with`](Self::send_with).
    ///
    /// # Errors
    /// The record was not accepted; `callback` comes back, and with [`TrySendError::Full`] and
    /// [`TrySendError::NotReady`] the record too.
    pub fn try_send_with<'a, F>(
        &self,
        record: Record<'a>,
        callback: F,
    ) -> Result<(), (TrySendError<'a>, F)>
    where
        F: FnOnce(Result<RecordMetadata, ProduceError>) + Send + 'static,
    {
        sending::try_send_with(self, record, callback)
    }

    /// Sends many records, one after the other, and returns what became of each, in their order: of those that were
    /// refused as of those that failed later.
    ///
    /// As by [`send`](Self::send), memory is waited for when `buffer_memory` is used up, and so is a topic that is not
    /// known yet. What did not come within `max_block`, be it memory or one of the topics, is not waited for again: records
    /// after that are taken only if they can be at once. A record that is refused stops none of the others.
    ///
    /// Records linger as usual. Dropping the future means that the records that were accepted by then are delivered, and
    /// the others are not sent: those accepted are the first ones in order, but for what was refused.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use milena::{Client, Record};
    ///
    /// let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
    /// let client = Client::builder(cluster.bootstrap()).connect().await?;
    /// let producer = client.producer().build()?;
    /// let orders = ["twelve apples", "six pears", "one plum"];
    /// let outcomes = producer.send_all(orders.map(|order| Record::to("orders").value(order))).await;
    /// for (order, outcome) in orders.iter().zip(outcomes) {
    ///     println!("{order}: partition {}", outcome?.partition());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn send_all<'r>(
        &self,
        records: impl IntoIterator<Item = Record<'r>>,
    ) -> Vec<Result<RecordMetadata, ProduceError>> {
        send_all::send_all(self, records).await
    }

    /// A handle to one topic, which looks the topic up only once.
    pub fn topic(&self, name: &str) -> TopicHandle {
        TopicHandle::new(self.clone(), name)
    }

    /// Sends what was accepted up to now without lingering, and waits until it is all settled: acknowledged, or
    /// failed. Which of the two, each [`Delivery`] says. Callbacks have returned then. Takes `delivery_timeout` at most, and
    /// no time at all in a forked child, where nothing is settled.
    pub async fn flush(&self) {
        self.handle.core.flush().await;
    }

    /// Gives up every record that is accepted and not settled, and returns how many. The producer goes on.
    ///
    /// Each [`Delivery`] fails with [`ProduceErrorKind::Purged`]; its [`persistence`](ProduceError::persistence) is `No`
    /// for what was never sent, and `Maybe` for what is on its way, which a broker may store all the same. Records that
    /// are sent while this runs may be given up or not.
    pub fn purge(&self) -> u64 {
        self.handle.core.purge()
    }

    /// The partitions of a topic, looked up if necessary for up to `max_block`.
    ///
    /// # Errors
    /// When the topic does not become known.
    pub async fn partitions_for(&self, topic: &str) -> Result<usize, ProduceError> {
        self.handle.core.partitions_for(topic).await
    }

    /// Bytes of `buffer_memory` in use.
    pub fn buffered(&self) -> usize {
        self.handle.core.memory.reserved()
    }

    /// Takes no more records, delivers those accepted, and ends. What is left at the deadline is given up.
    ///
    /// It can be called again, and on other clones, at the same time: the earliest deadline holds for all.
    ///
    /// # Errors
    /// How many records were given up; each one's [`Delivery`] has the details.
    pub async fn close(&self, deadline: Duration) -> Result<(), CloseError> {
        self.handle.core.close(deadline).await
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("settings", &self.handle.core.settings)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Sets up a producer.
    pub fn producer(&self) -> ProducerBuilder {
        ProducerBuilder::new(self.clone(), Setup::default())
    }

    /// Sets up a producer of transactions. There is one at a time for each `transactional_id`: the latest.
    #[doc(alias = "transactional.id")]
    pub fn transactional_producer(
        &self,
        transactional_id: impl Into<String>,
    ) -> TransactionalProducerBuilder {
        TransactionalProducerBuilder::new(self.producer(), transactional_id.into())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.abandon();
    }
}
