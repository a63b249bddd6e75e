//! One partition's batches, from the first record written to the last answer.

mod settle;
mod take;

use std::{collections::VecDeque, sync::Arc};

use milena_codec::{BatchBuilder, RecordRef, SealedBatch, Stamp};

use super::{
    budget::{Grant, Need},
    numbering::Numbering,
    outcome::Cause,
    settings::Settings,
};
use crate::{cluster::NodeId, time::Instant};

pub(super) use settle::{Answer, Settled};
pub(super) use take::{NotTaken, Taken};

/// The batches of one partition, oldest first: those that were sent at least once (`drained`), those that are
/// closed and wait for their turn (`sealed`), and the one that takes records (`open`).
///
/// `C` is whatever the caller wants to be told about when a batch is settled.
///
/// Records are appended by callers ([`append`](Self::append)); batches are taken ([`take`](Self::take)) and settled
/// ([`settle`](Self::settle)) by the [`Sender`](super::Sender) of the leading broker. The queue notes where it is
/// scheduled, so that nobody has to look at a partition that has nothing to do.
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
}

/// The broker that leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The broker.
    pub node: NodeId,
    /// The epoch of its leadership, -1 when unknown.
    pub epoch: i32,
}

/// Numbers the batches of a partition in the order in which they were first sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(pub(super) u64);

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

/// Where memory for records comes from.
pub trait Room {
    /// Memory for `need`, or `None` if the caller has to wait for it.
    fn take(&mut self, need: Need) -> Option<Grant>;
}

/// A record was written into a batch.
#[derive(Debug)]
pub struct Appended<C> {
    /// The completion of its batch.
    pub completion: C,
    /// Its place in the batch.
    pub index: u32,
    /// A broker's sender has to be told.
    pub wake: Option<Wake>,
    /// The partition has to be watched by the [`Reaper`](super::Reaper) until then.
    pub watch: Option<Instant>,
    /// The partition has had its share of records without a key: it is another's turn.
    pub turn_over: bool,
}

/// The append needs memory that was not to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage(pub Need);

/// The sender of `node` has to look at a partition, now or at a certain time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The leading broker.
    pub node: NodeId,
    /// When; `None` for now.
    pub at: Option<Instant>,
}

#[derive(Debug)]
struct Open<C> {
    builder: BatchBuilder,
    completion: C,
    created: Instant,
    reserved: usize,
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
    InFlight(NodeId),
    Waiting {
        content: Content,
        not_before: Instant,
        /// Leader epoch of the attempt: another leader need not be waited for.
        epoch: i32,
    },
}

#[derive(Debug, Default)]
struct Schedule {
    ready_on: Option<NodeId>,
    timer: Option<Instant>,
    watched: bool,
    /// The last request that looked here, so that none looks twice.
    visit: Option<(NodeId, u64)>,
}

enum Step {
    Now,
    At(Instant),
    Nothing,
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

    /// Completions of all batches that are not settled, oldest first.
    pub fn unsettled(&self) -> impl Iterator<Item = &C> {
        let drained = self
            .drained
            .iter()
            .filter_map(|batch| batch.completion.as_ref());
        let sealed = self.sealed.iter().map(|batch| &batch.completion);
        let open = self.open.iter().map(|batch| &batch.completion);
        drained.chain(sealed).chain(open)
    }

    /// Records in batches that are not settled.
    pub fn unsettled_records(&self) -> u64 {
        let drained = self
            .drained
            .iter()
            .filter(|b| b.completion.is_some())
            .map(|b| b.count);
        let sealed = self.sealed.iter().map(|batch| batch.content.batch.count());
        let open = self.open.iter().map(|batch| batch.builder.count());
        drained.chain(sealed).chain(open).map(u64::from).sum()
    }

