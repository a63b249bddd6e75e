//! Records into batches: which batch takes a record, and what memory that needs.

use milena_codec::{BatchBuilder, CompressionType, Cost, HEADER_LEN, RecordRef};

use super::{PartitionQueue, Wake};
use crate::{
    produce::{
        budget::{Grant, Need},
        settings::Settings,
    },
    time::Instant,
};

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
    /// The partition has to be watched by the [`Reaper`](crate::produce::Reaper) until then.
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

#[derive(Debug)]
pub(super) struct Open<C> {
    pub(super) builder: BatchBuilder,
    pub(super) completion: C,
    pub(super) created: Instant,
    pub(super) reserved: usize,
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

impl<C> PartitionQueue<C> {
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
        // With its header, as the batch before was filled.
        let expected = self.turn + HEADER_LEN + cost.bytes;
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
        let bytes = open.builder.estimated_len();
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
}
