//! What is known of every batch, and what must hold of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use milena_codec::{BatchHeader, Batches, Decompressor, sequence_add};
use milena_engine::cluster::NodeId;
use milena_engine::produce::{Ack, Failure, Persistence, Share};

use super::part::Batch;

/// All batches, and the parts of those that were split as batches of their own.
#[derive(Default)]
pub(super) struct Ledger {
    batches: Vec<Entry>,
    /// The records of each batch that was appended to, by the number it is told with.
    appended: Vec<Vec<u32>>,
    /// Which batch a record is in; records are numbered as they are accepted.
    records: Vec<Batch>,
    in_flight: BTreeSet<Batch>,
    sequences: BTreeMap<(usize, Epoch), Sequence>,
    /// Records of each partition that were given up, less the numbers that were left out for it.
    given_up: BTreeMap<usize, u32>,
    pub(super) unsettled_records: u64,
}

/// Producer id and epoch.
type Epoch = (i64, i16);

#[derive(Clone)]
struct Entry {
    part: usize,
    records: Vec<u32>,
    settled: bool,
    sent: bool,
    /// An attempt went out whose outcome is not known.
    lost: bool,
    node: NodeId,
    stamp: (Epoch, i32),
    /// The bytes of the records section that it was sent with.
    section: Option<Bytes>,
}

/// The numbers of one partition in one epoch.
#[derive(Default)]
struct Sequence {
    taken: BTreeMap<i32, Batch>,
    next: i32,
    /// A broker said that it stored something of it.
    stored: bool,
}

impl Ledger {
    /// The number that the next batch will have.
    pub(super) fn next_batch(&self) -> Batch {
        self.appended.len() as Batch
    }

    /// The number that the next record will have.
    pub(super) fn next_record(&self) -> u32 {
        self.records.len() as u32
    }

    /// A record was accepted into a batch.
    pub(super) fn appended(&mut self, part: usize, batch: Batch, index: u32) {
        if batch == self.next_batch() {
            self.appended.push(Vec::new());
        }
        let record = self.next_record();
        let appended = &mut self.appended[batch as usize];
        assert_eq!(appended.len() as u32, index);
        let first = *appended.first().unwrap_or(&record);
        appended.push(record);
        if index == 0 {
            self.records.push(self.batches.len() as Batch);
            self.batches.push(Entry {
                part,
                records: Vec::new(),
                settled: false,
                sent: false,
                lost: false,
                node: NodeId(0),
                stamp: ((-1, -1), -1),
                section: None,
            });
        } else {
            self.records.push(self.records[first as usize]);
        }
        let entry = &mut self.batches[self.records[record as usize] as usize];
        assert!(
            !entry.settled && !entry.sent,
            "a record into a closed batch"
        );
        assert_eq!((entry.part, entry.records.len() as u32), (part, index));
        entry.records.push(record);
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
        let batch = self.batch_of(&numbers);
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
        let before = entry.section.get_or_insert(section.clone());
        assert_eq!(*before, section, "batch {batch} changed");
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
                let left = self.given_up.entry(part).or_default();
                *left = u32::try_from(gap)
                    .ok()
                    .and_then(|gap| left.checked_sub(gap))
                    .unwrap_or_else(|| {
                        panic!("{epoch:?} goes on at {base} instead of {}", sequence.next)
                    });
                if let Some((_, before)) = sequence.taken.last_key_value() {
                    let first = |batch: Batch| self.batches[batch as usize].records[0];
                    assert!(
                        first(*before) < first(batch),
                        "batch {batch} after {before}"
                    );
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

    /// The batch that these records are: where they are some of a batch's, that was split.
    fn batch_of(&mut self, numbers: &[u32]) -> Batch {
        let batch = self.records[numbers[0] as usize];
        let whole = &self.batches[batch as usize];
        if whole.records == numbers {
            return batch;
        }
        assert!(
            !whole.settled && !self.in_flight.contains(&batch),
            "batch {batch} was split in flight"
        );
        let mut rest = whole.clone();
        rest.section = None;
        let mut places = rest.records.iter();
        let from = places.position(|record| *record == numbers[0]);
        let from = from.expect("a record of the batch") as u32;
        let pieces = [from, from + numbers.len() as u32, rest.records.len() as u32];
        let mut at = 0;
        for end in pieces {
            let records: Vec<u32> = rest.records.drain(..(end - at) as usize).collect();
            let piece = Entry {
                records,
                ..rest.clone()
            };
            if piece.records.is_empty() {
                continue;
            }
            let number = if at == 0 {
                batch
            } else {
                self.batches.len() as Batch
            };
            for record in &piece.records {
                self.records[*record as usize] = number;
            }
            if rest.stamp.1 >= 0 {
                let sequence = self.sequences.entry((rest.part, rest.stamp.0)).or_default();
                sequence.taken.insert(rest.stamp.1, number);
                rest.stamp.1 = sequence_add(rest.stamp.1, end - at);
            }
            match self.batches.get_mut(number as usize) {
                Some(first) => *first = piece,
                None => self.batches.push(piece),
            }
            at = end;
        }
        let batch = self.records[numbers[0] as usize];
        assert_eq!(
            self.batches[batch as usize].records, numbers,
            "batch {batch} has other records"
        );
        batch
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
    pub(super) fn settled(
        &mut self,
        part: usize,
        share: &Share<Batch>,
        result: &Result<Ack, Failure>,
    ) {
        let numbers = &self.appended[share.completion as usize];
        let numbers = match &share.part {
            Some(part) => numbers[part.start as usize..part.end as usize].to_vec(),
            None => numbers.clone(),
        };
        let batch = self.batch_of(&numbers);
        let entry = &mut self.batches[batch as usize];
        assert!(!entry.settled, "batch {batch} is settled twice: {result:?}");
        entry.settled = true;
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
        *self.given_up.entry(part).or_default() += failure.records;
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
