//! A pure-Rust Apache Kafka client: a producer, topic administration, and a reader without groups.
//!
//! Everything starts from a [`Client`], which knows the brokers of a cluster and keeps connections to them:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use milena::{Client, NewTopic, Record};
//!
//! // An embedded cluster, with milena-broker. Elsewhere: "kafka-1:9092,kafka-2:9092".
//! let cluster = milena_broker::Cluster::builder().start().await?;
//! let client = Client::builder(cluster.bootstrap()).connect().await?;
//! client.admin().create_topic(NewTopic::new("greetings", 1, 1)).await?;
//!
//! let producer = client.producer().build()?;
//! let delivery = producer.send(Record::to("greetings").key(b"cs").value("Dobrý den")).await?;
//! println!("stored at offset {:?}", delivery.await?.offset());
//!
//! let mut reader = client.reader("greetings").from_beginning().to_end().build().await?;
//! while let Some(record) = reader.next().await {
//!     println!("{:?}", record?.value);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - [`Client`] and [`ClientBuilder`]: connecting, and what all roles share.
//! - [`Producer`]: records in, acknowledgements out.
//! - [`TransactionalProducer`]: records and offsets that count together, or not at all.
//! - [`ProducerMetrics`]: what a producer has done, and what it has before it.
//! - [`ProducerConfig`]: a producer as a Java properties file describes it.
//! - [`TypedTopic`] and [`Serializer`]: keys and values that have types.
//! - [`Admin`]: creating, deleting and describing topics.
//! - [`Reader`]: records out, from any offset, without a consumer group.
//! - [`Connector`] and [`Resolver`]: other ways to reach a broker.
//! - [`blocking`]: producers for programs without async.
//!
//! Every wait has a deadline, and every error says what was seen and from whom. The client runs on the Tokio runtime in
//! which it was connected, and creates no threads (except for [`blocking`], one for each client). What it does is told by
//! `tracing` events: connections made and lost at `info` and `warn`, leaders that moved at `info`, retries at `info` and
//! `warn`, records and transactions that failed at `warn`.

mod admin;
pub mod blocking;
mod client;
mod config;
mod error;
mod io;
mod lock;
mod process;
mod producer;
mod properties;
mod reader;
mod serializer;
mod setters;

pub use admin::{Admin, NewTopic, TopicDescription, TopicId, TopicListing, TopicResult};
pub use client::{Broker, Client, ClientBuilder, Partition};
pub use config::Bootstrap;
pub use error::{
    AdminError, BrokerError, BrokerErrorKind, Cause, ConfigError, ConnectError, KafkaError,
    ReadError, TopicError,
};
pub use io::{
    connector::{BoxFuture, Connector, DialError, Resolver, Stream},
    tcp::{SystemResolver, TcpConnector},
};
pub use milena_codec::{Compression, Header, HeaderRef, Headers, LevelError, Payload};
pub use milena_engine::produce::Acks;
pub use process::Forked;
#[cfg(feature = "sink")]
pub use producer::ProducerSink;
pub use producer::{
    AbortableError, Arena, CloseError, ConsumerGroupMetadata, Delivery, DeliveryStatus,
    Distribution, EndError, FatalError, FatalErrorKind, Interceptor, OwnedRecord, PartitionOffset,
    Partitioner, Partitions, Persistence, ProduceError, ProduceErrorKind, Producer,
    ProducerBuilder, ProducerMetrics, Record, RecordMetadata, RetriableError, RoundRobin,
    TopicHandle, Transaction, TransactionError, TransactionTopic, TransactionalProducer,
    TransactionalProducerBuilder, TrySendError, TypedRecord, TypedTopic,
};
pub use properties::{
    ProducerConfig, Properties, PropertiesError, PropertyError, PropertyErrorKind, PropertyWarning,
};
pub use reader::{IsolationLevel, Reader, ReaderBuilder, ReceivedRecord};
#[cfg(feature = "json")]
pub use serializer::Json;
#[cfg(feature = "msgpack")]
pub use serializer::MessagePack;
pub use serializer::{Raw, SerializeError, Serializer, SerializerContext, Text};

/// Keeps the example of the README compiling.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
