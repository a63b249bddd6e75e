//! The rules of producing: what may be sent when, what an answer means, when to give up, who waits for memory.
//!
//! ```text
//!   caller                       broker task                              broker
//!   append ─▶ PartitionQueue ─▶ Sender::poll_request ─▶ ProduceRequest ─▶
//!               open │ sealed │ drained                                    │
//!                                  ◀─ Sender::handle_response ◀────────────┘
//!                                     settles each batch in its PartitionQueue
//! ```
//!
//! - [`PartitionQueue`] holds one partition's batches and its sequence numbers. It belongs to the partition, not to a
//!   broker, and so moves with it when the leader moves.
//! - [`Sender`] is what one broker is sent: which partitions have something ready, and which requests are in flight.
//! - [`Identity`] is the producer id and epoch that all partitions of an idempotent producer draw on.
//! - [`Budget`] is the memory for records, and the line of those who wait for it.
//! - [`Reaper`] knows when the oldest record of each partition runs out of its delivery timeout.
//!
//! None of these knows about locks. Whoever drives them keeps each [`PartitionQueue`] where a caller and a sender can
//! both reach it, and gives the sender a [`Partition`] handle to it.

mod budget;
mod enrolment;
mod identity;
mod numbering;
mod outcome;
mod partitioner;
mod queue;
mod reaper;
mod sender;
mod settings;

pub use budget::{Budget, Grant, Need, Ticket};
pub(crate) use enrolment::Enrolment;
pub use enrolment::Generation;
pub use identity::{Identities, Identity, ProducerIdentity};
pub use outcome::{Ack, Cause, Failure, Persistence, Reason};
pub use partitioner::{Candidate, Sticky, murmur2, partition_for_key};
pub use queue::{
    Appended, BatchId, Choice, Content, Ended, Load, NotAppended, PartitionQueue, Room, Share,
    Unsettled, Wake,
};
pub use reaper::Reaper;
pub use sender::{Effects, Finished, LeaderHint, Measured, Outbound, Partition, Retried, Sender};
pub use settings::{Acks, Settings};
