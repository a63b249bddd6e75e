//! A producer whose calls wait.

use std::{future::Future, sync::Arc, time::Duration};

use tracing::warn;

use super::{
    TopicHandle,
    wait::{WouldBlock, is_forbidden, wait},
};
use crate::{
    Client, ConfigError, ConnectError, DeliveryStatus, Forked, ProduceError, ProduceErrorKind,
    ProducerBuilder, ProducerMetrics, Record, RecordMetadata, Serializer, TypedTopic,
};

/// Sends records to Kafka, as [`milena::Producer`](crate::Producer) does, with calls that wait.
///
/// Cheap to clone; clones share everything, and may be used from many threads at once.
///
/// When the last clone is dropped without [`close`](Self::close), dropping it waits until what was accepted is delivered,
/// for up to `delivery_timeout`, and logs what was not: a program that ends right after that has lost nothing. (Dropped by
/// a callback, it delivers in the background.) What is never dropped, as a `static` is not, has to be flushed or closed.
#[derive(Clone, Debug)]
pub struct Producer {
    handle: Arc<Handle>,
}

/// What all clones share; when it goes, what was accepted is delivered.
#[derive(Debug)]
struct Handle {
    producer: crate::Producer,
}

/// A record that was accepted, and will be acknowledged or fail.
///
/// Dropping it changes nothing: the record is sent all the same, and nobody is told what became of it.
#[must_use = "a record may fail after it was accepted; drop the delivery only if that does not matter"]
#[derive(Debug)]
pub struct Delivery(crate::Delivery);

/// A producer was not closed as it should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// It is not closed, or not everything it had accepted was delivered.
    #[error(transparent)]
    Close(#[from] crate::CloseError),
    /// It was to be closed from a callback. It takes no more records; what it had accepted goes on.
    #[error(transparent)]
    WouldBlock(#[from] WouldBlock),
}

/// A producer was not flushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlushError {
    /// It was to be flushed from a callback.
    #[error(transparent)]
    WouldBlock(#[from] WouldBlock),
    /// It belongs to the parent of this process.
    #[error(transparent)]
    Forked(#[from] Forked),
}

/// The ways of sending, which wait for those of `self.inner()`.
macro_rules! sends {
    ($refused:literal) => {
        /// Accepts a record: it is copied into a batch, in order, and will be sent. Waits, up to `max_block`, for the topic
        /// to become known and for memory.
        ///
        /// # Errors
        #[doc = concat!("The record was not accepted", $refused, ".")]
        /// In a callback, one that has to wait is not, with [`WouldBlock`](crate::ProduceErrorKind::WouldBlock).
        pub fn send(
            &self,
            record: crate::Record<'_>,
        ) -> Result<crate::blocking::Delivery, crate::ProduceError> {
            let refused = crate::blocking::producer::refused(&record);
            let sent = self.wait(self.inner().send(record));
            let sent = sent.unwrap_or_else(|_| Err(refused()));
            sent.map(crate::blocking::Delivery::new)
        }

        /// Accepts a record at once, or gives it back.
        ///
        /// # Errors
        /// [`Full`](crate::TrySendError::Full) and [`NotReady`](crate::TrySendError::NotReady) hold the record, to be tried
        /// again later.
        #[doc = concat!("[`Rejected`](crate::TrySendError::Rejected): the record was not accepted", $refused, ".")]
        pub fn try_send<'a>(
            &self,
            record: crate::Record<'a>,
        ) -> Result<crate::blocking::Delivery, crate::TrySendError<'a>> {
            let sent = self.inner().try_send(record);
            sent.map(crate::blocking::Delivery::new)
        }

        /// As [`send`](Self::send), and has `callback` called with what becomes of the record; as
        /// [`milena::Producer::send_with`](crate::Producer::send_with).
        ///
        /// # Errors
        /// As of [`send`](Self::send); `callback` is dropped without being called.
        pub fn send_with(
            &self,
            record: crate::Record<'_>,
            callback: impl FnOnce(Result<crate::RecordMetadata, crate::ProduceError>) + Send + 'static,
        ) -> Result<(), crate::ProduceError> {
            let refused = crate::blocking::producer::refused(&record);
            let sent = self.wait(self.inner().send_with(record, callback));
            sent.unwrap_or_else(|_| Err(refused()))
        }

        /// As [`try_send`](Self::try_send), and has `callback` called with what becomes of the record.
        ///
        /// # Errors
        /// As of [`try_send`](Self::try_send); `callback` comes back.
        pub fn try_send_with<'a, F>(
            &self,
            record: crate::Record<'a>,
            callback: F,
        ) -> Result<(), (crate::TrySendError<'a>, F)>
        where
            F: FnOnce(Result<crate::RecordMetadata, crate::ProduceError>) + Send + 'static,
        {
            self.inner().try_send_with(record, callback)
        }

        /// Sends many records, and waits for what becomes of each, in their order; as
        /// [`milena::Producer::send_all`](crate::Producer::send_all).
        #[doc = concat!("Of a record that was not accepted", $refused, ", the outcome is an error.")]
        ///
        /// # Errors
        /// In a callback, where nothing is sent.
        pub fn send_all<'r>(
            &self,
            records: impl IntoIterator<Item = crate::Record<'r>>,
        ) -> Result<
            Vec<Result<crate::RecordMetadata, crate::ProduceError>>,
            crate::blocking::WouldBlock,
        > {
            crate::blocking::wait::may_wait()?;
            self.wait(self.inner().send_all(records))
        }
    };
}

