//! How a cluster is put together.

use milena_protocol::{ApiKey, Str};
use thiserror::Error;

use crate::observe::{Frame, Observer};
use crate::settings::{Settings, TopicSpec, VersionSetting};
use crate::state::State;
use crate::topic_config::TopicConfigError;
use crate::topology::TopologyError;
use crate::versions::VersionsError;

/// Puts a cluster together; from [`Cluster::builder`](crate::Cluster::builder).
///
/// ```
/// use milena_broker::{Cluster, protocol::ApiKey};
///
/// // An old broker, in memory only.
/// let state = Cluster::builder()
///     .nodes(3)
///     .topic("orders", 6)
///     .topic_with("audit", 1, &[("message.timestamp.type", "LogAppendTime")])
///     .auto_create_topics(false)
///     .max_version(ApiKey::PRODUCE, 7)
///     .without_api(ApiKey::INIT_PRODUCER_ID)
///     .into_state()?;
/// assert_eq!(state.leader("orders", 1), Some((2, 0)));
/// # Ok::<(), milena_broker::BuildError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing until it is started"]
pub struct ClusterBuilder {
    pub(crate) settings: Settings,
    pub(crate) listens: Listens,
    pub(crate) max_frame: Option<usize>,
    pub(crate) observer: Observer,
}

/// Whether nodes listen on sockets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Listens {
    #[default]
    Tcp,
    Nowhere,
}

