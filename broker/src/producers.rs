//! What a partition remembers of each idempotent producer: its epoch and its last five batches.
//!
//! This is the broker's half of exactly-once. A batch that is one of the five is a repetition and is answered with
//! the offset it already has; anything else must follow the last batch without a gap.

use std::collections::{BTreeMap, VecDeque};

use milena_codec::sequence_add;

/// How many batches a partition remembers per producer. A client with more requests in flight could not tell a
/// repetition from a gap, so this number is also the limit of `max.in.flight`.
pub(crate) const REMEMBERED_BATCHES: usize = 5;

/// The producer's stamp on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) first: i32,
    pub(crate) last: i32,
}

/// Where a batch that was stamped went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Remembered {
    first: i32,
    last: i32,
    pub(crate) base_offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) crc: u32,
}

/// Why a stamped batch may not be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A newer epoch of this producer has written here.
    OldEpoch { current: i16 },
    /// A gap, or a new epoch that does not begin at 0.
    OutOfOrder { expected: i32 },
}

/// What is to be done with a stamped batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Append,
    /// It is in the log already.
    Repeated(Remembered),
    Refuse(Refusal),
}

/// The ids that are yet to be given out.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    next: i64,
}

impl Default for ProducerIds {
    fn default() -> Self {
        Self { next: 1000 }
    }
}

impl ProducerIds {
    pub(crate) fn give(&mut self) -> i64 {
        self.next += 1;
        self.next - 1
    }
}

#[derive(Debug, Default)]
pub(crate) struct Producers {
    by_id: BTreeMap<i64, Producer>,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    /// Oldest first, at most [`REMEMBERED_BATCHES`]; none in an epoch that began with the end of a transaction.
    batches: VecDeque<Remembered>,
}

impl Producers {
    /// Judges a batch. A producer that is not known here may begin at any sequence, as in Kafka.
    pub(crate) fn judge(&self, stamp: Stamp) -> Verdict {
        let Some(known) = self.by_id.get(&stamp.producer_id) else {
            return Verdict::Append;
        };
        if stamp.epoch < known.epoch {
            return Verdict::Refuse(Refusal::OldEpoch {
                current: known.epoch,
            });
        }
        if stamp.epoch > known.epoch {
            return if stamp.first == 0 {
                Verdict::Append
            } else {
                Verdict::Refuse(Refusal::OutOfOrder { expected: 0 })
            };
        }
        let repeated = known
            .batches
            .iter()
            .find(|batch| (batch.first, batch.last) == (stamp.first, stamp.last));
        if let Some(batch) = repeated {
            return Verdict::Repeated(*batch);
        }
        let expected = known
            .batches
            .back()
            .map_or(0, |batch| sequence_add(batch.last, 1));
        if stamp.first == expected {
            Verdict::Append
        } else {
            Verdict::Refuse(Refusal::OutOfOrder { expected })
        }
    }

    /// The latest epoch in which a producer wrote here, or a transaction of it ended.
    pub(crate) fn epoch(&self, producer_id: i64) -> Option<i16> {
        self.by_id.get(&producer_id).map(|known| known.epoch)
    }

    /// Whether a batch of the producer is remembered.
    pub(crate) fn has_batches(&self, producer_id: i64) -> bool {
        let known = self.by_id.get(&producer_id);
        known.is_some_and(|known| !known.batches.is_empty())
    }

    /// Remembers the epoch of a marker. Sequences go on unless it is a new one, in which they begin at 0.
    pub(crate) fn end_transaction(&mut self, producer_id: i64, epoch: i16) {
        self.in_epoch(producer_id, epoch);
    }

    /// Remembers a batch that was appended after [`judge`](Self::judge) allowed it.
    pub(crate) fn remember(&mut self, stamp: Stamp, base_offset: i64, timestamp: i64, crc: u32) {
        let producer = self.in_epoch(stamp.producer_id, stamp.epoch);
        if producer.batches.len() == REMEMBERED_BATCHES {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Remembered {
            first: stamp.first,
            last: stamp.last,
            base_offset,
            timestamp,
            crc,
        });
    }

