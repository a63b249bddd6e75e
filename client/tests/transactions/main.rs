//! Transactions against the embedded cluster, in memory and in paused time, with both generations of the protocol.
#![allow(missing_docs)]

#[cfg(test)]
mod coordinators;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod fencing;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod group;
#[cfg(test)]
mod held;
#[cfg(test)]
#[path = "../in_memory/network.rs"]
#[allow(dead_code)]
mod network;
#[cfg(test)]
mod offsets;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod spoilt;
#[cfg(test)]
#[path = "../produce/stored.rs"]
#[allow(dead_code)]
mod stored;
#[cfg(test)]
mod storms;
#[cfg(test)]
mod unsent;
#[cfg(test)]
#[path = "../in_memory/watched.rs"]
mod watched;