pub(super) use sends;

impl Producer {
    /// A producer with default settings, connected to the cluster that `bootstrap` belongs to: `host:port`, several
    /// separated by commas.
    ///
    /// # Errors
    /// When no broker can be reached; see [`ConnectError`].
    pub fn connect(bootstrap: &str) -> Result<Self, ConnectError> {
        let client = Client::builder(bootstrap).connect_blocking()?;
        Ok(client.producer().build_blocking()?)
    }

    sends!("");

    /// A handle to one topic, which looks the topic up only once.
    pub fn topic(&self, name: &str) -> TopicHandle {
        TopicHandle::new(self.clone(), self.inner().topic(name))
    }

    /// A handle to one topic whose keys and values are made by serializers; as
    /// [`milena::Producer::typed`](crate::Producer::typed).
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let runtime = tokio::runtime::Runtime::new()?;
    /// # let cluster = runtime.block_on(milena_broker::Cluster::builder().topic("orders", 3).start())?;
    /// use milena::{Raw, Text};
    ///
    /// let producer = milena::blocking::Producer::connect(&cluster.bootstrap())?;
    /// let orders = producer.typed::<str, [u8]>("orders", Text, Raw);
    /// let metadata = orders.send(orders.record().key("17").value(&[12, 6]))?.wait()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn typed<K: ?Sized, V: ?Sized>(
        &self,
        topic: &str,
        key: impl Serializer<K> + 'static,
        value: impl Serializer<V> + 'static,
    ) -> TypedTopic<K, V, TopicHandle> {
        TypedTopic::new(self.topic(topic), key, value)
    }

    /// Sends what was accepted up to now without lingering, and waits until it is all settled; as
    /// [`milena::Producer::flush`](crate::Producer::flush).
    ///
    /// # Errors
    /// In a callback, and in a forked child.
    pub fn flush(&self) -> Result<(), FlushError> {
        self.inner().check_home()?;
        Ok(self.wait(self.inner().flush())?)
    }

    /// Gives up every record that is accepted and not settled, and returns how many; as
    /// [`milena::Producer::purge`](crate::Producer::purge).
    pub fn purge(&self) -> u64 {
        self.inner().purge()
    }

    /// The partitions of a topic, looked up if necessary for up to `max_block`.
    ///
    /// # Errors
    /// When the topic does not become known, and in a callback if that would take waiting.
    pub fn partitions_for(&self, topic: &str) -> Result<usize, ProduceError> {
        partitions_for(self.inner(), topic)
    }

    /// Bytes of `buffer_memory` in use.
    pub fn buffered(&self) -> usize {
        self.inner().buffered()
    }

    /// What the producer has done so far, and what it has before it.
    pub fn metrics(&self) -> ProducerMetrics {
        self.inner().metrics()
    }

    /// Takes no more records, delivers those accepted, and ends. What is left at the deadline is given up.
    ///
    /// # Errors
    /// How many records were given up; each one's [`Delivery`] has the details.
    pub fn close(&self, deadline: Duration) -> Result<(), CloseError> {
        self.wait(self.inner().close(deadline))?
            .map_err(CloseError::from)
    }

    pub(super) fn wait<F: Future>(&self, future: F) -> Result<F::Output, WouldBlock> {
        wait(Some(self.inner().runtime()), future)
    }

    fn inner(&self) -> &crate::Producer {
        &self.handle.producer
    }
}

