//! How a producer of transactions is set up.

use std::time::Duration;

use milena_codec::Compression;
use milena_engine::produce::Acks;
use milena_protocol::Str;

use super::{TransactionError, TransactionalProducer, offsets::check_length};
use crate::{Client, ConfigError, Interceptor, Partitioner, ProducerBuilder};

/// Sets up a [`TransactionalProducer`]; every setting has Kafka's default.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use milena::{Client, Compression};
///
/// let cluster = milena_broker::Cluster::builder().start().await?;
/// let client = Client::builder(cluster.bootstrap()).connect().await?;
/// let producer = client
///     .transactional_producer("shop-1")
///     .transaction_timeout(Duration::from_secs(30))
///     .compression(Compression::LZ4)
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is set up before `build`"]
pub struct TransactionalProducerBuilder {
    settings: ProducerBuilder,
    id: String,
    timeout: Duration,
}

macro_rules! settings {
    ($($name:ident($($argument:ident: $type:ty),+);)*) => {$(
        #[doc = concat!("As [`ProducerBuilder::", stringify!($name), "`].")]
        pub fn $name(mut self, $($argument: $type),+) -> Self {
            self.settings = self.settings.$name($($argument),+);
            self
        }
    )*};
}

impl TransactionalProducerBuilder {
    pub(crate) const fn new(settings: ProducerBuilder, id: String) -> Self {
        Self {
            settings,
            id,
            timeout: Duration::from_secs(60),
        }
    }

    pub(crate) const fn client(&self) -> &Client {
        self.settings.client()
    }

    /// How long a transaction may take before the coordinator aborts it and fences the producer. Default: 60 s. Brokers
    /// set a limit (`transaction.max.timeout.ms`).
    #[doc(alias = "transaction.timeout.ms")]
    pub const fn transaction_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    settings! {
        linger(linger: Duration);
        batch_size(bytes: usize);
        buffer_memory(bytes: usize);
        compression(compression: Compression);
        max_in_flight(requests: usize);
        max_request_size(bytes: usize);
        max_block(max_block: Duration);
        delivery_timeout(timeout: Duration);
        request_timeout(timeout: Duration);
        retries(retries: u32);
        retry_backoff(first: Duration, max: Duration);
        partitioner(partitioner: impl Partitioner);
        ignore_keys(ignore: bool);
        adaptive_partitioning(adaptive: bool);
        availability_timeout(timeout: Duration);
        rack(rack: &str);
        interceptor(interceptor: impl Interceptor);
    }

    /// Transactions need [`Acks::All`], which is the default; anything else is an error.
    pub fn acks(mut self, acks: Acks) -> Self {
        self.settings = self.settings.acks(acks);
        self
    }

    /// Transactions need idempotence, which is the default; anything else is an error.
    #[doc(alias = "enable.idempotence")]
    pub fn idempotence(mut self, idempotence: bool) -> Self {
        self.settings = self.settings.idempotence(idempotence);
        self
    }

    /// The producer, once its coordinator has given it a producer id; waits for that up to `max_block`.
    ///
    /// A producer with the same transactional id is fenced by that, and what it left open is aborted.
    ///
    /// # Errors
    /// [`TransactionError::Config`] names the setting that cannot be. Of the others,
    /// [`Retriable`](TransactionError::Retriable) means that no coordinator answered in time.
    pub async fn build(self) -> Result<TransactionalProducer, TransactionError> {
        if self.id.is_empty() {
            return Err(ConfigError::new("transactional_id", "must not be empty").into());
        }
        check_length("transactional_id", &self.id)?;
        if self.timeout.as_millis() == 0 || i32::try_from(self.timeout.as_millis()).is_err() {
            let why = format!(
                "{:?} must be at least 1 ms and at most 24 days",
                self.timeout
            );
            return Err(ConfigError::new("transaction_timeout", why).into());
        }
        let id = Str::from(self.id);
        let producer = TransactionalProducer {
            producer: self.settings.build_transactional(id, self.timeout)?,
        };
        producer.initialize().await?;
        Ok(producer)
    }
}
