//! What is known of every batch, and what must hold of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use milena_codec::{BatchHeader, Batches, Decompressor, sequence_add};
use milena_engine::cluster::NodeId;
use milena_engine::produce::{Ack, Failure, Persistence};

use super::part::Batch;

/// All batches, by the numbers they are told with.
#[derive(Default)]
pub(super) struct Ledger {
    batches: Vec<Entry>,
    /// Which batch a record is in; records are numbered as they are accepted.
    records: Vec<Batch>,
    in_flight: BTreeSet<Batch>,
    sequences: BTreeMap<(usize, Epoch), Sequence>,
    pub(super) unsettled: usize,
    pub(super) unsettled_records: u64,
}

/// Producer id and epoch.
type Epoch = (i64, i16);

struct Entry {
    part: usize,
    records: Vec<u32>,
    settled: bool,
    sent: bool,
    /// An attempt went out whose outcome is not known.
    lost: bool,
    node: NodeId,
    /// The bytes of the records section under the numbers it was sent with last.
    stamp: (Epoch, i32),
    section: Bytes,
}

/// The numbers of one partition in one epoch.
#[derive(Default)]
struct Sequence {
    taken: BTreeMap<i32, Batch>,
    next: i32,
    /// Records of batches that were given up since the epoch began.
    given_up: u32,
    /// A broker said that it stored something of it.
    stored: bool,
}

impl Ledger {
    /// The number that the next batch will have.
    pub(super) fn next_batch(&self) -> Batch {
        self.batches.len() as Batch
    }

    /// The number that the next record will have.
    pub(super) fn next_record(&self) -> u32 {
        self.records.len() as u32
    }

    /// A record was accepted into a batch.
    pub(super) fn appended(&mut self, part: usize, batch: Batch, index: u32) {
        if batch == self.next_batch() {
            self.unsettled += 1;
            self.batches.push(Entry {
                part,
                records: Vec::new(),
                settled: false,
                sent: false,
                lost: false,
                node: NodeId(0),
                stamp: ((-1, -1), -1),
                section: Bytes::new(),
            });
        }
        let record = self.next_record();
        let entry = &mut self.batches[batch as usize];
        assert!(
            !entry.settled && !entry.sent,
            "a record into a closed batch"
        );
        assert_eq!((entry.part, entry.records.len() as u32), (part, index));
        entry.records.push(record);
        self.records.push(batch);
        self.unsettled_records += 1;
    }

    /// A batch goes into a request. Returns which it is.
    pub(super) fn sent(
        &mut self,
        part: usize,
        node: NodeId,
        wire: Bytes,
        idempotent: bool,
        max_in_flight: usize,
    ) -> Batch {
        let (header, numbers) = read(wire.clone());
        let batch = self.records[numbers[0] as usize];
        assert!(
            !self.in_flight.contains(&batch),
            "batch {batch} is in flight twice"
        );
        let mates: Vec<_> = self.in_flight_of(part).collect();
        for mate in &mates {
            let there = self.batches[*mate as usize].node;
            assert_eq!(there, node, "{mate} is in flight on another broker");
        }
        assert!(mates.len() < max_in_flight, "{} are in flight", mates.len());
        let entry = &self.batches[batch as usize];
        assert_eq!(entry.part, part);
        assert_eq!(entry.records, numbers, "batch {batch} has other records");
        assert!(!entry.settled, "batch {batch} was settled before");
        let epoch = (header.producer_id, header.producer_epoch);
        if idempotent {
            self.number(part, epoch, &header, batch, &mates);
        } else {
            assert_eq!((epoch, header.base_sequence), ((-1, -1), -1));
        }
        let entry = &mut self.batches[batch as usize];
        let section = wire.slice(milena_codec::HEADER_LEN..);
        assert!(
            !entry.sent || entry.section == section,
            "batch {batch} changed"
        );
        entry.section = section;
        entry.stamp = (epoch, header.base_sequence);
        entry.sent = true;
        entry.node = node;
        self.in_flight.insert(batch);
        batch
    }

