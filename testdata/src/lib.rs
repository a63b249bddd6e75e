//! The golden corpus: bytes written by Apache Kafka and other clients, and the checks that they are read and written alike.

#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a part of tests: what goes wrong in it is for their author to see"
)]

pub mod batches;
pub mod captures;
pub mod messages;
pub mod model;
pub mod table;
