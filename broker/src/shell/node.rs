//! One node: its listener, and the connections that were made to it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{info, warn};

use crate::shell::Shared;
use crate::shell::connection;

/// A node's tasks; they end with it.
#[derive(Debug)]
pub(crate) struct NodeTasks {
    pub(crate) id: i32,
    /// Where the node listens; it returns to the same place.
    pub(crate) address: Option<SocketAddr>,
    shared: Arc<Shared>,
    runtime: Handle,
    listener: Mutex<Option<JoinHandle<()>>>,
    connections: Arc<Connections>,
}

#[derive(Debug, Default)]
struct Connections {
    tasks: Mutex<JoinSet<()>>,
    made: Mutex<u64>,
}

impl NodeTasks {
    /// A node that does not listen yet. To be called within a runtime.
    pub(crate) fn new(id: i32, address: Option<SocketAddr>, shared: Arc<Shared>) -> Self {
        Self {
            id,
            address,
            shared,
            runtime: Handle::current(),
            listener: Mutex::default(),
            connections: Arc::default(),
        }
    }

    /// Accepts connections from a listener.
    pub(crate) fn listen(&self, listener: TcpListener) {
        let accepting = accept(
            listener,
            self.id,
            Arc::clone(&self.shared),
            Arc::clone(&self.connections),
            self.runtime.clone(),
        );
        let task = self.runtime.spawn(accepting);
        if let Some(former) = lock(&self.listener).replace(task) {
            former.abort();
        }
    }

    /// Listens again where the node did before.
    pub(crate) async fn listen_again(&self) -> io::Result<()> {
        if let Some(address) = self.address {
            self.listen(TcpListener::bind(address).await?);
        }
        Ok(())
    }

    /// Serves a connection over any stream.
    pub(crate) fn attach<S>(&self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.connections
            .serve(stream, self.id, &self.shared, &self.runtime);
    }

    /// Stops listening and cuts every connection.
    pub(crate) async fn stop(&self) {
        let listener = lock(&self.listener).take();
        if let Some(listener) = listener {
            listener.abort();
            // It ends as cancelled.
            let _ = listener.await;
        }
        let mut connections = std::mem::take(&mut *lock(&self.connections.tasks));
        connections.shutdown().await;
    }
}

impl Drop for NodeTasks {
    fn drop(&mut self) {
        if let Some(listener) = lock(&self.listener).take() {
            listener.abort();
        }
        lock(&self.connections.tasks).abort_all();
    }
}

impl Connections {
    fn serve<S>(&self, stream: S, node: i32, shared: &Arc<Shared>, runtime: &Handle)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let number = {
            let mut made = lock(&self.made);
            *made += 1;
            // Numbers are unique over the cluster, and the node can be told from them.
            u64::from(node.unsigned_abs()) << 32 | *made
        };
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(
            connection::serve(Arc::clone(shared), node, number, stream),
            runtime,
        );
    }
}

async fn accept(
    listener: TcpListener,
    node: i32,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
    runtime: Handle,
) {
    if let Ok(address) = listener.local_addr() {
        info!(node, %address, "listening");
    }
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // An answer is written at once and in full; waiting for more would only delay it.
                if let Err(error) = stream.set_nodelay(true) {
                    warn!(node, %error, "TCP_NODELAY cannot be set");
                }
                connections.serve(stream, node, &shared, &runtime);
            }
            Err(error) => {
                warn!(node, %error, "no connection can be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
