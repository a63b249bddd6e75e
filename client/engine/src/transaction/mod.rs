//! The rules of transactions: which coordinator to ask for what, and what its answer means.
//!
//! ```text
//!   Uninitialized ─▶ Initializing ─▶ Ready ─▶ InTransaction ─▶ Committing ─▶ Ready
//!                         ▲                        │    ╲           │
//!                         │                        ▼     ▼          ▼
//!                         └────────────────── Aborting ◀─ AbortableError        (from anywhere: FatalError)
//! ```
//!
//! [`Transactions`] is the state machine of one transactional id. Whoever drives it asks one question at a time
//! ([`Transactions::poll_question`]), carries out one [`Duty`] towards the partitions' queues, and waits for what
//! becomes of a transaction ([`Transactions::outcome`]). Records go the same way as without transactions; the
//! [`Identity`](crate::produce::Identity) that all partitions draw on says which of them may be sent to, and their
//! failures come back by [`Transactions::handle_batch_failed`].
//!
//! A transaction is committed only if every record that was accepted for it is stored. The producer's epoch changes only
//! between transactions, when nothing of the one before is in flight any more.

mod answers;
mod consequence;
mod manager;
mod offsets;
mod question;
mod trouble;

pub use manager::{Duty, Outcome, Spoiled, State, Transactions};
pub use offsets::{Group, Offset, Ticket};
pub use question::{Answer, Outbound, Question};
pub use trouble::{Fatality, Trouble};

#[cfg(test)]
mod tests;
