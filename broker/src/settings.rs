//! What a cluster is like before anything happens to it.

use milena_protocol::{ApiKey, Str};

use crate::topic_config::{TopicConfig, TopicConfigError};
use crate::versions::{Versions, VersionsError};

/// Settings of a cluster, set through [`ClusterBuilder`](crate::ClusterBuilder).
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) nodes: i32,
    /// Of node 1 and those that follow, as far as given.
    pub(crate) racks: Vec<Str>,
    pub(crate) cluster_id: String,
    pub(crate) host: String,
    /// `None`: `host`.
    pub(crate) advertised_host: Option<String>,
    /// Of node 1; the others follow. 0 takes any free port.
    pub(crate) port: u16,
    pub(crate) default_partitions: i32,
    /// `None`: the number of nodes, at most 3.
    pub(crate) default_replication: Option<i16>,
    pub(crate) auto_create: bool,
    pub(crate) topics: Vec<TopicSpec>,
    pub(crate) topic_config: Vec<(String, String)>,
    pub(crate) retention_bytes: u64,
    pub(crate) versions: Vec<VersionSetting>,
    pub(crate) journal: usize,
    pub(crate) transaction_version: i16,
}

/// A topic that is there from the start.
#[derive(Debug, Clone)]
pub(crate) struct TopicSpec {
    pub(crate) name: String,
    pub(crate) partitions: i32,
    pub(crate) config: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum VersionSetting {
    Min(ApiKey, i16),
    Max(ApiKey, i16),
    Without(ApiKey),
}

/// One GiB for the whole cluster.
pub(crate) const DEFAULT_RETENTION_BYTES: u64 = 1 << 30;

impl Default for Settings {
    fn default() -> Self {
        Self {
            nodes: 1,
            racks: Vec::new(),
            cluster_id: "milena-embedded-kafka0".to_owned(),
            host: "127.0.0.1".to_owned(),
            advertised_host: None,
            port: 0,
            default_partitions: 1,
            default_replication: None,
            auto_create: true,
            topics: Vec::new(),
            topic_config: Vec::new(),
            retention_bytes: DEFAULT_RETENTION_BYTES,
            versions: Vec::new(),
            journal: 10_000,
            transaction_version: 2,
        }
    }
}

impl Settings {
    pub(crate) fn versions(&self) -> Result<Versions, VersionsError> {
        let mut versions = Versions::newest();
        for setting in &self.versions {
            match *setting {
                VersionSetting::Min(api, min) => versions.set(api, Some(min), None)?,
                VersionSetting::Max(api, max) => versions.set(api, None, Some(max))?,
                VersionSetting::Without(api) => versions.remove(api),
            }
        }
        Ok(versions)
    }

    /// The settings that topics have unless they say otherwise.
    pub(crate) fn topic_config(&self) -> Result<TopicConfig, TopicConfigError> {
        let mut config = TopicConfig::default();
        for (name, value) in &self.topic_config {
            config.set(name, value)?;
        }
        Ok(config)
    }

    pub(crate) fn default_replication(&self) -> i16 {
        self.default_replication
            .unwrap_or_else(|| i16::try_from(self.nodes.min(3)).unwrap_or(3))
    }
}