/// A cluster that cannot be put together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A cluster has 1 to 100 nodes.
    #[error("a cluster has 1 to 100 nodes, not {0}")]
    Nodes(i32),
    /// The last node's port would be beyond 65535.
    #[error("{nodes} nodes do not fit behind port {port}")]
    Ports {
        /// Port of node 1.
        port: u16,
        /// Number of nodes.
        nodes: i32,
    },
    /// A version that this broker does not implement.
    #[error(transparent)]
    Versions(#[from] VersionsError),
    /// A topic, or a default for topics.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// A setting for topics.
    #[error(transparent)]
    Config(#[from] TopicConfigError),
}

impl ClusterBuilder {
    /// Number of nodes, 1 to 100, default 1. Their ids run from 1.
    pub fn nodes(mut self, nodes: i32) -> Self {
        self.settings.nodes = nodes;
        self
    }

    /// Racks of the nodes, from node 1 on; default none.
    pub fn racks<'a>(mut self, racks: impl IntoIterator<Item = &'a str>) -> Self {
        self.settings.racks = racks.into_iter().map(Str::from).collect();
        self
    }

    /// A topic that is there from the start, with the default replication factor.
    pub fn topic(self, name: impl Into<String>, partitions: i32) -> Self {
        self.topic_with(name, partitions, &[])
    }

    /// A topic with settings by Kafka's names, such as `("max.message.bytes", "2000")`.
    pub fn topic_with(
        mut self,
        name: impl Into<String>,
        partitions: i32,
        settings: &[(&str, &str)],
    ) -> Self {
        let config = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        self.settings.topics.push(TopicSpec {
            name: name.into(),
            partitions,
            config,
        });
        self
    }

    /// A setting that topics have unless they say otherwise, by Kafka's name for topics.
    pub fn topic_default(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.topic_config.push((name.into(), value.into()));
        self
    }

    /// Partitions of topics created without a number, default 1 (Kafka: `num.partitions`).
    pub fn partitions(mut self, partitions: i32) -> Self {
        self.settings.default_partitions = partitions;
        self
    }

    /// Replicas of partitions created without a number; default: the number of nodes, at most 3.
    pub fn replication_factor(mut self, replicas: i16) -> Self {
        self.settings.default_replication = Some(replicas);
        self
    }

    /// Whether a Metadata request creates the topics it asks for, if it wants to; default `true`.
    pub fn auto_create_topics(mut self, create: bool) -> Self {
        self.settings.auto_create = create;
        self
    }

    /// Offers an API up to this version only, or one beyond the stable ones.
    pub fn max_version(mut self, api: ApiKey, max: i16) -> Self {
        self.settings.versions.push(VersionSetting::Max(api, max));
        self
    }

    /// Offers an API from this version on only. Produce is advertised from 0 all the same, as Apache Kafka does.
    pub fn min_version(mut self, api: ApiKey, min: i16) -> Self {
        self.settings.versions.push(VersionSetting::Min(api, min));
        self
    }

    /// Does not offer an API at all.
    pub fn without_api(mut self, api: ApiKey) -> Self {
        self.settings.versions.push(VersionSetting::Without(api));
        self
    }

    /// Bytes that all logs together may take, default 1 GiB. What was appended first goes first, and the start of its
    /// log moves; the newest batch of each partition stays. Topics may have a `retention.bytes` of their own.
    pub fn retention_bytes(mut self, bytes: u64) -> Self {
        self.settings.retention_bytes = bytes;
        self
    }

    /// How many of the latest requests [`State::requests`] lists, default 10,000.
    pub fn request_log(mut self, requests: usize) -> Self {
        self.settings.journal = requests;
        self
    }

    /// The level of the feature `transaction.version`, default 2; see [`State::set_transaction_version`].
    pub fn transaction_version(mut self, level: i16) -> Self {
        self.settings.transaction_version = level;
        self
    }

    /// The cluster's id.
    pub fn cluster_id(mut self, id: impl Into<String>) -> Self {
        self.settings.cluster_id = id.into();
        self
    }

    /// The host that nodes listen on, and advertise unless told otherwise; default 127.0.0.1.
    pub fn host(mut self, host: impl Into<String>) -> Self {
        self.settings.host = host.into();
        self
    }

    /// The host that clients are told, where it is not the one that nodes listen on.
    pub fn advertised_host(mut self, host: impl Into<String>) -> Self {
        self.settings.advertised_host = Some(host.into());
        self
    }

    /// The port of node 1, the next ones for those that follow. Default 0: any free ports.
    pub fn port(mut self, port: u16) -> Self {
        self.settings.port = port;
        self
    }

    /// Opens no sockets: clients come over [`Cluster::connect`](crate::Cluster::connect). Node n is advertised as
    /// `node-n:9092` unless a port was set.
    pub fn in_memory(mut self) -> Self {
        self.listens = Listens::Nowhere;
        self
    }

    /// Bytes of the largest request that is read, default 100 MiB (Kafka: `socket.request.max.bytes`). A connection
    /// that announces more is closed.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_frame = Some(bytes);
        self
    }

    /// Shows every frame to `observe`: a request when it has come in whole, before anything is done with it, and what
    /// answers it when it is about to be written, spoilt answers of [`Fault`](crate::Fault)s included. What a silenced
    /// connection sends is not a request any more.
    ///
    /// The frames of one connection come in their order, those of several at the same time. The connection waits for
    /// `observe`, and ends if it panics; so anything slow belongs elsewhere.
    ///
    /// ```
    /// use std::sync::Mutex;
    /// use std::sync::mpsc;
    ///
    /// use milena_broker::protocol::{self, ApiKey, Direction, metadata::MetadataRequest};
    /// use milena_broker::Cluster;
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (sender, frames) = mpsc::channel();
    /// let sender = Mutex::new(sender);
    /// let cluster = Cluster::builder()
    ///     .in_memory()
    ///     .observe(move |frame| {
    ///         let sender = sender.lock().unwrap();
    ///         let _ = sender.send((frame.direction, frame.api, frame.segments.concat()));
    ///     })
    ///     .start()
    ///     .await?;
    ///
    /// let request = protocol::encode_request(1, None, 12, &MetadataRequest::default())?;
    /// let request = request.into_iter().collect::<Vec<_>>().concat();
    /// let mut stream = cluster.connect(1)?;
    /// stream.write_all(&request).await?;
    /// let length = stream.read_i32().await?;
    ///
    /// let api = Some((ApiKey::METADATA, 12));
    /// assert_eq!(frames.try_recv()?, (Direction::Request, api, request));
    /// let (direction, answers, response) = frames.try_recv()?;
    /// assert_eq!((direction, answers), (Direction::Response, api));
    /// assert_eq!(&response[..4], length.to_be_bytes());
    /// # Ok(())
    /// # }
    /// ```
    pub fn observe(mut self, observe: impl Fn(&Frame<'_>) + Send + Sync + 'static) -> Self {
        self.observer = Observer::new(observe);
        self
    }

    /// The cluster as plain data, for a driver of one's own. Nothing
    /// listens: nodes are advertised as with [`in_memory`](Self::in_memory).
    ///
    /// # Errors
    /// If a setting is out of range, or a topic cannot be created.
    pub fn into_state(mut self) -> Result<State, BuildError> {
        self.listens = Listens::Nowhere;
        self.state()
    }

    /// The cluster as plain data, with ports as far as they are known.
    pub(crate) fn state(&self) -> Result<State, BuildError> {
        let settings = &self.settings;
        if !(1..=100).contains(&settings.nodes) {
            return Err(BuildError::Nodes(settings.nodes));
        }
        if settings.port > 0 && i32::from(settings.port) + settings.nodes - 1 > i32::from(u16::MAX)
        {
            return Err(BuildError::Ports {
                port: settings.port,
                nodes: settings.nodes,
            });
        }
        let mut state = State::new(settings, settings.versions()?, settings.topic_config()?);
        if self.listens == Listens::Nowhere && settings.port == 0 {
            for node in &mut state.nodes {
                node.endpoint.host = format!("node-{}", node.endpoint.node).into();
                node.endpoint.port = 9092;
            }
        }
        state.set_transaction_version(settings.transaction_version)?;
        state.place(0, 1, state.default_replication)?;
        if settings.default_partitions < 1 {
            return Err(TopologyError::InvalidPartitions(settings.default_partitions).into());
        }
        for topic in &settings.topics {
            let config = topic
                .config
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect::<Vec<_>>();
            state.create_topic_with(&topic.name, topic.partitions, &config)?;
        }
        Ok(state)
    }
}
