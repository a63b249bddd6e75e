//! How a producer is set up.

use std::{sync::Arc, time::Duration};

use milena_codec::Compression;
use milena_engine::{produce::Acks, transaction::Transactions};
use milena_protocol::Str;

use super::{Interceptor, Partitioner, Producer, setup::Setup};
use crate::{Client, ConfigError, setters::setters};

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
#[must_use = "nothing is set up before `build`"]
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

    setters! {
        /// Whose acknowledgement a record waits for. Default: [`Acks::All`].
        ///
        /// [`Acks::Leader`] and [`Acks::None`] switch idempotence off, unless it was asked for by name: then they are an
        /// error.
        acks(acks: Acks) => setup.acks = acks;

        /// Whether the broker drops records that it already has, so that a retry stores nothing twice and order is kept.
        /// Default: true.
        #[doc(alias = "enable.idempotence")]
        idempotence(idempotence: bool) => setup.idempotence = Some(idempotence);

        /// How long a batch that is not full waits for more records. Default: 5 ms.
        #[doc(alias = "linger.ms")]
        linger(linger: Duration) => setup.linger = linger;

        /// Bytes at which a batch is full. Default: 16 KiB. 0 sends every record by itself; more than `max_request_size`
        /// is as much as that.
        #[doc(alias = "batch.size")]
        batch_size(bytes: usize) => setup.batch_size = bytes;

        /// Bytes that the producer holds for records that are not settled; when they are used up, `send` waits.
        /// Default: 32 MiB.
        #[doc(alias = "buffer.memory")]
        buffer_memory(bytes: usize) => setup.buffer_memory = bytes;

        /// How batches are compressed. Default: not at all. A batch that does not shrink is sent as it is.
        #[doc(alias = "compression.type")]
        compression(compression: Compression) => setup.compression = compression;

        /// Requests in flight on one connection. Default: 5, which is also the most with idempotence. Without
        /// idempotence, more than 1 lets records change order when one is retried.
        #[doc(alias = "max.in.flight.requests.per.connection")]
        max_in_flight(requests: usize) => setup.max_in_flight = requests;

        /// Bytes of batches in one request, and the size limit of a single record. Default: 1 MiB.
        #[doc(alias = "max.request.size")]
        max_request_size(bytes: usize) => setup.max_request_size = bytes;

        /// How long `send` waits for a topic to become known and for memory. Default: 60 s.
        #[doc(alias = "max.block.ms")]
        max_block(max_block: Duration) => setup.max_block = max_block;

        /// How long a record may take from being accepted to being acknowledged, retries included. Default: 120 s, or
        /// `linger` + `request_timeout` if that is longer; anything shorter than those two is an error.
        #[doc(alias = "delivery.timeout.ms")]
        delivery_timeout(timeout: Duration) => setup.delivery_timeout = Some(timeout);

        /// How long the broker may take to answer a request. After that, the connection is given up. Default: 30 s.
        #[doc(alias = "request.timeout.ms")]
        request_timeout(timeout: Duration) => setup.request_timeout = timeout;

        /// Attempts after the first. Default: as many as `delivery_timeout` allows. 0 switches idempotence off, unless it
        /// was asked for by name: then it is an error.
        retries(retries: u32) => setup.retries = retries;

        /// Wait before the first retry and longest wait before a later one; each wait is twice the one before, give or
        /// take 20 %. Default: 100 ms and 1 s.
        #[doc(alias = "retry.backoff.ms")]
        #[doc(alias = "retry.backoff.max.ms")]
        retry_backoff(first: Duration, max: Duration) => setup.retry_backoff = first, setup.retry_backoff_max = max;

        /// Chooses the partition of records that name none, in place of the key's hash and the producer's own choice. Default:
        /// none. [`RoundRobin`](crate::RoundRobin) is one.
        #[doc(alias = "partitioner.class")]
        partitioner(partitioner: impl Partitioner) => setup.choosing.partitioner = Some(Arc::new(partitioner));

        /// Whether records with a key go where those without one go. Default: false.
        #[doc(alias = "partitioner.ignore.keys")]
        ignore_keys(ignore: bool) => setup.choosing.ignores_keys = ignore;

        /// Whether partitions that have many batches waiting are given fewer records without a key than others. Default: true.
        #[doc(alias = "partitioner.adaptive.partitioning.enable")]
        adaptive_partitioning(adaptive: bool) => setup.choosing.is_adaptive = adaptive;

        /// A partition whose batches wait for longer than this for their acknowledgement is given no records without a key as
        /// long as there are others. Default: zero, for no limit.
        #[doc(alias = "partitioner.availability.timeout.ms")]
        availability_timeout(timeout: Duration) => setup.choosing.availability_timeout = timeout;

        /// The rack, or zone, that the program runs in: records without a key go to partitions whose leader is there, as long
        /// as there are any. Default: none, and racks do not matter.
        #[doc(alias = "client.rack")]
        #[doc(alias = "partitioner.rack.aware")]
        rack(rack: &str) => setup.choosing.rack = Some(rack.into());
    }

    /// Has `interceptor` see every record, behind those that were set before it. Default: none.
    #[doc(alias = "interceptor.classes")]
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
