//! How a producer is set up.

use std::{sync::Arc, time::Duration};

use milena_codec::Compression;
use milena_engine::{
    backoff::Backoff,
    produce::{Acks, Settings},
    transaction::Transactions,
};
use milena_protocol::Str;

use super::{Choosing, Partitioner, Producer};
use crate::{Client, ConfigError};

/// Sets up a [`Producer`]; every setting has Kafka's default.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use milena::{Client, Compression};
///
/// let client = Client::builder("localhost:9092").connect().await?;
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
    acks: Acks,
    idempotence: Option<bool>,
    linger: Duration,
    batch_size: usize,
    buffer_memory: usize,
    compression: Compression,
    max_in_flight: usize,
    max_request_size: usize,
    max_block: Duration,
    delivery_timeout: Option<Duration>,
    request_timeout: Duration,
    retries: u32,
    retry_backoff: Duration,
    retry_backoff_max: Duration,
    choosing: Choosing,
}

impl ProducerBuilder {
    pub(crate) fn new(client: Client) -> Self {
        Self {
            client,
            acks: Acks::All,
            idempotence: None,
            linger: Duration::from_millis(5),
            batch_size: 16 * 1024,
            buffer_memory: 32 * 1024 * 1024,
            compression: Compression::NONE,
            max_in_flight: 5,
            max_request_size: 1024 * 1024,
            max_block: Duration::from_secs(60),
            delivery_timeout: None,
            request_timeout: Duration::from_secs(30),
            retries: i32::MAX as u32,
            retry_backoff: Duration::from_millis(100),
            retry_backoff_max: Duration::from_secs(1),
            choosing: Choosing::default(),
        }
    }

    /// Whose acknowledgement a record waits for. Default: [`Acks::All`].
    ///
    /// [`Acks::Leader`] and [`Acks::None`] switch idempotence off, unless it was asked for by name: then they are an
    /// error.
    #[must_use]
    pub const fn acks(mut self, acks: Acks) -> Self {
        self.acks = acks;
        self
    }

    /// Whether the broker drops records that it already has, so that a retry stores nothing twice and order is kept.
    /// Default: true.
    #[doc(alias = "enable.idempotence")]
    #[must_use]
    pub const fn idempotence(mut self, idempotence: bool) -> Self {
        self.idempotence = Some(idempotence);
        self
    }

    /// How long a batch that is not full waits for more records. Default: 5 ms.
    #[doc(alias = "linger.ms")]
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Bytes at which a batch is full. Default: 16 KiB. 0 sends every record by itself; more than `max_request_size`
    /// is as much as that.
    #[doc(alias = "batch.size")]
    #[must_use]
    pub const fn batch_size(mut self, bytes: usize) -> Self {
        self.batch_size = bytes;
        self
    }

    /// Bytes that the producer holds for records that are not settled; when they are used up, `send` waits.
    /// Default: 32 MiB.
    #[doc(alias = "buffer.memory")]
    #[must_use]
    pub const fn buffer_memory(mut self, bytes: usize) -> Self {
        self.buffer_memory = bytes;
        self
    }

    /// How batches are compressed. Default: not at all. A batch that does not shrink is sent as it is.
    #[doc(alias = "compression.type")]
    #[must_use]
    pub const fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Requests in flight on one connection. Default: 5, which is also the most with idempotence. Without
    /// idempotence, more than 1 lets records change order when one is retried.
    #[doc(alias = "max.in.flight.requests.per.connection")]
    #[must_use]
    pub const fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// Bytes of batches in one request, and the size limit of a single record. Default: 1 MiB.
    #[doc(alias = "max.request.size")]
    #[must_use]
    pub const fn max_request_size(mut self, bytes: usize) -> Self {
        self.max_request_size = bytes;
        self
    }

