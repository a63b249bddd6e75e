//! A partition's log: batches as they came, with the header that the broker completed.
//!
//! A batch's base offset and leader epoch lie outside its checksum, so completing them touches a copy of the 61-byte
//! header only. The records stay the shared bytes that the request brought; a fetch hands out the same bytes again.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use milena_codec::CompressionType;

/// One batch in a log.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) max_timestamp: i64,
    /// When it was appended, by the cluster's clock.
    pub(crate) appended_at: i64,
    pub(crate) codec: CompressionType,
    pub(crate) crc: u32,
    /// Counts appends over the whole cluster; finds the oldest batch of all.
    pub(crate) serial: u64,
    /// -1 without idempotence.
    pub(crate) producer_id: i64,
    pub(crate) membership: Membership,
    pub(crate) header: Bytes,
    pub(crate) records: Bytes,
}

impl Stored {
    pub(crate) fn len(&self) -> usize {
        self.header.len() + self.records.len()
    }
}

/// What a batch has to do with transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// Nothing.
    Outside,
    /// It is in a transaction that has not ended here.
    Open,
    /// It was in a transaction that was committed.
    Committed,
    /// It was in a transaction that was aborted.
    Aborted,
    /// It ends a transaction, and holds no records for anybody.
    Marker { committed: bool },
}

/// An aborted transaction, as readers of committed records are told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    /// Where its marker is.
    last_offset: i64,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    start: i64,
    end: i64,
    bytes: u64,
    batches: VecDeque<Stored>,
    /// The first offset of each open transaction, by producer id.
    open: BTreeMap<i64, i64>,
    /// In the order of their markers.
    aborted: VecDeque<Aborted>,
}

impl Log {
    /// The offset of the oldest record that is kept.
    pub(crate) fn start(&self) -> i64 {
        self.start
    }

    /// The offset that the next record gets; also the high watermark, since replicas hold what the log holds.
    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// The offset before which every transaction has ended; the end unless one is open.
    pub(crate) fn last_stable(&self) -> i64 {
        let first = self.open.values().copied().min();
        first.unwrap_or(self.end).max(self.start)
    }

    /// Whether a producer's transaction is open here.
    pub(crate) fn has_open(&self, producer_id: i64) -> bool {
        self.open.contains_key(&producer_id)
    }

