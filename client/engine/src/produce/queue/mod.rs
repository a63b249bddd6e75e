//! One partition's batches, from the first record written to the last answer.

mod append;
mod parts;
mod schedule;
mod settle;
mod take;

use std::{collections::VecDeque, ops::Range, sync::Arc};

use milena_codec::{RatioEstimator, SealedBatch, Stamp};

use super::{numbering::Numbering, outcome::Cause};
use crate::{
    cluster::{Leader, NodeId},
    time::Instant,
};

use append::Open;
use schedule::Schedule;

pub use append::{Appended, Choice, NotAppended, Room};
pub use schedule::Wake;
pub use settle::Ended;
pub(super) use settle::{Answer, Settled};
pub(super) use take::{NotTaken, Taken};

/// The batches of one partition, oldest first: those that were sent at least once (`drained`), those that are
/// closed and wait for their turn (`sealed`), and the one that takes records (`open`).
///
/// `C` is whatever the caller wants to be told about when a batch is settled.
///
/// Records are appended by callers ([`append`](Self::append)); batches are taken and settled by the
/// [`Sender`](super::Sender) of the leading broker. The queue notes where it is scheduled, so that nobody has to look
/// at a partition that has nothing to do.
#[derive(Debug)]
pub struct PartitionQueue<C> {
    leader: Option<Leader>,
    drained: VecDeque<Drained<C>>,
    sealed: VecDeque<Sealed<C>>,
    open: Option<Open<C>>,
    numbering: Numbering,
    batches: u64,
    schedule: Schedule,
    /// What keeps batches from being sent at all; for the error of those that run out of time meanwhile.
    trouble: Option<Cause>,
    /// Bytes appended since the partition became the choice for records without a key.
    turn: usize,
    /// To what part of their size batches are compressed.
    ratio: RatioEstimator,
    /// The transaction of the batches is to be aborted: none of them is sent again.
    doomed: bool,
    /// Records in all batches that were closed.
    closed: u64,
}

/// What a partition has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Batches that are not settled.
    pub batches: usize,
    /// When the oldest of them was begun.
    pub since: Option<Instant>,
}

/// Numbers the batches of a partition in the order in which they were first sent; for a part of one that was split, the
/// index of the part's first record follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(pub(super) u64, pub(super) u32);

/// Who is told about a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share<C> {
    /// The completion of the batch that the records were appended to.
    pub completion: C,
    /// Which of that batch's records it is about, if the batch was split.
    pub part: Option<Range<u32>>,
    /// How many records it is about.
    pub records: u32,
    /// When the first of the batch's records was appended.
    pub created: Instant,
}

/// Records that are not settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsettled {
    /// Those in batches that are to be sent, for the first time or again.
    pub waiting: u64,
    /// Those in batches whose answer is due.
    pub in_flight: u64,
}

/// The records of a batch, and the memory that they hold.
#[derive(Debug)]
pub struct Content {
    /// The batch.
    pub batch: SealedBatch,
    /// Bytes of the [`Budget`](super::Budget) that it holds.
    pub reserved: usize,
    /// Whether it has been through the compressor.
    pub compressed: bool,
}

#[derive(Debug)]
struct Sealed<C> {
    content: Content,
    completion: C,
    created: Instant,
}

#[derive(Debug)]
struct Drained<C> {
    id: BatchId,
    /// Gone once the batch was given up; it then stays for the answer that is still due.
    completion: Option<C>,
    /// Which records of the batch that was appended to, if that was split.
    part: Option<Range<u32>>,
    /// Batches behind it that are settled already.
    overtaken: usize,
    /// One of those is stored.
    stored_behind: bool,
    created: Instant,
    first_sent: Instant,
    count: u32,
    stamp: Stamp,
    place: Place,
    attempts: u32,
    maybe_written: bool,
    cause: Option<Cause>,
    broker: Option<NodeId>,
}

#[derive(Debug)]
enum Place {
    InFlight {
        node: NodeId,
        /// Leader epoch of the attempt, as far as it was known.
        epoch: i32,
    },
    Waiting {
        content: Content,
        not_before: Instant,
        /// Leader epoch of the attempt: another leader need not be waited for.
        epoch: i32,
    },
}

impl<C> PartitionQueue<C> {
    /// An empty queue.
    pub fn new(leader: Option<Leader>) -> Self {
        Self {
            leader,
            drained: VecDeque::new(),
            sealed: VecDeque::new(),
            open: None,
            numbering: Numbering::default(),
            batches: 0,
            schedule: Schedule::default(),
            trouble: None,
            turn: 0,
            ratio: RatioEstimator::default(),
            doomed: false,
            closed: 0,
        }
    }