    /// How long `send` waits for a topic to become known and for memory. Default: 60 s.
    #[doc(alias = "max.block.ms")]
    #[must_use]
    pub const fn max_block(mut self, max_block: Duration) -> Self {
        self.max_block = max_block;
        self
    }

    /// How long a record may take from being accepted to being acknowledged, retries included. Default: 120 s, or
    /// `linger` + `request_timeout` if that is longer; anything shorter than those two is an error.
    #[doc(alias = "delivery.timeout.ms")]
    #[must_use]
    pub const fn delivery_timeout(mut self, timeout: Duration) -> Self {
        self.delivery_timeout = Some(timeout);
        self
    }

    /// How long the broker may take to answer a request. After that, the connection is given up. Default: 30 s.
    #[doc(alias = "request.timeout.ms")]
    #[must_use]
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// Attempts after the first. Default: as many as `delivery_timeout` allows. 0 switches idempotence off, unless it
    /// was asked for by name: then it is an error.
    #[must_use]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }

    /// Wait before the first retry and longest wait before a later one; each wait is twice the one before, give or
    /// take 20 %. Default: 100 ms and 1 s.
    #[doc(alias = "retry.backoff.ms")]
    #[doc(alias = "retry.backoff.max.ms")]
    #[must_use]
    pub const fn retry_backoff(mut self, first: Duration, max: Duration) -> Self {
        self.retry_backoff = first;
        self.retry_backoff_max = max;
        self
    }

    /// Chooses the partition of records that name none, in place of the key's hash and the producer's own choice. Default:
    /// none. [`RoundRobin`](crate::RoundRobin) is one.
    #[doc(alias = "partitioner.class")]
    #[must_use]
    pub fn partitioner(mut self, partitioner: impl Partitioner) -> Self {
        self.choosing.partitioner = Some(Arc::new(partitioner));
        self
    }

    /// Whether records with a key go where those without one go. Default: false.
    #[doc(alias = "partitioner.ignore.keys")]
    #[must_use]
    pub const fn ignore_keys(mut self, ignore: bool) -> Self {
        self.choosing.ignores_keys = ignore;
        self
    }

    /// Whether partitions that have many batches waiting are given fewer records without a key than others. Default: true.
    #[doc(alias = "partitioner.adaptive.partitioning.enable")]
    #[must_use]
    pub const fn adaptive_partitioning(mut self, adaptive: bool) -> Self {
        self.choosing.is_adaptive = adaptive;
        self
    }

    /// A partition whose batches wait for longer than this for their acknowledgement is given no records without a key as
    /// long as there are others. Default: zero, for no limit.
    #[doc(alias = "partitioner.availability.timeout.ms")]
    #[must_use]
    pub const fn availability_timeout(mut self, timeout: Duration) -> Self {
        self.choosing.availability_timeout = timeout;
        self
    }

    /// The rack, or zone, that the program runs in: records without a key go to partitions whose leader is there, as long
    /// as there are any. Default: none, and racks do not matter.
    #[doc(alias = "client.rack")]
    #[doc(alias = "partitioner.rack.aware")]
    #[must_use]
    pub fn rack(mut self, rack: &str) -> Self {
        self.choosing.rack = Some(rack.into());
        self
    }

    /// The producer. An idempotent one asks for its producer id in the background at once; connections to produce are made when
    /// there is something to send.
    ///
    /// # Errors
    /// A [`ConfigError`] names the setting that cannot be, or does not go with another.
    pub fn build(self) -> Result<Producer, ConfigError> {
        let settings = self.settings()?;
        Ok(Producer::new(
            self.client,
            settings,
            self.buffer_memory,
            self.max_block,
            self.choosing,
            None,
        ))
    }

