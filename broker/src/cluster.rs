//! The running cluster.

use std::io;
use std::sync::Arc;

use milena_protocol::{ApiKey, Uuid};
use tokio::io::DuplexStream;
use tokio::net::TcpListener;
use tracing::info;

use crate::audit::Audit;
use crate::builder::{ClusterBuilder, Listens};
use crate::coordinators::CoordinatorType;
use crate::fault::{Fault, FaultId};
use crate::journal::RequestEntry;
use crate::shell::node::NodeTasks;
use crate::shell::{DEFAULT_MAX_FRAME, Shared};
use crate::state::State;
use crate::topology::TopologyError;

/// Bytes that fit into one direction of a stream in memory.
const DUPLEX_BUFFER: usize = 256 << 10;

/// A running cluster: one listener per node on the loopback interface, everything in memory.
///
/// It stops when it is dropped, or with [`shutdown`](Self::shutdown) for those who want to wait for it. Every method
/// takes `&self`, so a test may share it between tasks.
///
/// ```
/// use milena_broker::Cluster;
/// use milena_broker::protocol::{self, Message, Str, api_versions::*};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::builder().nodes(3).topic("orders", 6).start().await?;
/// let mut stream = tokio::net::TcpStream::connect(cluster.address(1).unwrap()).await?;
///
/// let request = ApiVersionsRequest {
///     client_software_name: Str::from_static("example"),
///     client_software_version: Str::from_static("1.0"),
///     ..Default::default()
/// };
/// for segment in protocol::encode_request(1, None, 3, &request)? {
///     stream.write_all(&segment).await?;
/// }
///
/// let mut frame = vec![0; stream.read_i32().await? as usize];
/// stream.read_exact(&mut frame).await?;
/// let (header, body) = protocol::decode_response_header(&frame.into(), ApiVersionsRequest::API, 3)?;
/// let response = ApiVersionsResponse::decode(&body, 3)?;
/// assert_eq!(header.correlation_id, 1);
/// assert!(!response.error_code.is_err());
///
/// cluster.shutdown().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a cluster stops when it is dropped"]
pub struct Cluster {
    shared: Arc<Shared>,
    /// In the order of ids.
    nodes: Vec<NodeTasks>,
}

impl ClusterBuilder {
    /// Starts the cluster in the present tokio runtime, which needs time and, unless
    /// [`in_memory`](Self::in_memory), I/O.
    ///
    /// # Errors
    /// If a setting is out of range or a topic cannot be created ([`io::ErrorKind::InvalidInput`] around a
    /// [`BuildError`](crate::BuildError)), or a node cannot listen.
    pub async fn start(self) -> io::Result<Cluster> {
        let mut state = self
            .state()
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut listeners = Vec::new();
        if self.listens == Listens::Tcp {
            for node in &mut state.nodes {
                let port = u16::try_from(node.endpoint.port).unwrap_or(0);
                let listener = TcpListener::bind((self.settings.host.as_str(), port)).await?;
                let address = listener.local_addr()?;
                node.endpoint.port = i32::from(address.port());
                listeners.push((address, listener));
            }
        }
        let ids = state
            .nodes
            .iter()
            .map(|node| node.endpoint.node)
            .collect::<Vec<_>>();
        let shared = Arc::new(Shared::new(
            state,
            self.max_frame.unwrap_or(DEFAULT_MAX_FRAME),
            self.observer,
        ));
        let mut listeners = listeners.into_iter();
        let nodes = ids.into_iter().map(|id| {
            let (address, listener) = listeners.next().unzip();
            let node = NodeTasks::new(id, address, Arc::clone(&shared));
            if let Some(listener) = listener {
                node.listen(listener);
            }
            node
        });
        Ok(Cluster {
            nodes: nodes.collect(),
            shared,
        })
    }
}

impl Cluster {
    /// Begins to put a cluster together: one node, no topics, Kafka's defaults.
    pub fn builder() -> ClusterBuilder {
        ClusterBuilder::default()
    }