    fn in_epoch(&mut self, producer_id: i64, epoch: i16) -> &mut Producer {
        let producer = self.by_id.entry(producer_id).or_insert_with(|| Producer {
            epoch,
            batches: VecDeque::with_capacity(REMEMBERED_BATCHES),
        });
        if producer.epoch != epoch {
            producer.epoch = epoch;
            producer.batches.clear();
        }
        producer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(epoch: i16, first: i32, count: u32) -> Stamp {
        Stamp {
            producer_id: 7,
            epoch,
            first,
            last: sequence_add(first, count - 1),
        }
    }

    /// Appends a batch that must be allowed.
    fn append(producers: &mut Producers, stamp: Stamp, base_offset: i64) {
        assert_eq!(producers.judge(stamp), Verdict::Append, "{stamp:?}");
        producers.remember(stamp, base_offset, 0, 0);
    }

    #[test]
    fn an_unknown_producer_may_begin_anywhere() {
        assert_eq!(Producers::default().judge(stamp(3, 77, 2)), Verdict::Append);
    }

    #[test]
    fn each_of_the_last_five_batches_is_recognised_and_the_sixth_is_not() {
        let mut producers = Producers::default();
        for n in 0..6 {
            append(&mut producers, stamp(0, n * 10, 10), i64::from(n) * 10);
        }
        for n in 1..6 {
            let Verdict::Repeated(batch) = producers.judge(stamp(0, n * 10, 10)) else {
                panic!("batch {n}")
            };
            assert_eq!(batch.base_offset, i64::from(n) * 10);
        }
        assert_eq!(
            producers.judge(stamp(0, 0, 10)),
            Verdict::Refuse(Refusal::OutOfOrder { expected: 60 })
        );
    }

    #[test]
    fn a_gap_and_an_overlap_are_refused() {
        let mut producers = Producers::default();
        append(&mut producers, stamp(0, 0, 10), 0);
        let refused = Verdict::Refuse(Refusal::OutOfOrder { expected: 10 });
        assert_eq!(producers.judge(stamp(0, 11, 1)), refused);
        assert_eq!(producers.judge(stamp(0, 0, 9)), refused);
        assert_eq!(producers.judge(stamp(0, 9, 2)), refused);
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let mut producers = Producers::default();
        append(&mut producers, stamp(0, i32::MAX - 1, 3), 0);
        append(&mut producers, stamp(0, 1, 1), 3);
        let mut producers = Producers::default();
        append(&mut producers, stamp(0, i32::MAX - 1, 2), 0);
        append(&mut producers, stamp(0, 0, 1), 2);
    }

    #[test]
    fn the_end_of_a_transaction_begins_a_new_window_only_in_a_new_epoch() {
        let mut producers = Producers::default();
        append(&mut producers, stamp(0, 0, 5), 0);
        producers.end_transaction(7, 0);
        append(&mut producers, stamp(0, 5, 5), 6);
        producers.end_transaction(7, 1);
        assert_eq!(
            (producers.epoch(7), producers.has_batches(7)),
            (Some(1), false)
        );
        assert_eq!(
            producers.judge(stamp(0, 10, 1)),
            Verdict::Refuse(Refusal::OldEpoch { current: 1 })
        );
        assert_eq!(
            producers.judge(stamp(1, 10, 1)),
            Verdict::Refuse(Refusal::OutOfOrder { expected: 0 })
        );
        append(&mut producers, stamp(1, 0, 1), 12);
    }

    #[test]
    fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
        let mut producers = Producers::default();
        append(&mut producers, stamp(0, 0, 5), 0);
        assert_eq!(
            producers.judge(stamp(1, 5, 1)),
            Verdict::Refuse(Refusal::OutOfOrder { expected: 0 })
        );
        append(&mut producers, stamp(1, 0, 5), 5);
        assert_eq!(
            producers.judge(stamp(0, 5, 1)),
            Verdict::Refuse(Refusal::OldEpoch { current: 1 })
        );
        assert_eq!(
            producers.judge(stamp(0, 0, 5)),
            Verdict::Refuse(Refusal::OldEpoch { current: 1 })
        );
        append(&mut producers, stamp(1, 5, 1), 10);
    }
}
