//! What follows from what a sender is told.

use std::time::Duration;

use bytes::BytesMut;

use super::Partition;
use crate::{
    cluster::{BrokerView, Leader},
    produce::{
        outcome::{Ack, Cause, Failure},
        queue::{Content, Settled, Share, Wake},
    },
};

/// What follows from a call, to be carried out by the caller once it holds no lock.
pub struct Effects<P: Partition> {
    /// Batches that are settled.
    pub finished: Vec<Finished<P>>,
    /// Memory that is free again.
    pub freed: Vec<Content>,
    /// Buffers that are empty again, though the batches they belonged to are not settled: their memory stays
    /// reserved for the compressed bytes that took their place.
    pub chunks: Vec<BytesMut>,
    /// Partitions that another broker's sender has to look at.
    pub wakes: Vec<(P, Wake)>,
    /// What is known of the cluster is out of date.
    pub stale: bool,
    /// Leaders that a broker told along with an error (KIP-951).
    pub hints: Vec<LeaderHint<P>>,
    /// Batches that will be sent again.
    pub retried: Vec<Retried<P>>,
    /// What there is to say of batches and requests that went out, and of answers.
    pub measured: Vec<Measured>,
}

/// Something that can be counted or timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measured {
    /// A batch goes out for the first time.
    Batch {
        /// Its records.
        records: u32,
        /// Its bytes, as they are sent.
        bytes: usize,
        /// Its bytes, if it was not compressed.
        uncompressed: usize,
        /// Time since the first of its records was appended.
        queued: Duration,
    },
    /// A request goes out.
    Request {
        /// The records in it.
        records: u64,
        /// Bytes of the batches in it.
        bytes: usize,
    },
    /// A request is answered, or was written and will not be.
    Answered {
        /// Time since it went out.
        after: Duration,
    },
    /// A request will not be answered, for its connection is gone or the answer is of no use.
    Unanswered,
}

/// A batch is settled.
pub struct Finished<P: Partition> {
    /// Its partition.
    pub partition: P,
    /// Who is told.
    pub share: Share<P::Completion>,
    /// What became of it.
    pub result: Result<Ack, Failure>,
}

/// A broker says who leads a partition now.
#[derive(Debug)]
pub struct LeaderHint<P> {
    /// The partition.
    pub partition: P,
    /// Its leader.
    pub leader: Leader,
    /// The leader's address, if it was told.
    pub endpoint: Option<BrokerView>,
}

/// A batch will be sent again.
#[derive(Debug)]
pub struct Retried<P> {
    /// Its partition.
    pub partition: P,
    /// Attempts so far.
    pub attempts: u32,
    /// What went wrong.
    pub cause: Cause,
}

impl<P: Partition> Effects<P> {
    /// Nothing to do.
    pub const fn new() -> Self {
        Self {
            finished: Vec::new(),
            freed: Vec::new(),
            chunks: Vec::new(),
            wakes: Vec::new(),
            stale: false,
            hints: Vec::new(),
            retried: Vec::new(),
            measured: Vec::new(),
        }
    }

    /// Who is told what, and which memory is free. Returns what is left to be split.
    pub(super) fn note(
        &mut self,
        partition: &P,
        settled: Settled<P::Completion>,
    ) -> Option<Content> {
        self.freed.extend(settled.freed);
        if let Some((share, result)) = settled.done {
            self.finished.push(Finished {
                partition: partition.clone(),
                share,
                result,
            });
        }
        settled.split
    }
}

impl<P: Partition> Default for Effects<P> {
    fn default() -> Self {
        Self::new()
    }
}