    /// The addresses of all nodes, as clients take them: `127.0.0.1:40001,127.0.0.1:40002`.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        self.shared.with(|state| {
            let nodes = state
                .nodes
                .iter()
                .map(|node| format!("{}:{}", node.endpoint.host, node.endpoint.port));
            nodes.collect::<Vec<_>>().join(",")
        })
    }

    /// The address that a node advertises, `host:port`.
    #[must_use]
    pub fn address(&self, node: i32) -> Option<String> {
        self.shared.with(|state| {
            let endpoint = &state.node(node)?.endpoint;
            Some(format!("{}:{}", endpoint.host, endpoint.port))
        })
    }

    /// The node that advertises an address, for connectors that lead to streams in memory.
    #[must_use]
    pub fn node_at(&self, host: &str, port: u16) -> Option<i32> {
        self.shared.with(|state| {
            let mut endpoints = state.nodes.iter().map(|node| &node.endpoint);
            let found = endpoints
                .find(|endpoint| endpoint.host == *host && endpoint.port == i32::from(port))?;
            Some(found.node)
        })
    }

    /// Connects to a node through memory, without a socket; works under paused time.
    ///
    /// # Errors
    /// [`io::ErrorKind::ConnectionRefused`] if there is no such node, or it is down.
    pub fn connect(&self, node: i32) -> io::Result<DuplexStream> {
        let tasks = self
            .node(node)
            .ok()
            .filter(|_| self.shared.with(|state| state.is_up(node)));
        let tasks = tasks.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::ConnectionRefused,
                format!("node {node} is not up"),
            )
        })?;
        let (client, server) = tokio::io::duplex(DUPLEX_BUFFER);
        tasks.attach(server);
        Ok(client)
    }

    /// What goes wrong in this cluster.
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults { cluster: self }
    }

    /// As [`State::create_topic`].
    ///
    /// # Errors
    /// If the name is taken or breaks Kafka's rule, or `partitions` is not 1 or more.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<Uuid, TopologyError> {
        self.shared
            .with(|state| state.create_topic(name, partitions))
    }

    /// As [`State::delete_topic`].
    ///
    /// # Errors
    /// If there is no such topic.
    pub fn delete_topic(&self, name: &str) -> Result<(), TopologyError> {
        self.shared.with(|state| state.delete_topic(name))
    }

    /// As [`State::recreate_topic`].
    ///
    /// # Errors
    /// If there is no such topic.
    pub fn recreate_topic(&self, name: &str) -> Result<Uuid, TopologyError> {
        self.shared.with(|state| state.recreate_topic(name))
    }

    /// As [`State::move_leader`].
    ///
    /// # Errors
    /// If there is no such topic, partition or node, or the node is down.
    pub fn move_leader(&self, topic: &str, partition: i32, node: i32) -> Result<(), TopologyError> {
        self.shared
            .with(|state| state.move_leader(topic, partition, node))?;
        info!(topic, partition, node, "leader moved");
        Ok(())
    }

    /// As [`State::coordinator`].
    #[must_use]
    pub fn coordinator(&self, of: CoordinatorType, key: &str) -> Option<i32> {
        self.shared.with(|state| state.coordinator(of, key))
    }

    /// As [`State::move_coordinator`].
    ///
    /// # Errors
    /// If there is no such node, or it is down.
    pub fn move_coordinator(
        &self,
        of: CoordinatorType,
        key: &str,
        node: i32,
    ) -> Result<(), TopologyError> {
        self.shared
            .with(|state| state.move_coordinator(of, key, node))?;
        info!(?of, key, node, "coordinator moved");
        Ok(())
    }

    /// Takes a node down, as [`State::node_down`]: it stops listening and cuts its connections. When this comes back,
    /// the node applies nothing any more.
    ///
    /// # Errors
    /// If there is no such node.
    pub async fn node_down(&self, node: i32) -> Result<(), TopologyError> {
        let tasks = self.node(node)?;
        self.shared.with(|state| state.node_down(node))?;
        tasks.stop().await;
        info!(node, "node down");
        Ok(())
    }

    /// Brings a node back to where it listened, as [`State::node_up`].
    ///
    /// # Errors
    /// If there is no such node, or its port was taken in the meantime.
    pub async fn node_up(&self, node: i32) -> io::Result<()> {
        let tasks = self
            .node(node)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        if self.shared.with(|state| state.is_up(node)) {
            return Ok(());
        }
        tasks.listen_again().await?;
        self.shared
            .with(|state| state.node_up(node))
            .map_err(io::Error::other)?;
        info!(node, "node up");
        Ok(())
    }

    /// Compares what was acknowledged with what the logs hold; see [`State::audit`]. Requests wait in the meantime.
    #[must_use]
    pub fn audit(&self) -> Audit {
        self.shared.with(State::audit)
    }

    /// The latest requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestEntry> {
        self.shared
            .with(|state| state.requests().cloned().collect())
    }

    /// How many requests of this API came, since the start.
    #[must_use]
    pub fn request_count(&self, api: ApiKey) -> u64 {
        self.shared.with(|state| state.request_count(api))
    }

    /// Looks at the cluster's data or changes it. Requests wait in the meantime.
    pub fn with_state<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.shared.with(act)
    }

    /// The time on the cluster's clock, in ms since 1970. It follows tokio's clock, paused time included.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.shared.clock.now()
    }

    /// Stops listening, cuts all connections and waits until that is done.
    pub async fn shutdown(self) {
        for node in &self.nodes {
            node.stop().await;
        }
    }

    fn node(&self, id: i32) -> Result<&NodeTasks, TopologyError> {
        self.nodes
            .iter()
            .find(|node| node.id == id)
            .ok_or(TopologyError::UnknownNode(id))
    }
}

/// The faults of a running cluster; from [`Cluster::faults`].
#[derive(Debug, Clone, Copy)]
pub struct Faults<'a> {
    cluster: &'a Cluster,
}

impl Faults<'_> {
    /// Adds a fault behind those that are there.
    pub fn push(&self, fault: Fault) -> FaultId {
        self.cluster.shared.with(|state| state.push_fault(fault))
    }

    /// Removes a fault; `false` if it has done its work already.
    pub fn remove(&self, id: FaultId) -> bool {
        self.cluster.shared.with(|state| state.remove_fault(id))
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.cluster.shared.with(State::clear_faults);
    }

    /// How many faults are left that may still happen.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.cluster.shared.with(|state| state.pending_faults())
    }
}
