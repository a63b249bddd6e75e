//! The rules of producing to Apache Kafka as plain structs: no socket, no clock, no task, no lock.
//!
//! Everything that is true of Kafka is decided here: which version of a request a broker is spoken to in, what an
//! answer means, when to give up, whom to ask for metadata. Whatever touches a socket, a clock, a lock or a task is
//! in the crate `milena`, which decides nothing. Time comes in as an argument ([`time::Instant`]), randomness from a
//! seed ([`backoff::Rng`]), so that a run can be repeated exactly.
//!
//! The structs have four kinds of methods: getters; `handle_*`, for what happened; commands, for what is wanted; and
//! `poll_*`, for what is to be done now.

pub mod backoff;
pub mod cluster;
pub mod connection;
pub mod frame;
mod inflight;
pub mod metadata;
pub mod produce;
pub mod route;
pub mod throttle;
pub mod time;
pub mod transaction;
pub mod versions;