    fn number(
        &mut self,
        part: usize,
        epoch: Epoch,
        header: &BatchHeader,
        batch: Batch,
        mates: &[Batch],
    ) {
        assert!(epoch.0 >= 0 && epoch.1 >= 0 && header.base_sequence >= 0);
        let latest = self
            .sequences
            .range((part, (i64::MIN, 0))..=(part, (i64::MAX, i16::MAX)));
        if let Some(((_, latest), _)) = latest.last() {
            assert!(epoch >= *latest, "epoch {epoch:?} after {latest:?}");
        }
        let sequence = self.sequences.entry((part, epoch)).or_default();
        assert!(
            sequence.stored || mates.is_empty(),
            "two in flight before a broker knows the sequence"
        );
        let base = header.base_sequence;
        match sequence.taken.get(&base) {
            Some(known) => assert_eq!(*known, batch, "{epoch:?}, {base} was another batch's"),
            None => {
                let gap = base.checked_sub(sequence.next).expect("no overlap");
                assert!(
                    gap >= 0 && gap.cast_unsigned() <= sequence.given_up,
                    "{epoch:?} goes on at {base} instead of {}",
                    sequence.next
                );
                if let Some((_, before)) = sequence.taken.last_key_value() {
                    assert!(*before < batch, "batch {batch} after {before}");
                }
                assert!(
                    self.batches[batch as usize].stamp.0 != epoch,
                    "batch {batch} has two numbers in {epoch:?}"
                );
                sequence.taken.insert(base, batch);
                sequence.next = sequence_add(base, header.records_count.cast_unsigned());
            }
        }
    }

    fn in_flight_of(&self, part: usize) -> impl Iterator<Item = Batch> + '_ {
        let of_part = move |batch: &&Batch| self.batches[**batch as usize].part == part;
        self.in_flight.iter().filter(of_part).copied()
    }

    /// An attempt ended: stored, not stored, or nobody knows.
    pub(super) fn answered(&mut self, batch: Batch, stored: Option<bool>) {
        assert!(self.in_flight.remove(&batch));
        let entry = &mut self.batches[batch as usize];
        entry.lost |= stored.is_none();
        let key = (entry.part, entry.stamp.0);
        if stored == Some(true)
            && let Some(sequence) = self.sequences.get_mut(&key)
        {
            sequence.stored = true;
        }
    }

    pub(super) fn is_settled(&self, batch: Batch) -> bool {
        self.batches[batch as usize].settled
    }

    /// Somebody is told what became of a batch.
    pub(super) fn settled(&mut self, part: usize, batch: Batch, result: &Result<Ack, Failure>) {
        let entry = &mut self.batches[batch as usize];
        assert!(!entry.settled, "batch {batch} is settled twice: {result:?}");
        entry.settled = true;
        self.unsettled -= 1;
        self.unsettled_records -= entry.records.len() as u64;
        assert_eq!(entry.part, part);
        let Err(failure) = result else {
            assert!(entry.sent, "batch {batch} is stored, and was never sent");
            return;
        };
        assert_eq!(failure.records as usize, entry.records.len());
        if entry.lost || self.in_flight.contains(&batch) {
            assert_ne!(failure.persistence, Persistence::No, "{failure:?}");
        }
        if !entry.sent {
            assert_eq!(
                (failure.persistence, failure.attempts),
                (Persistence::No, 0),
                "{failure:?}"
            );
        }
        let all = self
            .sequences
            .range_mut((part, (i64::MIN, 0))..=(part, (i64::MAX, i16::MAX)));
        for (_, sequence) in all {
            sequence.given_up += failure.records;
        }
    }
}

/// The header of the only batch, and the numbers of its records.
fn read(wire: Bytes) -> (BatchHeader, Vec<u32>) {
    let mut batches = Batches::exact(wire);
    let batch = batches.next().expect("a batch").expect("a whole batch");
    let batch = batch.into_current().expect("a batch of format 2");
    assert!(batches.next().is_none(), "one batch to a partition");
    let records = batch.records(&mut Decompressor::default());
    let numbers = records
        .expect("a sound batch")
        .map(|record| {
            let value = record.expect("a sound record").value.expect("a value");
            u32::from_be_bytes(*value.first_chunk().expect("a number"))
        })
        .collect();
    (*batch.header(), numbers)
}
