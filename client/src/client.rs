//! A connection to a cluster, from which everything else is made.

mod connect;

use std::{fmt, future::Future, sync::Arc, time::Duration};

use milena_engine::{
    backoff::Backoff,
    cluster::{BrokerView, Cluster, NodeId, TopicView},
    produce::ProducerIdentity,
    throttle::Throttled,
    versions::Features,
};
use milena_protocol::{Request, init_producer_id::InitProducerIdRequest};
use tokio::runtime::Handle;

pub use self::connect::ClientBuilder;
use crate::{
    admin::Admin,
    blocking::OwnThread,
    config::{Bootstrap, Config},
    error::{BrokerError, BrokerErrorKind, Cause, Peer, TopicError},
    io::{
        clock::Clock,
        control::Control,
        lane::RequestError,
        link::Link,
        pool::{Pool, Purpose, Target},
    },
    process::{Forked, Home},
    reader::ReaderBuilder,
};

/// A connection to a Kafka cluster. Cheap to clone; all clones share the same connections.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = milena::Client::builder("kafka-1:9092,kafka-2:9092").connect().await?;
/// for broker in client.brokers() {
///     println!("{} at {}:{}", broker.id, broker.host, broker.port);
/// }
/// # Ok(())
/// # }
/// ```
///
/// Its tasks run on the runtime in which it was connected, and end when the last clone and everything made of it are
/// gone. It creates no threads, unless it is connected by [`connect_blocking`](ClientBuilder::connect_blocking).
///
/// Producers' futures may be awaited anywhere. Those of the client itself, of [`Admin`] and of readers need a Tokio runtime
/// around them, whichever it is, and panic without one.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    home: Home,
    config: Config,
    clock: Clock,
    runtime: Handle,
    control: Control,
    pool: Arc<Pool>,
    /// The thread of the runtime, if it has its own.
    thread: Option<OwnThread>,
}

/// A broker of the cluster, as the cluster told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its number.
    pub id: i32,
    /// The host that it advertises to clients.
    pub host: String,
    /// The port that it advertises.
    pub port: u16,
    /// Its rack or zone, when configured.
    pub rack: Option<String>,
}

/// A partition of a topic, as the cluster last told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its number, from 0.
    pub id: i32,
    /// The broker that leads it; `None` while there is no leader.
    pub leader: Option<i32>,
    /// Brokers that hold it, the preferred leader first.
    pub replicas: Vec<i32>,
    /// Replicas in sync with the leader.
    pub isr: Vec<i32>,
}

impl Partition {
    pub(crate) fn all(view: &TopicView) -> Vec<Self> {
        let ids = |nodes: &[NodeId]| nodes.iter().map(|node| node.0).collect();
        let partition = |(id, view): (i32, &milena_engine::cluster::PartitionView)| Self {
            id,
            leader: view.leader.map(|node| node.0),
            replicas: ids(&view.replicas),
            isr: ids(&view.isr),
        };
        (0..).zip(&view.partitions).map(partition).collect()
    }
}

impl Client {
    /// Begins to connect. `bootstrap` is `host:port`, several of them with commas between, or a list of such; any broker
    /// of the cluster will do, and tells of the others.
    #[doc(alias = "bootstrap.servers")]
    pub fn builder(bootstrap: impl Bootstrap) -> ClientBuilder {
        ClientBuilder::new(bootstrap.addresses())
    }

    /// Administration of topics.
    pub fn admin(&self) -> Admin {
        Admin::new(self.clone())
    }

    /// Begins to read a topic, without a consumer group.
    pub fn reader(&self, topic: impl Into<String>) -> ReaderBuilder {
        ReaderBuilder::new(self.clone(), topic.into())
    }

    /// The partitions of a topic, waiting until the topic is known, the API timeout at most. Never creates it.
    pub async fn partitions_for(&self, topic: &str) -> Result<Vec<Partition>, TopicError> {
        let deadline = self.clock().after(self.shared.config.api_timeout);
        let view = self.shared.control.topic(topic, false, deadline).await?;
        Ok(Partition::all(&view))
    }

