//! How a producer is set up.

use std::{sync::Arc, time::Duration};

use milena_codec::Compression;
use milena_engine::{produce::Acks, transaction::Transactions};
use milena_protocol::Str;

use super::{Interceptor, Partitioner, Producer, setup::Setup};
use crate::{Client, ConfigError};

/// Sets up a [`Producer`]; every setting has Kafka's default.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use milena::{Client, Compression};
///
/// # let cluster = milena_broker::Cluster::builder().start().await?;
/// # let bootstrap = cluster.bootstrap();
/// let client = Client::builder(bootstrap).connect().await?;
/// let producer = client
///     .producer()
///     .linger(Duration::from_millis(20))
///     .batch_size(64 * 1024)
///     .compression(Compression::LZ4)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ProducerBuilder {
    client: Client,
    setup: Setup,
}

impl ProducerBuilder {
    pub(crate) const fn new(client: Client, setup: Setup) -> Self {
        Self { client, setup }
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    /// Whose acknowledgement a record waits for. Default: [`Acks::All`].
    ///
    /// [`Acks::Leader`] and [`Acks::None`] switch idempotence off, unless it was asked for by name: then they are an
    /// error.
    #[must_use]
    pub const fn acks(mut self, acks: Acks) -> Self {
        self.setup.acks = acks;
        self
    }

    /// Whether the broker drops records that it already has, so that a retry stores nothing twice and order is kept.
    /// Default: true.
    #[doc(alias = "enable.idempotence")]
    #[must_use]
    pub const fn idempotence(mut self, idempotence: bool) -> Self {
        self.setup.idempotence = Some(idempotence);
        self
    }

    /// How long a batch that is not full waits for more records. Default: 5 ms.
    #[doc(alias = "linger.ms")]
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.setup.linger = linger;
        self
    }

    /// Bytes at which a batch is full. Default: 16 KiB. 0 sends every record by itself; more than `max_request_size`
    /// is as much as that.
    #[doc(alias = "batch.size")]
    #[must_use]
    pub const fn batch_size(mut self, bytes: usize) -> Self {
        self.setup.batch_size = bytes;
        self
    }

    /// Bytes that the producer holds for records that are not settled; when they are used up, `send` waits.
    /// Default: 32 MiB.
    #[doc(alias = "buffer.memory")]
    #[must_use]
    pub const fn buffer_memory(mut self, bytes: usize) -> Self {
        self.setup.buffer_memory = bytes;
        self
    }