    /// Writes a record into the open batch, or into a new one if it is full.
    ///
    /// `keyless` records count towards the partition's turn. `completion` is called for each new batch.
    pub fn append(
        &mut self,
        record: &RecordRef<'_>,
        keyless: bool,
        clock: impl FnOnce() -> Instant,
        settings: &Settings,
        room: &mut impl Room,
        completion: impl FnOnce() -> C,
    ) -> Result<Appended<C>, Shortage>
    where
        C: Clone,
    {
        let mut fresh = None;
        let open = self
            .open
            .as_ref()
            .map(|open| (&open.builder, open.builder.cost(record)));
        let cost = match open {
            Some((builder, cost)) if builder.has_room(&cost) => cost,
            _ => fresh
                .insert(BatchBuilder::new(settings.batch_size))
                .cost(record),
        };
        let need = Need {
            chunk: cost.chunk,
            linked: cost.linked,
        };
        let grant = if need.is_nothing() {
            None
        } else {
            Some(room.take(need).ok_or(Shortage(need))?)
        };
        // Reading a clock costs more than all the rest: only a new batch has to know the time.
        let opened = fresh.is_some().then(clock);
        if let (Some(builder), Some(now)) = (fresh, opened) {
            self.seal_open();
            self.open = Some(Open {
                builder,
                completion: completion(),
                created: now,
                reserved: 0,
            });
        }
        let Some(open) = &mut self.open else {
            return Err(Shortage(need));
        };
        if let Some(grant) = grant {
            open.reserved += grant.reserved;
            if let Some(chunk) = grant.chunk {
                open.builder.add_chunk(chunk);
            }
        }
        let bytes = cost.bytes;
        let Ok(index) = open.builder.append(cost) else {
            return Err(Shortage(need));
        };
        let completion = open.completion.clone();
        let (mut wake, mut watch) = (None, None);
        if let Some(now) = opened {
            wake = self.reschedule(now, settings);
            if !self.schedule.watched {
                self.schedule.watched = true;
                watch = Some(now + settings.delivery_timeout);
            }
        }
        let mut turn_over = false;
        if keyless {
            self.turn += bytes;
            turn_over = self.turn >= 2 * settings.batch_size;
            if turn_over {
                self.turn = 0;
            }
        }
        Ok(Appended {
            completion,
            index,
            wake,
            watch,
            turn_over,
        })
    }

    /// Whether a record without a key should rather open a batch on another partition: this one has had its share,
    /// and the record would begin a new batch here.
    pub fn turn_ends_before(&mut self, record: &RecordRef<'_>, settings: &Settings) -> bool {
        let (begins, bytes) = match &self.open {
            Some(open) => {
                let cost = open.builder.cost(record);
                (!open.builder.has_room(&cost), cost.bytes)
            }
            None => (true, record.upper_bound()),
        };
        let over = begins && self.turn > 0 && self.turn + bytes > settings.batch_size;
        if over {
            self.turn = 0;
        }
        over
    }

    /// Closes the open batch, so that it is sent without lingering.
    pub fn seal_open(&mut self) {
        if let Some(open) = self.open.take() {
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
    }

    /// Notes what is to be done next, and says who has to be told, if that is news.
    pub fn reschedule(&mut self, now: Instant, settings: &Settings) -> Option<Wake> {
        let node = self.leader?.node;
        if self.schedule.ready_on.is_some() {
            return None;
        }
        match self.step(now, settings) {
            Step::Now => {
                self.schedule.ready_on = Some(node);
                Some(Wake { node, at: None })
            }
            Step::At(at) if self.schedule.timer.is_none_or(|timer| at < timer) => {
                self.schedule.timer = Some(at);
                Some(Wake { node, at: Some(at) })
            }
            Step::At(_) | Step::Nothing => None,
        }
    }

    /// A time that was asked for has come.
    pub(super) fn handle_timer(&mut self, now: Instant) {
        if self.schedule.timer.is_some_and(|timer| timer <= now) {
            self.schedule.timer = None;
        }
    }

    /// Whether request `request` of `node` sees this partition for the first time.
    pub(super) fn visit(&mut self, node: NodeId, request: u64) -> bool {
        if self.schedule.ready_on == Some(node) {
            self.schedule.ready_on = None;
        }
        let first = self.schedule.visit != Some((node, request));
        self.schedule.visit = Some((node, request));
        first
    }

    fn step(&self, now: Instant, settings: &Settings) -> Step {
        let Some(leader) = self.leader else {
            return Step::Nothing;
        };
        let mut waiting = None;
        for batch in &self.drained {
            match &batch.place {
                // Batches that another broker still has in flight are resolved there first: otherwise the new
                // leader could see later ones before them.
                Place::InFlight(node) if *node != leader.node || self.numbering.broken() => {
                    return Step::Nothing;
                }
                Place::InFlight(_) => {}
                Place::Waiting {
                    not_before, epoch, ..
                } => {
                    waiting = waiting.or(Some((*not_before, *epoch)));
                }
            }
        }
        if let Some((not_before, epoch)) = waiting {
            return if not_before <= now || epoch < leader.epoch {
                Step::Now
            } else {
                Step::At(not_before)
            };
        }
        let held_back = self.numbering.has_hole() && !self.drained.is_empty();
        if held_back || self.drained.len() >= settings.max_in_flight {
            Step::Nothing
        } else if !self.sealed.is_empty() {
            Step::Now
        } else if let Some(open) = &self.open {
            let at = open.created + settings.linger;
            if at <= now { Step::Now } else { Step::At(at) }
        } else {
            Step::Nothing
        }
    }
}