    /// The brokers of the cluster, as last told.
    pub fn brokers(&self) -> Vec<Broker> {
        let broker = |view: &BrokerView| Broker {
            id: view.id.0,
            host: view.host.to_string(),
            port: view.port,
            rack: view.rack.as_deref().map(str::to_owned),
        };
        self.cluster().brokers.values().map(broker).collect()
    }

    /// The cluster's own name for itself, when it told one.
    pub fn cluster_id(&self) -> Option<String> {
        self.cluster().cluster_id.as_deref().map(str::to_owned)
    }
}

// For what is made of a client.
impl Client {
    /// The process that the client was connected in.
    pub(crate) fn home(&self) -> Home {
        self.shared.home
    }

    /// Whether this is that process.
    pub(crate) fn check_home(&self) -> Result<(), Forked> {
        self.home().check()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.shared.config
    }

    pub(crate) fn clock(&self) -> Clock {
        self.shared.clock
    }

    pub(crate) fn has_own_thread(&self) -> bool {
        self.shared.thread.is_some()
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.shared.runtime
    }

    pub(crate) fn control(&self) -> &Control {
        &self.shared.control
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.shared.pool
    }

    pub(crate) fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(&self.shared.control.cluster())
    }

    pub(crate) fn reconnect_backoff(&self) -> Backoff {
        self.shared.config.reconnect
    }

    /// Opens a connection to a broker, for the caller's own use.
    pub(crate) fn dial<T>(
        &self,
        node: NodeId,
    ) -> impl Future<Output = Result<Link<T>, BrokerError>> + Send + use<T>
    where
        T: Send + 'static,
    {
        let client = self.clone();
        async move {
            let cluster = client.cluster();
            let Some(broker) = cluster.broker(node) else {
                let peer = Peer {
                    node: Some(node.0),
                    host: "?".into(),
                    port: 0,
                };
                let detail = "it is not among the cluster's brokers";
                return Err(BrokerError::new(
                    &Arc::new(peer),
                    BrokerErrorKind::NotServing,
                    detail,
                ));
            };
            let peer = Peer {
                node: Some(node.0),
                host: broker.host.clone(),
                port: broker.port,
            };
            let dialer = &client.shared.pool.settings().dialer;
            let deadline = client.shared.clock.now() + client.shared.config.request_timeout;
            Link::open(dialer, Arc::new(peer), deadline).await
        }
    }

    /// Sends a request and waits for its answer. One attempt, nothing retried.
    pub(crate) async fn request<R>(
        &self,
        target: Target,
        request: R,
        timeout: Duration,
    ) -> Result<R::Response, RequestError>
    where
        R: Request<Response: Throttled>,
    {
        self.request_with(target, move |_| request, None, timeout)
            .await
    }

    /// As [`request`](Self::request), with a request made for the version in which it goes out, `max_version` at most.
    pub(crate) async fn request_with<R>(
        &self,
        target: Target,
        make: impl FnOnce(i16) -> R + Send + 'static,
        max_version: Option<i16>,
        timeout: Duration,
    ) -> Result<R::Response, RequestError>
    where
        R: Request<Response: Throttled>,
    {
        self.shared
            .pool
            .request_with(target, Purpose::General, make, max_version, timeout)
            .await
    }

    /// What the cluster has agreed on, as last heard of.
    pub(crate) fn features(&self) -> Features {
        self.shared.pool.settings().dialer.features.latest()
    }

    /// Asks any broker for a new producer id, for idempotence without transactions. One attempt.
    pub(crate) async fn init_producer_id(&self) -> Result<ProducerIdentity, Cause> {
        let request = InitProducerIdRequest {
            transactional_id: None,
            // Without a transactional id there is nothing to time out, but the field may not be zero.
            transaction_timeout_ms: i32::MAX,
            ..Default::default()
        };
        let timeout = self.shared.config.request_timeout;
        let response = self.request(Target::Any, request, timeout).await?;
        if response.error_code.is_err() {
            return Err(Cause::from(response.error_code));
        }
        ProducerIdentity::from_wire(response.producer_id, response.producer_epoch)
            .ok_or_else(|| Cause::Other("the broker gave no producer id".into()))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cluster = self.cluster();
        f.debug_struct("Client")
            .field("cluster_id", &cluster.cluster_id)
            .field("brokers", &cluster.brokers.len())
            .finish_non_exhaustive()
    }
}