    /// The aborted transactions that have records, or their marker, from `from` on and before `until`.
    pub(crate) fn aborted(&self, from: i64, until: i64) -> impl Iterator<Item = &Aborted> {
        let overlaps =
            move |aborted: &&Aborted| aborted.last_offset >= from && aborted.first_offset < until;
        self.aborted.iter().filter(overlaps)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn batches(&self) -> impl DoubleEndedIterator<Item = &Stored> {
        self.batches.iter()
    }

    pub(crate) fn oldest(&self) -> Option<&Stored> {
        self.batches.front()
    }

    /// Appends a batch whose base offset is the end of this log.
    pub(crate) fn append(&mut self, batch: Stored) {
        debug_assert_eq!(batch.base_offset, self.end);
        match batch.membership {
            Membership::Open => {
                self.open
                    .entry(batch.producer_id)
                    .or_insert(batch.base_offset);
            }
            Membership::Marker { committed } => {
                self.end_transaction(batch.producer_id, committed, batch.base_offset);
            }
            _ => {}
        }
        self.end = batch.last_offset + 1;
        self.bytes += batch.len() as u64;
        self.batches.push_back(batch);
    }

    /// Ends a producer's transaction, if one is open, with a marker at `last_offset`.
    fn end_transaction(&mut self, producer_id: i64, committed: bool, last_offset: i64) {
        let Some(first_offset) = self.open.remove(&producer_id) else {
            return;
        };
        let ended = match committed {
            true => Membership::Committed,
            false => Membership::Aborted,
        };
        let first = self.position(first_offset);
        for batch in self.batches.range_mut(first..) {
            if batch.producer_id == producer_id && batch.membership == Membership::Open {
                batch.membership = ended;
            }
        }
        if !committed {
            self.aborted.push_back(Aborted {
                producer_id,
                first_offset,
                last_offset,
            });
        }
    }

    /// Forgets the oldest batch and says how many bytes that freed.
    pub(crate) fn drop_oldest(&mut self) -> u64 {
        let Some(dropped) = self.batches.pop_front() else {
            return 0;
        };
        let freed = dropped.len() as u64;
        self.bytes -= freed;
        self.start = dropped.last_offset + 1;
        while self
            .aborted
            .pop_front_if(|aborted| aborted.last_offset < self.start)
            .is_some()
        {}
        freed
    }

    /// The batches from the one that holds `offset` on.
    pub(crate) fn from(&self, offset: i64) -> impl Iterator<Item = &Stored> {
        self.batches.range(self.position(offset)..)
    }

    fn position(&self, offset: i64) -> usize {
        self.batches
            .partition_point(|batch| batch.last_offset < offset)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use milena_codec::HEADER_LEN;

    use super::*;

    pub(crate) fn batch(base_offset: i64, count: i64, bytes: usize) -> Stored {
        Stored {
            base_offset,
            last_offset: base_offset + count - 1,
            leader_epoch: 0,
            max_timestamp: 0,
            appended_at: 0,
            codec: CompressionType::None,
            crc: 0,
            serial: 0,
            producer_id: -1,
            membership: Membership::Outside,
            header: Bytes::from_static(&[0; HEADER_LEN]),
            records: Bytes::from(vec![0; bytes - HEADER_LEN]),
        }
    }

    fn log() -> Log {
        let mut log = Log::default();
        for n in 0..4 {
            log.append(batch(n * 10, 10, 100));
        }
        log
    }

    #[test]
    fn finds_the_batch_that_holds_an_offset() {
        let log = log();
        for (offset, base) in [
            (0, Some(0)),
            (9, Some(0)),
            (10, Some(10)),
            (39, Some(30)),
            (40, None),
        ] {
            assert_eq!(
                log.from(offset).next().map(|batch| batch.base_offset),
                base,
                "offset {offset}"
            );
        }
    }

    /// A batch of one record.
    fn of(log: &Log, producer_id: i64, membership: Membership) -> Stored {
        Stored {
            producer_id,
            membership,
            ..batch(log.end(), 1, 100)
        }
    }

    fn open(log: &mut Log, producer_id: i64) {
        log.append(of(log, producer_id, Membership::Open));
    }

    fn end(log: &mut Log, producer_id: i64, committed: bool) {
        log.append(of(log, producer_id, Membership::Marker { committed }));
    }

    fn aborted(log: &Log, from: i64, until: i64) -> Vec<(i64, i64)> {
        let all = log.aborted(from, until);
        all.map(|aborted| (aborted.producer_id, aborted.first_offset))
            .collect()
    }

    #[test]
    fn the_last_stable_offset_is_where_the_oldest_open_transaction_begins() {
        let mut log = Log::default();
        log.append(of(&log, 1, Membership::Outside));
        assert_eq!(log.last_stable(), 1);
        open(&mut log, 1);
        open(&mut log, 2);
        open(&mut log, 1);
        assert_eq!(log.last_stable(), 1);
        end(&mut log, 1, true);
        assert_eq!(log.last_stable(), 2);
        end(&mut log, 2, false);
        assert_eq!((log.last_stable(), log.end()), (6, 6));
        let members = log.batches().map(|batch| batch.membership);
        assert_eq!(
            members.collect::<Vec<_>>(),
            [
                Membership::Outside,
                Membership::Committed,
                Membership::Aborted,
                Membership::Committed,
                Membership::Marker { committed: true },
                Membership::Marker { committed: false }
            ]
        );
    }

    #[test]
    fn aborted_transactions_are_told_to_whom_they_concern() {
        let mut log = Log::default();
        open(&mut log, 1);
        end(&mut log, 1, false);
        open(&mut log, 2);
        open(&mut log, 1);
        end(&mut log, 2, true);
        end(&mut log, 1, false);
        // A marker without a transaction, as one that is written twice.
        end(&mut log, 1, false);
        assert_eq!(aborted(&log, 0, 7), [(1, 0), (1, 3)]);
        assert_eq!(aborted(&log, 1, 3), [(1, 0)]);
        assert_eq!(aborted(&log, 2, 3), []);
        assert_eq!(aborted(&log, 5, 6), [(1, 3)]);
        assert_eq!(aborted(&log, 6, 7), []);
        log.drop_oldest();
        assert_eq!(aborted(&log, 0, 7), [(1, 0), (1, 3)]);
        log.drop_oldest();
        assert_eq!(aborted(&log, 0, 7), [(1, 3)]);
    }

    #[test]
    fn dropping_the_oldest_moves_the_start_only() {
        let mut log = log();
        assert_eq!(log.drop_oldest(), 100);
        assert_eq!((log.start(), log.end(), log.bytes()), (10, 40, 300));
        while log.drop_oldest() > 0 {}
        assert_eq!((log.start(), log.end(), log.bytes()), (40, 40, 0));
    }
}
