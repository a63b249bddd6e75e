//! An embedded, Kafka-compatible cluster in one process, with fault injection.

mod audit;
mod batch;
mod builder;
mod cluster;
mod fault;
mod handlers;
mod journal;
mod log;
mod producers;
mod records;
mod reply;
mod retention;
mod settings;
mod shell;
mod state;
#[cfg(test)]
mod testing;
mod topic;
mod topic_config;
mod topology;
mod versions;
mod view;

pub use milena_protocol as protocol;

pub use crate::audit::{Audit, PartitionAudit};
pub use crate::builder::{BuildError, ClusterBuilder};
pub use crate::cluster::{Cluster, Faults};
pub use crate::fault::{Fault, FaultId};
pub use crate::journal::{Fate, RequestEntry};
pub use crate::reply::{Answer, CloseReason, Reply, Waiting};
pub use crate::state::State;
pub use crate::topic_config::TopicConfigError;
pub use crate::topology::TopologyError;
pub use crate::versions::VersionsError;
