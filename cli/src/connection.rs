//! How every command finds its cluster.

use std::time::Duration;

use anyhow::Context;
use milena::Client;

/// Options that say which cluster, and how long to wait for it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Connection {
    /// Brokers to ask for the rest of the cluster.
    #[arg(short, long, value_name = "HOST:PORT[,…]")]
    bootstrap_server: String,
    /// The name by which the brokers' logs and quotas know this client.
    #[arg(long, default_value = "milena-cli", value_name = "NAME")]
    client_id: String,
    /// How long to try to reach a broker at first.
    #[arg(long, default_value_t = 30_000, value_name = "MS")]
    connect_timeout_ms: u64,
    /// How long a broker may take to answer a request.
    #[arg(long, default_value_t = 30_000, value_name = "MS")]
    pub(crate) request_timeout_ms: u64,
}

impl Connection {
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        Client::builder(&self.bootstrap_server)
            .client_id(&self.client_id)
            .bootstrap_timeout(Duration::from_millis(self.connect_timeout_ms))
            .request_timeout(Duration::from_millis(self.request_timeout_ms))
            .connect()
            .await
            .with_context(|| format!("cannot connect to {}", self.bootstrap_server))
    }
}
