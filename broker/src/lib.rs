//! An embedded, Kafka-compatible cluster in one process, with fault injection.
//!
//! A cluster of one or many nodes that speaks Apache Kafka's protocol, keeps everything in memory and ends with the test
//! that started it. It is strict where clients go wrong: every batch is checked as a Kafka broker checks it, sequences of
//! idempotent producers included, whether or not there is a transactional id.
//!
//! - [`Cluster`] listens on the loopback interface, or hands out streams in memory that work under paused time.
//! - [`Fault`]s say what goes wrong, to which requests, and how often: errors, delays, throttling, requests lost before
//!   and answers lost after they are applied, silence, garbage, stale metadata.
//! - Leaders move ([`Cluster::move_leader`]), nodes go and return ([`Cluster::node_down`], [`Cluster::node_up`]), topics
//!   are deleted and created anew.
//! - [`ClusterBuilder::observe`] shows every frame that comes and leaves, byte for byte.
//! - [`Audit`] compares what was acknowledged with what the logs hold, and knows how each record's transaction ended.
//! - Transactions work in both generations of the protocol ([`ClusterBuilder::transaction_version`]), offsets of groups
//!   included; their coordinators move and load ([`Cluster::move_coordinator`], [`State::load_coordinator`]).
//! - [`State`] is the same cluster without sockets, clock or tasks: frames and the time go in, replies come out, and the
//!   same calls give the same replies. For simulations.
//!
//! ```
//! use milena_broker::protocol::{ApiKey, ErrorCode};
//! use milena_broker::{Cluster, Fault};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let cluster = Cluster::builder().nodes(3).topic("orders", 6).start().await?;
//! println!("bootstrap.servers={}", cluster.bootstrap());
//!
//! // The next batch for partition 2 is stored, but its answer gets lost; then its leader moves.
//! cluster.faults().push(Fault::lose_answer().on(ApiKey::PRODUCE).topic("orders").partition(2));
//! cluster.move_leader("orders", 2, 1).unwrap();
//!
//! // ... a client produces ...
//!
//! let audit = cluster.audit();
//! assert_eq!((audit.lost(), audit.duplicated()), (0, 0));
//! # Ok(())
//! # }
//! ```
//!
//! Not here: members of consumer groups (a group is its offsets), ACLs, quotas, TLS and SASL, log compaction, fetch
//! sessions (clients are told that they got none), and configs altered after creation. Transactional ids and what
//! groups committed never expire.

mod audit;
mod batch;
mod builder;
mod cluster;
mod coordinators;
mod fault;
mod groups;
mod handlers;
mod journal;
mod log;
mod marker;
mod observe;
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
mod transaction;
mod transactions;
mod versions;
mod view;

pub use milena_protocol as protocol;

pub use crate::audit::{Audit, PartitionAudit};
pub use crate::builder::{BuildError, ClusterBuilder};
pub use crate::cluster::{Cluster, Faults};
pub use crate::coordinators::CoordinatorType;
pub use crate::fault::{Fault, FaultId};
pub use crate::journal::{Fate, RequestEntry};
pub use crate::observe::Frame;
pub use crate::reply::{Answer, CloseReason, Reply, Waiting};
pub use crate::state::State;
pub use crate::topic_config::TopicConfigError;
pub use crate::topology::TopologyError;
pub use crate::transaction::TransactionState;
pub use crate::versions::VersionsError;
