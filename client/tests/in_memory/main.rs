//! The client under paused time, over streams in memory: against the embedded cluster, and against peers that misbehave.
#![allow(missing_docs)]

#[cfg(test)]
mod admin;
#[cfg(test)]
mod connect;
#[cfg(test)]
mod log;
#[cfg(test)]
mod network;
#[cfg(test)]
mod read;