/// Why a record is not accepted that would have to be waited for in a callback.
pub(super) fn refused<'r>(record: &Record<'r>) -> impl FnOnce() -> ProduceError + use<'r> {
    let (topic, partition) = (record.topic(), record.partition);
    move || {
        ProduceError::new(
            ProduceErrorKind::WouldBlock,
            topic,
            partition,
            WouldBlock.to_string(),
        )
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let closing = self.producer.close(self.producer.delivery_timeout());
        deliver_before_dropping(&self.producer, closing);
    }
}

/// Waits for `closing`, unless the producer was closed before, and tells of what it did not deliver.
pub(super) fn deliver_before_dropping(
    producer: &crate::Producer,
    closing: impl Future<Output = Result<(), crate::CloseError>>,
) {
    // On the thread that does the work, the producer within delivers by itself once it is dropped.
    if !is_forbidden()
        && !producer.has_ended()
        && let Ok(Err(crate::CloseError::Undelivered(records))) =
            wait(Some(producer.runtime()), closing)
    {
        warn!(
            records,
            "producer dropped; so many records were not delivered"
        );
    }
}

pub(super) fn partitions_for(
    producer: &crate::Producer,
    topic: &str,
) -> Result<usize, ProduceError> {
    let refused = refused(&Record::to(topic));
    let counted = wait(Some(producer.runtime()), producer.partitions_for(topic));
    counted.unwrap_or_else(|_| Err(refused()))
}

impl Delivery {
    pub(super) const fn new(delivery: crate::Delivery) -> Self {
        Self(delivery)
    }

    /// Waits until the record is settled; for `delivery_timeout` at most.
    ///
    /// # Errors
    /// What went wrong. In a callback, a record that is not settled yet is [`WouldBlock`](ProduceErrorKind::WouldBlock).
    pub fn wait(mut self) -> Result<RecordMetadata, ProduceError> {
        self.0.check_home()?;
        let settled = wait(None, &mut self.0);
        settled.unwrap_or_else(|error| {
            let (topic, partition) = (self.topic(), self.partition());
            let kind = ProduceErrorKind::WouldBlock;
            Err(ProduceError::unsettled(
                kind,
                topic,
                partition,
                error.to_string(),
            ))
        })
    }

    /// The topic the record goes to.
    pub fn topic(&self) -> &str {
        self.0.topic()
    }

    /// The partition the record goes to.
    pub fn partition(&self) -> i32 {
        self.0.partition()
    }

    /// How far the record is, without the details.
    pub fn status(&self) -> DeliveryStatus {
        self.0.status()
    }

    /// What became of the record, if that is known already.
    pub fn try_get(&self) -> Option<Result<RecordMetadata, ProduceError>> {
        self.0.try_get()
    }
}

impl ProducerBuilder {
    /// As [`build`](Self::build), for programs without async.
    ///
    /// # Errors
    /// As those of [`build`](Self::build), and when the client was not connected by
    /// [`connect_blocking`](crate::ClientBuilder::connect_blocking): on the thread that its tasks are on, a call that waits
    /// could wait for itself.
    pub fn build_blocking(self) -> Result<Producer, ConfigError> {
        check_thread(self.client())?;
        let producer = self.build()?;
        Ok(Producer {
            handle: Arc::new(Handle { producer }),
        })
    }
}

/// Whether the client has a thread of its own.
pub(super) fn check_thread(client: &Client) -> Result<(), ConfigError> {
    if client.has_own_thread() {
        return Ok(());
    }
    let why = "was not connected by connect_blocking, which a blocking producer needs";
    Err(ConfigError::new("client", why))
}
