//! One partition's batches, from the first record written to the last answer.

mod parts;
mod settle;
mod take;

use std::{collections::VecDeque, ops::Range, sync::Arc};

use milena_codec::{
    BatchBuilder, CompressionType, Cost, HEADER_LEN, RatioEstimator, RecordRef, SealedBatch, Stamp,
};

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

/// The broker that leads a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leader {
    /// The broker.
    pub node: NodeId,
    /// The epoch of its leadership, -1 when unknown.
    pub epoch: i32,
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

/// How a record's partition was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// By the caller or by the key.
    Given,
    /// It has no key: it goes where others go, as long as the partition has not had its share.
    Sticky,
    /// It has no key, and this partition's turn has just begun.
    StickyNew,
}

impl Choice {
    fn is_sticky(self) -> bool {
        self != Self::Given
    }
}

/// Why a record was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAppended {
    /// It needs memory that is not to be had at the moment.
    Shortage(Need),
    /// It would begin a new batch, and the partition has had its share of records without a key: it is another's turn.
    TurnOver,
}

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

impl<C> Open<C> {
    /// Writes the record that `cost` measured, with memory from `room` as far as it is needed.
    #[inline]
    fn write(&mut self, cost: Cost<'_>, room: &mut impl Room) -> Result<u32, NotAppended> {
        let need = Need {
            chunk: cost.chunk,
            linked: cost.linked,
        };
        if !need.is_nothing() {
            let grant = room.take(need).ok_or(NotAppended::Shortage(need))?;
            self.reserved += grant.reserved;
            if let Some(chunk) = grant.chunk {
                self.builder.add_chunk(chunk);
            }
        }
        self.builder
            .append(cost)
            .map_err(|_| NotAppended::Shortage(need))
    }
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

    /// Writes a record into the open batch, or into a new one if it is full.
    ///
    /// `clock` and `completion` are called for each new batch.
    #[inline]
    pub fn append(
        &mut self,
        record: &RecordRef<'_>,
        choice: Choice,
        settings: &Settings,
        room: &mut impl Room,
        clock: impl FnOnce() -> Instant,
        completion: impl FnOnce() -> C,
    ) -> Result<Appended<C>, NotAppended>
    where
        C: Clone,
    {
        if let Some(open) = &mut self.open {
            let cost = open.builder.cost(record);
            if open.builder.has_room(&cost) {
                let before = open.builder.estimated_len();
                let index = open.write(cost, room)?;
                let bytes = open.builder.estimated_len() - before;
                let completion = open.completion.clone();
                let wake = if open.builder.is_full() {
                    self.seal_open();
                    self.reschedule(clock(), settings)
                } else {
                    None
                };
                return Ok(Appended {
                    completion,
                    index,
                    wake,
                    watch: None,
                    turn_over: choice.is_sticky() && self.count_turn(bytes, settings),
                });
            }
        }
        self.append_to_new(record, choice, settings, room, clock, completion)
    }

    fn append_to_new(
        &mut self,
        record: &RecordRef<'_>,
        choice: Choice,
        settings: &Settings,
        room: &mut impl Room,
        clock: impl FnOnce() -> Instant,
        completion: impl FnOnce() -> C,
    ) -> Result<Appended<C>, NotAppended>
    where
        C: Clone,
    {
        let builder = if settings.compression.codec() == CompressionType::None {
            BatchBuilder::new(settings.batch_size)
        } else {
            BatchBuilder::with_ratio(settings.batch_size, self.ratio.get())
        };
        let cost = builder.cost(record);
        let expected = self.turn + cost.bytes;
        if choice == Choice::Sticky && self.turn > 0 && expected > settings.batch_size {
            self.turn = 0;
            return Err(NotAppended::TurnOver);
        }
        let mut open = Open {
            builder,
            completion: completion(),
            created: Instant::ZERO,
            reserved: 0,
        };
        let index = open.write(cost, room)?;
        // What comes first belongs to another transaction than what was doomed.
        self.doomed &= !self.is_empty();
        // Reading a clock costs more than all the rest: only a new batch has to know the time.
        let now = clock();
        open.created = now;
        let completion = open.completion.clone();
        let bytes = open.builder.estimated_len() - HEADER_LEN;
        self.seal_open();
        let full = open.builder.is_full();
        self.open = Some(open);
        if full {
            self.seal_open();
        }
        let wake = self.reschedule(now, settings);
        let watch = (!self.schedule.watched).then(|| now + settings.delivery_timeout);
        self.schedule.watched = true;
        Ok(Appended {
            completion,
            index,
            wake,
            watch,
            turn_over: choice.is_sticky() && self.count_turn(bytes, settings),
        })
    }