    /// How batches are compressed. Default: not at all. A batch that does not shrink is sent as it is.
    #[doc(alias = "compression.type")]
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.setup.compression = compression;
        self
    }

    /// Requests in flight on one connection. Default: 5, which is also the most with idempotence. Without
    /// idempotence, more than 1 lets records change order when one is retried.
    #[doc(alias = "max.in.flight.requests.per.connection")]
    #[must_use]
    pub const fn max_in_flight(mut self, requests: usize) -> Self {
        self.setup.max_in_flight = requests;
        self
    }

    /// Bytes of batches in one request, and the size limit of a single record. Default: 1 MiB.
    #[doc(alias = "max.request.size")]
    #[must_use]
    pub const fn max_request_size(mut self, bytes: usize) -> Self {
        self.setup.max_request_size = bytes;
        self
    }

    /// How long `send` waits for a topic to become known and for memory. Default: 60 s.
    #[doc(alias = "max.block.ms")]
    #[must_use]
    pub const fn max_block(mut self, max_block: Duration) -> Self {
        self.setup.max_block = max_block;
        self
    }

    /// How long a record may take from being accepted to being acknowledged, retries included. Default: 120 s, or
    /// `linger` + `request_timeout` if that is longer; anything shorter than those two is an error.
    #[doc(alias = "delivery.timeout.ms")]
    #[must_use]
    pub const fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.setup.delivery_timeout = Some(timeout);
        self
    }

    /// How long the broker may take to answer a request. After that, the connection is given up. Default: 30 s.
    #[doc(alias = "request.timeout.ms")]
    #[must_use]
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.setup.request_timeout = timeout;
        self
    }

    /// Attempts after the first. Default: as many as `delivery_timeout` allows. 0 switches idempotence off, unless it
    /// was asked for by name: then it is an error.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.setup.retries = retries;
        self
    }

    /// Wait before the first retry and longest wait before a later one; each wait is twice the one before, give or
    /// take 20 %. Default: 100 ms and 1 s.
    #[doc(alias = "retry.backoff.ms")]
    #[doc(alias = "retry.backoff.max.ms")]
    #[must_use]
    pub const fn retry_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.setup.retry_backoff = first;
        self.setup.retry_backoff_max = max;
        self
    }

    /// Chooses the partition of records that name none, in place of the key's hash and the producer's own choice. Default:
    /// none. [`RoundRobin`](crate::RoundRobin) is one.
    #[doc(alias = "partitioner.class")]
    #[must_use]
    pub fn partitioner(mut self, partitioner: impl Partitioner) -> Self {
        self.setup.choosing.partitioner = Some(Arc::new(partitioner));
        self
    }

    /// Whether records with a key go where those without one go. Default: false.
    #[doc(alias = "partitioner.ignore.keys")]
    #[must_use]
    pub const fn ignore_keys(mut self, ignore: bool) -> Self {
        self.setup.choosing.ignores_keys = ignore;
        self
    }

    /// Whether partitions that have many batches waiting are given fewer records without a key than others. Default: true.
    #[doc(alias = "partitioner.adaptive.partitioning.enable")]
    #[must_use]
    pub const fn adaptive_partitioning(mut self, adaptive: bool) -> Self {
        self.setup.choosing.is_adaptive = adaptive;
        self
    }

    /// A partition whose batches wait for longer than this for their acknowledgement is given no records without a key as
    /// long as there are others. Default: zero, for no limit.
    #[doc(alias = "partitioner.availability.timeout.ms")]
    #[must_use]
    pub const fn availability_timeout(mut self, timeout: Duration) -> Self {
        self.setup.choosing.availability_timeout = timeout;
        self
    }

    /// The rack, or zone, that the program runs in: records without a key go to partitions whose leader is there, as long
    /// as there are any. Default: none, and racks do not matter.
    #[doc(alias = "client.rack")]
    #[doc(alias = "partitioner.rack.aware")]
    #[must_use]
    pub fn rack(mut self, rack: &str) -> Self {
        self.setup.choosing.rack = Some(rack.into());
        self
    }

    /// Has `interceptor` see every record, behind those that were set before it. Default: none.
    #[doc(alias = "interceptor.classes")]
    #[must_use]
    pub fn interceptor(mut self, interceptor: impl Interceptor) -> Self {
        self.setup.interceptors.push(interceptor);
        self
    }

    /// The producer. An idempotent one asks for its producer id in the background at once; connections to produce are made when
    /// there is something to send.
    ///
    /// # Errors
    /// A [`ConfigError`] names the setting that cannot be, or does not go with another.
    pub fn build(self) -> Result<Producer, ConfigError> {
        self.check_home()?;
        let settings = self.setup.check()?;
        Ok(Producer::new(self.client, settings, self.setup, None))
    }

    fn check_home(&self) -> Result<(), ConfigError> {
        let home = self.client.check_home();
        home.map_err(|forked| ConfigError::new("client", forked.to_string()))
    }

    /// A producer whose records belong to transactions.
    pub(super) fn build_transactional(
        self,
        id: Str,
        timeout: Duration,
    ) -> Result<Producer, ConfigError> {
        self.check_home()?;
        let settings = self.setup.check_transactional(id.clone())?;
        let backoff = settings.retry_backoff;
        let transactions = Transactions::new(id, timeout, backoff, fastrand::u64(..));
        Ok(Producer::new(
            self.client,
            settings,
            self.setup,
            Some(transactions),
        ))
    }
}
