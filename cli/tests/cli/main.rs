//! The real binary, against clusters that it runs itself.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "what a helper cannot do fails the test that called it"
)]

mod decode;
mod doctor;
mod failures;
mod interrupts;
mod perf;
mod properties;
mod record;
mod round_trip;
mod support;
mod topics;
