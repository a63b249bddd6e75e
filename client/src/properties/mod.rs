//! A producer as a Java properties file describes it.

mod draft;
mod error;
mod keys;
mod read;
mod similar;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::time::Duration;

use tracing::warn;

pub use self::{
    error::{PropertiesError, PropertyError, PropertyErrorKind, PropertyWarning},
    text::Properties,
};
use crate::{
    Client, ClientBuilder, ConfigError, ConnectError, Producer, ProducerBuilder, TcpConnector,
    TransactionalProducerBuilder, config::Settings, producer::Setup,
};

/// A producer and its client, as the properties of Kafka's own producer describe them.
///
/// Every key of the Java producer is in one of four classes:
///
/// - A setting that this producer has too is *applied*, within Kafka's own limits and with Kafka's defaults.
/// - What means something to Java alone (serializers, interceptors, metric reporters) is *ignored*, with a warning.
/// - What this producer does not have, and without which nothing would be as it is meant, is an *error*: above all TLS and
///   SASL, because without them a connection would silently be in plain text.
/// - A key that no producer has is an *error*, with the key that was probably meant.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::{ProducerConfig, Record};
///
/// # let cluster = milena_broker::Cluster::builder().start().await?;
/// # let file = format!(r"
/// #     bootstrap.servers = {}
/// #     key.serializer = org.apache.kafka.common.serialization.StringSerializer
/// #     compression.type = zstd
/// #     linger.ms = 20
/// # ", cluster.bootstrap());
/// # let file = file.as_str();
/// // let file = Properties::read("producer.properties")?;
/// let config = ProducerConfig::from_properties(file)?;
/// for warning in config.warnings() {
///     eprintln!("{warning}"); // line 3: key.serializer: is ignored: …
/// }
/// let producer = config.connect().await?;
/// producer.send(Record::to("orders").value("twelve apples")).await?.await?;
/// # assert_eq!(config.warnings().len(), 1);
/// # Ok(())
/// # }
/// ```
///
/// With a `transactional.id`, the producer is one of transactions:
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::{Properties, ProducerConfig};
///
/// # let cluster = milena_broker::Cluster::builder().start().await?;
/// # let bootstrap = cluster.bootstrap();
/// let config = ProducerConfig::from_properties(Properties::from_iter([
///     ("bootstrap.servers", bootstrap.as_str()),
///     ("transactional.id", "shop-1"),
/// ]))?;
/// let client = config.client().connect().await?;
/// let producer = config.transactional_producer(&client)?.build().await?;
/// # Ok(())
/// # }
/// ```
///
/// Without async:
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use milena::{ProducerConfig, Record};
///
/// # let runtime = tokio::runtime::Runtime::new()?;
/// # let cluster = runtime.block_on(milena_broker::Cluster::builder().start())?;
/// # let file = format!("bootstrap.servers={}", cluster.bootstrap());
/// # let file = file.as_str();
/// let config = ProducerConfig::from_properties(file)?;
/// let client = config.client().connect_blocking()?;
/// let producer = config.producer(&client)?.build_blocking()?;
/// producer.send(Record::to("orders").value("twelve apples"))?.wait()?;
/// assert_eq!(producer.metrics().acknowledged_records, 1);
/// # Ok(())
/// # }
/// ```
///
/// What differs from Java: waits of 0 ms before a retry are of 1 ms; `send.buffer.bytes` and `receive.buffer.bytes` are left to
/// the system if they are not given; an empty `client.id` is `milena`.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    client: Settings,
    producer: Setup,
    tcp: TcpConnector,
    transactional_id: Option<String>,
    transaction_timeout: Duration,
    warnings: Vec<PropertyWarning>,
}

impl ProducerConfig {
    /// Reads properties: the text of a file, or [`Properties`] from elsewhere.
    ///
    /// What is ignored is told by [`warnings`](Self::warnings), and logged.
    ///
    /// # Errors
    /// [`PropertiesError`] names everything that is wrong, with the line.
    pub fn from_properties(properties: impl Into<Properties>) -> Result<Self, PropertiesError> {
        let config = read::read(&properties.into())?;
        for warning in &config.warnings {
            warn!("{warning}");
        }
        Ok(config)
    }

    /// Properties that were not taken as they stand, in the order of lines.
    pub fn warnings(&self) -> &[PropertyWarning] {
        &self.warnings
    }

    /// The `transactional.id`, if there is one.
    pub fn transactional_id(&self) -> Option<&str> {
        self.transactional_id.as_deref()
    }

    /// A client with these settings, to be connected.
    pub fn client(&self) -> ClientBuilder {
        ClientBuilder::with(self.client.clone(), self.tcp.clone())
    }

    /// A producer with these settings.
    ///
    /// # Errors
    /// When there is a `transactional.id`: its records would belong to no transaction.
    pub fn producer(&self, client: &Client) -> Result<ProducerBuilder, ConfigError> {
        match self.transactional_id {
            Some(_) => Err(ConfigError::new(
                "transactional_id",
                "is set, and makes a transactional producer",
            )),
            None => Ok(ProducerBuilder::new(client.clone(), self.producer.clone())),
        }
    }

    /// A producer of transactions with these settings.
    ///
    /// # Errors
    /// When there is no `transactional.id`.
    pub fn transactional_producer(
        &self,
        client: &Client,
    ) -> Result<TransactionalProducerBuilder, ConfigError> {
        let none = || ConfigError::new("transactional_id", "is not set");
        let id = self.transactional_id.clone().ok_or_else(none)?;
        let producer = ProducerBuilder::new(client.clone(), self.producer.clone());
        let producer = TransactionalProducerBuilder::new(producer, id);
        Ok(producer.transaction_timeout(self.transaction_timeout))
    }

    /// Connects to the cluster, and makes the producer.
    ///
    /// # Errors
    /// When no broker can be reached, or there is a `transactional.id`; see [`producer`](Self::producer).
    pub async fn connect(&self) -> Result<Producer, ConnectError> {
        let client = self.client().connect().await?;
        Ok(self.producer(&client)?.build()?)
    }
}
