//! Every public future is dropped at its n-th poll, for every n until it completes, and so is the runtime: in paused time, over
//! streams in memory, with faults drawn from seeds. Nothing that was accepted is lost, nothing hangs, and everything that was
//! held is given back.
#![allow(missing_docs)]

#[cfg(test)]
#[path = "../transactions/group.rs"]
mod group;
#[cfg(test)]
#[path = "../in_memory/network.rs"]
#[allow(dead_code)]
mod network;
#[cfg(test)]
mod others;
#[cfg(test)]
mod producing;
#[cfg(test)]
mod runtime;
#[cfg(test)]
#[path = "../produce/stored.rs"]
#[allow(dead_code)]
mod stored;
#[cfg(test)]
mod transactions;
#[cfg(test)]
mod world;
