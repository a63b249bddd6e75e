//! Bytes, tasks and timers. Nothing is decided here: see `milena-engine`.

pub(crate) mod bootstrap;
pub(crate) mod clock;
pub(crate) mod connector;
pub(crate) mod control;
pub(crate) mod features;
pub(crate) mod keeper;
pub(crate) mod lane;
pub(crate) mod link;
pub(crate) mod memory;
pub(crate) mod pool;
pub(crate) mod produce;
#[cfg_attr(not(feature = "tracing-spans"), path = "spans_off.rs")]
mod spans;
pub(crate) mod tcp;
pub(crate) mod transactions;
pub(crate) mod write_queue;