    /// The leader, as last told.
    pub const fn leader(&self) -> Option<Leader> {
        self.leader
    }

    /// Whether every batch is settled, its memory included.
    pub fn is_empty(&self) -> bool {
        self.drained.is_empty() && self.sealed.is_empty() && self.open.is_none()
    }

    /// What waits for its acknowledgement.
    pub fn load(&self) -> Load {
        let oldest = self.drained.front().map(|batch| batch.created);
        let oldest = oldest.or_else(|| self.sealed.front().map(|batch| batch.created));
        Load {
            batches: self.drained.len() + self.sealed.len() + usize::from(self.open.is_some()),
            since: oldest.or_else(|| self.open.as_ref().map(|open| open.created)),
        }
    }

    /// Completions of all batches that are not settled, oldest first, with those of their records that it concerns.
    pub fn unsettled(&self) -> impl Iterator<Item = (&C, Range<u32>)> {
        let drained = self.drained.iter().filter_map(|batch| {
            let whole = 0..batch.count;
            Some((
                batch.completion.as_ref()?,
                batch.part.clone().unwrap_or(whole),
            ))
        });
        let sealed = self
            .sealed
            .iter()
            .map(|batch| (&batch.completion, 0..batch.content.batch.count()));
        let open = self
            .open
            .iter()
            .map(|batch| (&batch.completion, 0..batch.builder.count()));
        drained.chain(sealed).chain(open)
    }

    /// Records that were appended so far.
    pub fn accepted(&self) -> u64 {
        self.closed + self.open_records()
    }

    /// Those of them that are not settled.
    pub fn unsettled_records(&self) -> Unsettled {
        let sealed = self.sealed.iter().map(|batch| batch.content.batch.count());
        let mut unsettled = Unsettled {
            waiting: sealed.map(u64::from).sum::<u64>() + self.open_records(),
            in_flight: 0,
        };
        for batch in self
            .drained
            .iter()
            .filter(|batch| batch.completion.is_some())
        {
            match batch.place {
                Place::InFlight { .. } => unsettled.in_flight += u64::from(batch.count),
                Place::Waiting { .. } => unsettled.waiting += u64::from(batch.count),
            }
        }
        unsettled
    }

    fn open_records(&self) -> u64 {
        let open = self.open.as_ref();
        open.map_or(0, |open| u64::from(open.builder.count()))
    }

    /// The topic was created anew: the partition's log is another, which knows nothing of the sequence.
    pub fn handle_renewed(&mut self) {
        self.numbering
            .handle_renewed(BatchId(self.batches, u32::MAX));
    }

    /// A batch was compressed to this part of its size: the next ones are filled accordingly.
    pub(super) fn handle_ratio(&mut self, ratio: f32) {
        self.ratio.observe(ratio);
    }

    /// Closes the open batch, so that it is sent without lingering.
    pub fn seal_open(&mut self) {
        if let Some(open) = self.open.take() {
            self.closed += u64::from(open.builder.count());
            self.sealed.push_back(Sealed {
                content: Content {
                    batch: open.builder.seal(),
                    reserved: open.reserved,
                    compressed: false,
                },
                completion: open.completion,
                created: open.created,
            });
        }
    }

    /// Another broker leads the partition, or none does. [`reschedule`](Self::reschedule) afterwards.
    pub fn handle_leader(&mut self, leader: Option<Leader>) {
        if self.leader.map(|l| l.node) != leader.map(|l| l.node) {
            self.schedule.ready_on = None;
            self.schedule.timer = None;
        }
        self.leader = leader;
    }

    /// Batches cannot be sent at present: there is no connection, no leader, or no producer id.
    pub fn handle_trouble(&mut self, cause: &Arc<str>) {
        self.trouble = Some(Cause::Connection(cause.clone()));
        for batch in &mut self.drained {
            if matches!(batch.place, Place::Waiting { .. }) {
                batch.cause = self.trouble.clone();
            }
        }
    }

    /// Takes a batch out that was sent, for good.
    fn remove_drained(&mut self, at: usize) -> Option<Drained<C>> {
        for before in self.drained.iter_mut().take(at) {
            before.overtaken += 1;
        }
        self.drained.remove(at)
    }
}

#[cfg(test)]
mod tests;