    /// Counts what the partition was given in its turn, and says whether that is more than enough.
    fn count_turn(&mut self, bytes: usize, settings: &Settings) -> bool {
        self.turn += bytes;
        let over = self.turn >= 2 * settings.batch_size;
        if over {
            self.turn = 0;
        }
        over
    }

    /// Closes the open batch if nothing but lingering keeps it from being sent. Says whether it did.
    pub(super) fn stop_lingering(&mut self) -> bool {
        let waits = |batch: &Drained<C>| matches!(batch.place, Place::Waiting { .. });
        let lingers = self.open.is_some() && !self.drained.iter().any(waits);
        if lingers {
            self.handle_timer(Instant::FAR_FUTURE);
            self.seal_open();
        }
        lingers
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

    /// Whether the sender of `node` was told to look at once, and has not yet.
    pub(super) fn is_ready_on(&self, node: NodeId) -> bool {
        self.schedule.ready_on == Some(node)
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

    /// Whether a batch with `before` unsettled ones before it may be on its way together with them. Those behind the
    /// oldest that are settled count too: the broker recognises a repeat of the oldest only while it is among the last
    /// five that it took.
    fn is_within_window(&self, before: usize, settings: &Settings) -> bool {
        let overtaken = self.drained.front().map_or(0, |oldest| oldest.overtaken);
        let settled = if settings.idempotent { overtaken } else { 0 };
        before + settled < settings.max_in_flight
    }

    /// Takes a batch out that was sent, for good.
    fn remove_drained(&mut self, at: usize) -> Option<Drained<C>> {
        for before in self.drained.iter_mut().take(at) {
            before.overtaken += 1;
        }
        self.drained.remove(at)
    }

    fn step(&self, now: Instant, settings: &Settings) -> Step {
        let Some(leader) = self.leader else {
            return Step::Nothing;
        };
        let mut waiting = None;
        let mut in_flight = 0;
        for (before, batch) in self.drained.iter().enumerate() {
            match &batch.place {
                // Batches that another broker still has in flight are resolved there first: otherwise the new
                // leader could see later ones before them.
                Place::InFlight { node, .. } if *node != leader.node || self.numbering.broken() => {
                    return Step::Nothing;
                }
                Place::InFlight { .. } => in_flight += 1,
                Place::Waiting {
                    not_before, epoch, ..
                } => {
                    waiting = waiting.or(Some((before, *not_before, *epoch)));
                }
            }
        }
        let alone = settings.idempotent && !self.numbering.established();
        if in_flight > 0 && (alone || in_flight >= settings.max_in_flight) {
            return Step::Nothing;
        }
        if let Some((before, not_before, epoch)) = waiting {
            return if !self.is_within_window(before, settings) {
                Step::Nothing
            } else if not_before <= now || epoch < leader.epoch {
                Step::Now
            } else {
                Step::At(not_before)
            };
        }
        let held_back = self.numbering.has_hole() && !self.drained.is_empty();
        if held_back || !self.is_within_window(self.drained.len(), settings) {
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

#[cfg(test)]
mod tests;
