//! The audit: what the cluster acknowledged, against what its logs hold.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use milena_codec::{BatchHeader, Decompressor};

use crate::handlers::Acknowledgement;
use crate::log::{Log, Membership, Stored};
use crate::records;
use crate::state::State;
use crate::topic::Partition;

/// What a cluster acknowledged, and what it holds; see [`State::audit`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Audit {
    /// Every partition there is, by topic name and number.
    pub partitions: Vec<PartitionAudit>,
    /// Records that were acknowledged in topics deleted since.
    pub deleted: u64,
}

/// One partition's part of an [`Audit`]. Counts are of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionAudit {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: i32,
    /// Records whose batch was acknowledged, however often: an answer with `acks` 1 or -1 left the broker.
    pub acknowledged: u64,
    /// Of these, records that retention has dropped since.
    pub expired: u64,
    /// Of these, records that the log should hold and does not, as ranges of offsets.
    pub lost: Vec<std::ops::Range<i64>>,
    /// Records in the log, whatever became of their transactions; markers that end transactions do not count.
    pub stored: u64,
    /// Of these, records of transactions that were committed, as ranges of offsets.
    pub committed: Vec<std::ops::Range<i64>>,
    /// Of these, records of transactions that were aborted, which readers of committed records do not see.
    pub aborted: Vec<std::ops::Range<i64>>,
    /// Of these, records of transactions that have not ended.
    pub open: Vec<std::ops::Range<i64>>,
    /// Of these, records that no answer told of: `acks` 0, or an answer that a fault kept back.
    pub unacknowledged: u64,
    /// Records in the log whose timestamp, key, value and headers a record before them in the log has as well: offset of
    /// the first, and of the later one. They tell of duplication if the producers never wrote the same record twice.
    /// Those of aborted transactions are left out, since writing them again is what a producer does.
    pub duplicated: Vec<(i64, i64)>,
    /// Batches that came again and were recognised by producer id, epoch and sequence.
    pub recognised: u64,
}

impl Audit {
    /// Records that were acknowledged, those in topics deleted since included.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.deleted + self.sum(|partition| partition.acknowledged)
    }

    /// Records in the logs.
    #[must_use]
    pub fn stored(&self) -> u64 {
        self.sum(|partition| partition.stored)
    }

    /// Records that were acknowledged and are gone without reason.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.sum(|partition| length(&partition.lost))
    }

    /// Records in the logs whose transaction was committed.
    #[must_use]
    pub fn committed(&self) -> u64 {
        self.sum(|partition| length(&partition.committed))
    }

    /// Records in the logs whose transaction was aborted.
    #[must_use]
    pub fn aborted(&self) -> u64 {
        self.sum(|partition| length(&partition.aborted))
    }

    /// Records in the logs whose transaction has not ended.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.sum(|partition| length(&partition.open))
    }

    /// Records that the logs hold once more; see [`PartitionAudit::duplicated`].
    #[must_use]
    pub fn duplicated(&self) -> u64 {
        self.sum(|partition| partition.duplicated.len() as u64)
    }

    /// Records in the logs that no answer told of.
    #[must_use]
    pub fn unacknowledged(&self) -> u64 {
        self.sum(|partition| partition.unacknowledged)
    }

    fn sum(&self, of: impl Fn(&PartitionAudit) -> u64) -> u64 {
        self.partitions.iter().map(of).sum()
    }
}

/// What was acknowledged of one partition.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By base offset; batches that retention dropped are gone from here too.
    batches: BTreeMap<i64, Entry>,
    expired: u64,
    recognised: u64,
}

#[derive(Debug)]
struct Entry {
    count: i32,
    crc: u32,
}

impl Ledger {
    /// Records that were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.expired + self.batches.values().map(Entry::records).sum::<u64>()
    }

    fn write(&mut self, acknowledgement: &Acknowledgement) {
        let Acknowledgement {
            base_offset,
            count,
            crc,
            repeated,
            ..
        } = *acknowledgement;
        self.batches.insert(base_offset, Entry { count, crc });
        self.recognised += u64::from(repeated);
    }

    /// Retention dropped what lies before `start`.
    pub(crate) fn expire(&mut self, start: i64) {
        let kept = self.batches.split_off(&start);
        let expired = std::mem::replace(&mut self.batches, kept);
        self.expired += expired.values().map(Entry::records).sum::<u64>();
    }
}

impl Entry {
    fn records(&self) -> u64 {
        u64::from(self.count.unsigned_abs())
    }
}

