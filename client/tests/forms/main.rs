//! Forms of the producer that are behind features, against the embedded cluster, in memory and in paused time.
#![allow(missing_docs)]

#[cfg(test)]
mod held;
#[cfg(test)]
#[path = "../in_memory/network.rs"]
#[allow(dead_code)]
mod network;
#[cfg(test)]
mod sink;
#[cfg(test)]
#[path = "../produce/stored.rs"]
#[allow(dead_code)]
mod stored;
#[cfg(test)]
mod typed;