    /// A producer whose records belong to transactions.
    pub(super) fn build_transactional(
        mut self,
        id: Str,
        timeout: Duration,
    ) -> Result<Producer, ConfigError> {
        if self.idempotence == Some(false) {
            return refuse("idempotence", false, "does not go with transactions");
        }
        self.idempotence = Some(true);
        let mut settings = self.settings()?;
        let backoff = settings.retry_backoff;
        let transactions = Transactions::new(id.clone(), timeout, backoff, fastrand::u64(..));
        settings.transactional_id = Some(id);
        Ok(Producer::new(
            self.client,
            settings,
            self.buffer_memory,
            self.max_block,
            self.choosing,
            Some(transactions),
        ))
    }

    fn settings(&self) -> Result<Settings, ConfigError> {
        let Self {
            max_in_flight,
            max_request_size,
            batch_size,
            buffer_memory,
            ..
        } = *self;
        if max_in_flight == 0 {
            return refuse("max_in_flight", max_in_flight, "must be at least 1");
        }
        if max_request_size == 0 {
            return refuse("max_request_size", max_request_size, "must be at least 1");
        }
        if i32::try_from(max_request_size).is_err() {
            return refuse(
                "max_request_size",
                max_request_size,
                "must be less than 2 GiB",
            );
        }
        if i32::try_from(batch_size).is_err() {
            return refuse("batch_size", batch_size, "must be less than 2 GiB");
        }
        if buffer_memory < batch_size.max(1024) {
            return refuse(
                "buffer_memory",
                buffer_memory,
                "must be at least batch_size, and 1 KiB",
            );
        }
        if self.retry_backoff > self.retry_backoff_max {
            let why = format!("is more than its longest, {:?}", self.retry_backoff_max);
            return refuse("retry_backoff", format!("{:?}", self.retry_backoff), &why);
        }
        let codec = self.compression.codec();
        if !codec.is_available() {
            let why = "is not in this build: its crate feature is switched off";
            return refuse("compression", codec.name(), why);
        }
        if self.request_timeout.is_zero() {
            return Err(ConfigError::new("request_timeout", "must be more than 0"));
        }
        let least = self.linger.saturating_add(self.request_timeout);
        let delivery_timeout = match self.delivery_timeout {
            Some(timeout) if timeout < least => {
                let why = format!("must be at least linger + request_timeout, which is {least:?}");
                return refuse("delivery_timeout", format!("{timeout:?}"), &why);
            }
            Some(timeout) => timeout,
            None => least.max(Duration::from_secs(120)),
        };
        Ok(Settings {
            acks: self.acks,
            idempotent: self.idempotent()?,
            transactional_id: None,
            batch_size: self.batch_size.clamp(1, max_request_size),
            linger: self.linger,
            max_in_flight: self.max_in_flight,
            max_request_size: self.max_request_size,
            delivery_timeout,
            request_timeout: self.request_timeout,
            retries: self.retries,
            retry_backoff: Backoff {
                base: self.retry_backoff,
                max: self.retry_backoff_max,
            },
            compression: self.compression,
        })
    }

    /// On unless something speaks against it; what speaks against it is an error if it was asked for by name.
    fn idempotent(&self) -> Result<bool, ConfigError> {
        if self.idempotence == Some(false) {
            return Ok(false);
        }
        if self.max_in_flight > 5 {
            let why = "must be at most 5 with idempotence; switch idempotence off to allow more";
            return refuse("max_in_flight", self.max_in_flight, why);
        }
        let against = if self.acks != Acks::All {
            let why = format!(
                "{:?} does not go with idempotence, which needs All",
                self.acks
            );
            Some(ConfigError::new("acks", why))
        } else if self.retries == 0 {
            Some(ConfigError::new(
                "retries",
                "must be at least 1 with idempotence",
            ))
        } else {
            None
        };
        match (against, self.idempotence) {
            (Some(error), Some(true)) => Err(error),
            (against, _) => Ok(against.is_none()),
        }
    }
}

fn refuse<T>(field: &'static str, value: impl ToString, why: &str) -> Result<T, ConfigError> {
    Err(ConfigError::new(
        field,
        format!("{} {why}", value.to_string()),
    ))
}
