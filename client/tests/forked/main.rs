//! Processes that fork while they have a producer: the child is told so at once whatever it calls, and the parent goes on as
//! if nothing had happened.
#![allow(missing_docs)]
#![cfg(unix)]

#[cfg(test)]
mod asynchronous;
#[cfg(test)]
mod blocking;
#[cfg(test)]
mod child;
#[cfg(test)]
#[path = "../produce/stored.rs"]
#[allow(dead_code)]
mod stored;
#[cfg(test)]
mod transactions;
