//! How every command finds its cluster.

use std::time::Duration;

use anyhow::Context;
use milena::{Client, ClientBuilder, Properties};

use crate::Misuse;

/// Options that say which cluster, and how long to wait for it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Connection {
    /// Brokers to ask for the rest of the cluster.
    #[arg(short, long, value_name = "HOST:PORT[,…]")]
    bootstrap_server: Option<String>,
    /// The name by which the brokers' logs and quotas know this client. Default: milena-cli.
    #[arg(long, value_name = "NAME")]
    client_id: Option<String>,
    /// How long to try to reach a broker at first.
    #[arg(long, default_value_t = 30_000, value_name = "MS")]
    connect_timeout_ms: u64,
    /// How long a broker may take to answer a request. Default: 30000.
    #[arg(long, value_name = "MS")]
    request_timeout_ms: Option<u64>,
}

impl Connection {
    /// Connects with these options alone.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        let bootstrap = self.bootstrap_server.as_ref();
        let bootstrap = bootstrap.ok_or(Misuse("--bootstrap-server is missing"))?;
        let mut builder =
            Client::builder(bootstrap).client_id(self.client_id.as_deref().unwrap_or(CLIENT_ID));
        if let Some(timeout) = self.request_timeout_ms {
            builder = builder.request_timeout(Duration::from_millis(timeout));
        }
        self.connect_by(builder, bootstrap).await
    }

    /// Connects with settings from elsewhere, which have these options in them.
    pub(crate) async fn connect_by(
        &self,
        builder: ClientBuilder,
        bootstrap: &str,
    ) -> anyhow::Result<Client> {
        builder
            .bootstrap_timeout(Duration::from_millis(self.connect_timeout_ms))
            .connect()
            .await
            .with_context(|| format!("cannot connect to {bootstrap}"))
    }

    /// Puts these options in place of what the properties say.
    pub(crate) fn set(&self, properties: &mut Properties) {
        if let Some(bootstrap) = &self.bootstrap_server {
            properties.set("bootstrap.servers", bootstrap);
        }
        if let Some(timeout) = self.request_timeout_ms {
            properties.set("request.timeout.ms", timeout.to_string());
        }
        match &self.client_id {
            Some(id) => properties.set("client.id", id),
            None if properties.get("client.id").is_none() => {
                properties.set("client.id", CLIENT_ID);
            }
            None => {}
        }
    }
}

const CLIENT_ID: &str = "milena-cli";