impl State {
    /// Compares what was acknowledged with what the logs hold, record by record.
    ///
    /// This reads and, where needed, decompresses every log: it takes a second or so per GiB.
    #[must_use]
    pub fn audit(&mut self) -> Audit {
        let Self {
            topics,
            decompressor,
            acknowledged_in_deleted,
            ..
        } = self;
        let mut partitions = Vec::new();
        for topic in topics.values() {
            for (index, partition) in (0..).zip(&topic.partitions) {
                let mut audit = audit(partition, decompressor);
                topic.name.as_str().clone_into(&mut audit.topic);
                audit.partition = index;
                partitions.push(audit);
            }
        }
        Audit {
            partitions,
            deleted: *acknowledged_in_deleted,
        }
    }

    pub(crate) fn acknowledge(&mut self, acknowledgement: Acknowledgement) {
        let topic = self.topics.get_mut(&acknowledgement.topic);
        if let Some(partition) =
            topic.and_then(|topic| topic.partition_mut(acknowledgement.partition))
        {
            partition.ledger.write(&acknowledgement);
            // The request's own retention may have dropped the batch already.
            partition.ledger.expire(partition.log.start());
        }
    }
}

fn audit(partition: &Partition, decompressor: &mut Decompressor) -> PartitionAudit {
    let Partition { log, ledger, .. } = partition;
    let data = || log.batches().filter(|batch| !is_marker(batch));
    let stored = data().map(records_in).sum::<u64>();
    let told = |batch: &&Stored| ledger.batches.contains_key(&batch.base_offset);
    PartitionAudit {
        acknowledged: ledger.acknowledged(),
        expired: ledger.expired,
        lost: ledger
            .batches
            .iter()
            .filter(|(base, entry)| !holds(log, **base, entry))
            .map(range)
            .collect(),
        stored,
        committed: in_transactions(log, Membership::Committed),
        aborted: in_transactions(log, Membership::Aborted),
        open: in_transactions(log, Membership::Open),
        unacknowledged: stored - data().filter(told).map(records_in).sum::<u64>(),
        duplicated: duplicated(log, decompressor),
        recognised: ledger.recognised,
        ..Default::default()
    }
}

fn length(ranges: &[std::ops::Range<i64>]) -> u64 {
    let length = |range: &std::ops::Range<i64>| range.end.abs_diff(range.start);
    ranges.iter().map(length).sum()
}

fn is_marker(batch: &Stored) -> bool {
    matches!(batch.membership, Membership::Marker { .. })
}

/// The offsets of all batches with this membership.
fn in_transactions(log: &Log, membership: Membership) -> Vec<std::ops::Range<i64>> {
    let mut ranges = Vec::<std::ops::Range<i64>>::new();
    for batch in log.batches().filter(|batch| batch.membership == membership) {
        match ranges.last_mut() {
            Some(last) if last.end == batch.base_offset => last.end = batch.last_offset + 1,
            _ => ranges.push(batch.base_offset..batch.last_offset + 1),
        }
    }
    ranges
}

fn range((base, entry): (&i64, &Entry)) -> std::ops::Range<i64> {
    *base..*base + i64::from(entry.count)
}

/// Whether the log still holds the very bytes that were acknowledged at `base`.
fn holds(log: &Log, base: i64, entry: &Entry) -> bool {
    let batch = log.from(base).next();
    batch.is_some_and(|batch| {
        let sums_up = BatchHeader::parse(&batch.header).is_some_and(|header| {
            batch.header == header.encode_with_crc([batch.records.as_ref()])[..]
        });
        batch.base_offset == base
            && records_in(batch) == entry.records()
            && batch.crc == entry.crc
            && sums_up
    })
}

fn records_in(batch: &Stored) -> u64 {
    (batch.last_offset + 1).abs_diff(batch.base_offset)
}

fn duplicated(log: &Log, decompressor: &mut Decompressor) -> Vec<(i64, i64)> {
    let mut digests = Vec::new();
    let counts = |batch: &&Stored| !is_marker(batch) && batch.membership != Membership::Aborted;
    for batch in log.batches().filter(counts) {
        let header = BatchHeader::parse(&batch.header);
        let plain = decompressor.decompress(batch.codec, &batch.records).ok();
        let (Some(header), Some(plain)) = (header, plain) else {
            continue;
        };
        // What is in a log was walked when it came, so this ends well.
        let _ = records::walk(&plain, header.records_count, |record| {
            let mut hasher = DefaultHasher::new();
            hasher.write_i64(header.base_timestamp.wrapping_add(record.timestamp_delta));
            hasher.write(record.content);
            digests.push((
                hasher.finish(),
                batch.base_offset + i64::from(record.offset_delta),
            ));
            Ok(())
        });
    }
    digests.sort_unstable();
    let same = digests.chunk_by(|one, other| one.0 == other.0);
    let mut pairs = Vec::new();
    for group in same {
        if let Some(((_, first), later)) = group.split_first() {
            pairs.extend(later.iter().map(|(_, offset)| (*first, *offset)));
        }
    }
    pairs.sort_unstable_by_key(|(_, later)| *later);
    pairs
}
