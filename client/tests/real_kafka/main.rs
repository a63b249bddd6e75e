//! The client against Apache Kafka, with Apache's own client as the judge.
//!
//! `cargo xtask test --only real` starts the brokers and runs this. What our producer wrote is read back by Apache's
//! consumer and by our reader, and both must see exactly what was sent: key, value, headers in order, timestamp,
//! partition, and the order within each partition. Our reader in turn reads what Apache's producer wrote.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it should be"
)]

mod admin;
mod apaches_transactions;
mod codecs;
mod coordinator;
mod failover;
mod java;
mod ledger;
mod limits;
mod line;
mod negotiation;
mod place;
mod properties;
mod reader;
mod sample;
mod settings;
mod spy;
mod stored;
mod topics;
mod transactions;
mod volume;
