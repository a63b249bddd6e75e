//! A simulated world for the engine: real brokers, a network that fails, virtual time, all of it from one seed.
//!
//! ```text
//!   seed ─▶ Plan ─▶ run ─▶ Report, or the promise that was broken
//!           (data)   │
//!                    ├─ producers: the engine's pieces over real bytes   (producer, line, part)
//!                    │             and programs with transactions        (application, coordination)
//!                    ├─ net: links that delay, stall, break              (net)
//!                    ├─ brokers: the embedded cluster's own state        (cluster)
//!                    └─ ledger: what was appended, said, and stored      (ledger)
//! ```
//!
//! A run is a loop over a heap of events in virtual time. Everything that happens by chance comes from the plan's seed,
//! so a plan gives the same run every time, and a seed that breaks a promise can be looked at with its [`EventLog`].
//!
//! ```
//! use milena_sim::{EventLog, Plan, run};
//!
//! let mut log = EventLog::kept();
//! let report = run(&Plan::draw(7), &mut log)?;
//! assert_eq!(report.tally.appended, report.tally.acknowledged + report.tally.failed_no + report.tally.failed_maybe);
//! # Ok::<(), milena_sim::Violation>(())
//! ```

mod cluster;
mod draw;
mod ledger;
mod line;
mod log;
mod mishap;
mod net;
mod part;
mod plan;
mod producer;
mod seeds;
mod shrink;
mod world;

pub use ledger::{Tally, TransactionTally, Violation};
pub use log::EventLog;
pub use mishap::{Mishap, Spell, SpellKind, Way};
pub use plan::{End, Load, Plan, ProducerPlan, TransactionPlan, TransactionsPlan};
pub use seeds::{Findings, explain, once, play, tell, twice};
pub use shrink::shrink;
pub use world::{Report, run};

#[cfg(test)]
mod tests;
