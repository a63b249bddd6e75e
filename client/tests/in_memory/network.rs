//! Networks without a network: clusters in memory, and peers that misbehave.

use std::{
    collections::BTreeMap,
    future::pending,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use milena::{BoxFuture, Client, ClientBuilder, Connector, DialError, Stream};
use milena_broker::{Cluster, ClusterBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// What happens to whoever connects to a host.
#[derive(Clone, Debug)]
pub(crate) enum Peer {
    /// The name stands for nothing.
    Unresolvable,
    /// Nobody listens.
    Refused,
    /// Connecting takes for ever.
    Unreachable,
    /// Accepts, and says nothing.
    Silent,
    /// Closes at once.
    Closes,
    /// Waits for a request, says this, and then nothing more.
    Says(Vec<u8>),
    /// Waits for a request, says this, and closes.
    SaysAndCloses(Vec<u8>),
    /// A node of the cluster.
    Node(i32),
}

/// Leads to peers by host name, and otherwise to the nodes of a cluster by their addresses.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(crate) peers: BTreeMap<&'static str, Peer>,
    pub(crate) cluster: Arc<Mutex<Option<Arc<Cluster>>>>,
}

impl Network {
    pub(crate) fn of(cluster: &Arc<Cluster>) -> Self {
        Self {
            cluster: Arc::new(Mutex::new(Some(cluster.clone()))),
            ..Self::default()
        }
    }

    pub(crate) fn with(mut self, host: &'static str, peer: Peer) -> Self {
        self.peers.insert(host, peer);
        self
    }

    async fn dial(
        &self,
        host: &str,
        port: u16,
        timeout: Duration,
    ) -> Result<DuplexStream, DialError> {
        let cluster = self.cluster.lock().unwrap().clone();
        let known = || cluster.as_ref()?.node_at(host, port).map(Peer::Node);
        let (ours, mut theirs) = tokio::io::duplex(64 << 10);
        let says = |bytes: Vec<u8>, closes: bool| {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = theirs.read(&mut request).await;
                let _ = theirs.write_all(&bytes).await;
                while !closes && theirs.read(&mut request).await.is_ok_and(|n| n > 0) {}
            })
        };
        match self
            .peers
            .get(host)
            .cloned()
            .or_else(known)
            .unwrap_or(Peer::Unresolvable)
        {
            Peer::Unresolvable => {
                return Err(DialError::Resolve {
                    host: host.to_owned(),
                    reason: None,
                });
            }
            Peer::Refused => {
                let address = ([10, 0, 0, 1], port).into();
                let error = Arc::new(io::ErrorKind::ConnectionRefused.into());
                return Err(DialError::Connect {
                    attempts: vec![(address, error)],
                });
            }
            Peer::Unreachable => {
                let _ = tokio::time::timeout(timeout, pending::<()>()).await;
                let address = ([10, 0, 0, 1], port).into();
                let error = Arc::new(io::ErrorKind::TimedOut.into());
                return Err(DialError::Connect {
                    attempts: vec![(address, error)],
                });
            }
            Peer::Closes => {}
            Peer::Silent => drop(says(vec![], false)),
            Peer::Says(bytes) => drop(says(bytes, false)),
            Peer::SaysAndCloses(bytes) => drop(says(bytes, true)),
            Peer::Node(node) => {
                let Some(cluster) = &cluster else {
                    return Err(io::Error::other("no cluster").into());
                };
                return Ok(cluster.connect(node)?);
            }
        }
        Ok(ours)
    }
}

impl Connector for Network {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        Box::pin(async move {
            let stream = self.dial(host, port, setup_timeout).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

/// A cluster in memory.
pub(crate) async fn start(cluster: ClusterBuilder) -> Arc<Cluster> {
    Arc::new(cluster.in_memory().start().await.unwrap())
}

/// A client of a cluster in memory.
pub(crate) fn client(cluster: &Arc<Cluster>) -> ClientBuilder {
    Client::builder(cluster.bootstrap()).connector(Network::of(cluster))
}
