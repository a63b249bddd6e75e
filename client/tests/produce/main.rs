//! The producer against the embedded cluster: what it promises over TCP, and what it makes of faults in paused time.
#![allow(missing_docs)]

#[cfg(test)]
mod accepting;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod batching;
#[cfg(test)]
mod blocking;
#[cfg(test)]
mod callbacks;
#[cfg(test)]
mod choosing;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod content;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod interceptors;
#[cfg(test)]
mod large;
#[cfg(test)]
mod limits;
#[cfg(test)]
#[path = "../in_memory/network.rs"]
mod network;
#[cfg(test)]
mod quiet;
#[cfg(test)]
mod send_all;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod stored;
#[cfg(test)]
mod tcp;
#[cfg(test)]
mod timing;
#[cfg(test)]
#[path = "../in_memory/watched.rs"]
mod watched;
