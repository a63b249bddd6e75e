//! A partition's log: batches as they came, with the header that the broker completed.
//!
//! A batch's base offset and leader epoch lie outside its checksum, so completing them touches a copy of the 61-byte
//! header only. The records stay the shared bytes that the request brought; a fetch hands out the same bytes again.

use std::collections::VecDeque;

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
    pub(crate) header: Bytes,
    pub(crate) records: Bytes,
}

impl Stored {
    pub(crate) fn len(&self) -> usize {
        self.header.len() + self.records.len()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    start: i64,
    end: i64,
    bytes: u64,
    batches: VecDeque<Stored>,
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
        self.end = batch.last_offset + 1;
        self.bytes += batch.len() as u64;
        self.batches.push_back(batch);
    }

    /// Forgets the oldest batch and says how many bytes that freed.
    pub(crate) fn drop_oldest(&mut self) -> u64 {
        let Some(dropped) = self.batches.pop_front() else {
            return 0;
        };
        let freed = dropped.len() as u64;
        self.bytes -= freed;
        self.start = dropped.last_offset + 1;
        freed
    }

    /// The batches from the one that holds `offset` on.
    pub(crate) fn from(&self, offset: i64) -> impl Iterator<Item = &Stored> {
        let first = self
            .batches
            .partition_point(|batch| batch.last_offset < offset);
        self.batches.range(first..)
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

    #[test]
    fn dropping_the_oldest_moves_the_start_only() {
        let mut log = log();
        assert_eq!(log.drop_oldest(), 100);
        assert_eq!((log.start(), log.end(), log.bytes()), (10, 40, 300));
        while log.drop_oldest() > 0 {}
        assert_eq!((log.start(), log.end(), log.bytes()), (40, 40, 0));
    }
}
