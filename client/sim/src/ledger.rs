//! What was appended, what was said about it, and whether that is true.

mod transactions;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use bytes::Bytes;
use milena_engine::{
    produce::{Ack, Acks, Failure, Persistence, Reason, Share},
    time::Instant,
};

pub use self::transactions::TransactionTally;
use self::transactions::Transactions;
pub(crate) use self::transactions::{Seen, TransactionNumber};
use crate::plan::{Plan, ProducerPlan};

/// Names a batch's completion.
pub(crate) type BatchNumber = usize;
/// Names a record; it stands at the start of the record's value.
pub(crate) type RecordNumber = u32;
/// Index of a topic, and a partition of it.
pub(crate) type Place = (usize, i32);

/// A promise was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Violation {}

/// What a partition holds: offset and value of each record.
pub(crate) type Records = Vec<(i64, Bytes)>;

/// The log of a partition, of one life of its topic.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) place: Place,
    pub(crate) records: Records,
    /// The topic was deleted later.
    pub(crate) gone: bool,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    place: Place,
    offset: i64,
    /// Which log, of all.
    log: usize,
    gone: bool,
}

/// All places of each record.
type Stored = BTreeMap<RecordNumber, Vec<Spot>>;

/// Every record and every outcome of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    batches: Vec<Batch>,
    records: Vec<BatchNumber>,
    open: usize,
    /// Producers that were given more than one id.
    renewed: BTreeSet<usize>,
    /// Partitions that were reached by requests of connections given up before.
    late: BTreeSet<Place>,
    transactions: Transactions,
}

#[derive(Debug)]
struct Batch {
    producer: usize,
    transaction: Option<TransactionNumber>,
    place: Place,
    opened: Instant,
    records: Vec<RecordNumber>,
    outcome: Option<Result<Ack, Failure>>,
    /// Records that ended in parts, as batches of their own.
    parted: usize,
    /// It is such a part.
    is_part: bool,
}

/// How a run went, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records appended.
    pub appended: u64,
    /// Records acknowledged.
    pub acknowledged: u64,
    /// Records that failed and are said not to be stored.
    pub failed_no: u64,
    /// Records that failed and may be stored.
    pub failed_maybe: u64,
    /// Of the latter, those that are.
    pub stored_maybe: u64,
    /// Batches given up because what came before them is missing and an attempt is unaccounted for.
    pub unresolved: u64,
    /// Of these, batches that came out of some buffer afterwards.
    pub stored_late: u64,
    /// Batches that ran out of time before they were sent.
    pub expired_unsent: u64,
    /// Batches that ran out of time after they were sent.
    pub expired_sent: u64,
}

impl Ledger {
    /// A new batch.
    pub(crate) fn open(
        &mut self,
        producer: usize,
        transaction: Option<TransactionNumber>,
        place: Place,
        opened: Instant,
    ) -> BatchNumber {
        self.batches.push(Batch {
            producer,
            transaction,
            place,
            opened,
            records: Vec::new(),
            outcome: None,
            parted: 0,
            is_part: false,
        });
        self.open += 1;
        self.batches.len() - 1
    }

    /// The latest batch came to nothing, unless it has records.
    pub(crate) fn withdraw(&mut self) {
        if self
            .batches
            .pop_if(|batch| batch.records.is_empty())
            .is_some()
        {
            self.open -= 1;
        }
    }

    /// The number of the next record.
    pub(crate) fn next_record(&self) -> RecordNumber {
        RecordNumber::try_from(self.records.len()).unwrap_or(RecordNumber::MAX)
    }

    /// The next record is in a batch, at `index`.
    pub(crate) fn append(&mut self, number: BatchNumber, index: u32) -> Result<(), Violation> {
        let record = self.next_record();
        self.records.push(number);
        let batch = self.batches.get_mut(number);
        let batch = batch.ok_or_else(|| Violation(format!("there is no batch {number}")))?;
        if batch.records.len() != index as usize {
            let there = batch.records.len();
            return Err(Violation(format!(
                "record {record} is told to be number {index} of batch {number}, which has {there}"
            )));
        }
        batch.records.push(record);
        Ok(())
    }

    /// What ends: a batch, or a part of one that was split, which is a batch from now on.
    pub(crate) fn part(&mut self, share: &Share<BatchNumber>) -> Result<BatchNumber, Violation> {
        let number = share.completion;
        let Some(part) = &share.part else {
            return Ok(number);
        };
        let next = self.batches.len();
        let records = self.batches.get(number).and_then(|whole| {
            let records = whole.records.get(part.start as usize..part.end as usize)?;
            let free = |record: &RecordNumber| self.records.get(*record as usize) == Some(&number);
            records.iter().all(free).then(|| records.to_vec())
        });
        let (Some(records), Some(whole)) = (records, self.batches.get_mut(number)) else {
            let what = format!("batch {number} has no part {part:?}, or not any more");
            return Err(Violation(what));
        };
        whole.parted += records.len();
        if whole.parted < whole.records.len() {
            self.open += 1;
        }
        for record in &records {
            if let Some(batch) = self.records.get_mut(*record as usize) {
                *batch = next;
            }
        }
        let part = Batch {
            records,
            outcome: None,
            parted: 0,
            is_part: true,
            ..*whole
        };
        self.batches.push(part);
        Ok(next)
    }

    /// A batch has an outcome.
    pub(crate) fn finish(
        &mut self,
        number: BatchNumber,
        outcome: Result<Ack, Failure>,
        now: Instant,
        limit: Duration,
    ) -> Result<(), Violation> {
        let batch = self.batches.get_mut(number);
        let batch = batch.ok_or_else(|| Violation(format!("there is no batch {number}")))?;
        if let Some(before) = &batch.outcome {
            return Err(Violation(format!(
                "batch {number} ended twice: {before:?}, then {outcome:?}"
            )));
        }
        if now.since(batch.opened) > limit {
            return Err(Violation(format!(
                "batch {number} ended after {:?}, the delivery timeout is {limit:?}",
                now.since(batch.opened)
            )));
        }
        batch.outcome = Some(outcome);
        self.open -= 1;
        Ok(())
    }

    /// A producer has been given another id.
    pub(crate) fn renew(&mut self, producer: usize) {
        self.renewed.insert(producer);
    }

    /// A request reached a partition whose client had given up the connection.
    pub(crate) fn come_late(&mut self, place: Place) {
        self.late.insert(place);
    }

    /// Batches without an outcome.
    pub(crate) const fn unfinished(&self) -> usize {
        self.open
    }

    /// Compares what was said with the logs.
    pub(crate) fn check(&self, plan: &Plan, logs: &[Log]) -> Result<Tally, Violation> {
        let mut stored = Stored::new();
        for (number, log) in logs.iter().enumerate() {
            let mut latest = BTreeMap::new();
            for (offset, value) in &log.records {
                let record = self.read(log.place, *offset, value)?;
                stored.entry(record).or_default().push(Spot {
                    place: log.place,
                    offset: *offset,
                    log: number,
                    gone: log.gone,
                });
                self.check_order(plan, record, log.place, &mut latest)?;
            }
        }
        let gone = logs.iter().filter(|log| log.gone);
        let renewed: BTreeSet<_> = gone.map(|log| log.place).collect();
        let mut tally = Tally::default();
        let batches = self.batches.iter().enumerate();
        for (number, batch) in batches.filter(|(_, batch)| batch.is_whole()) {
            let producer = plan.producers.get(batch.producer);
            let producer = producer.ok_or_else(|| Violation("no such producer".to_owned()))?;
            batch.check(number, producer, &stored)?;
            if !renewed.contains(&batch.place) {
                self.check_unresolved(number, batch, &stored)?;
            }
            batch.count(&stored, &mut tally);
        }
        Ok(tally)
    }

    fn batch_of(&self, record: RecordNumber) -> Option<&Batch> {
        self.batches.get(*self.records.get(record as usize)?)
    }

    /// The record that stands at an offset.
    pub(crate) fn read(
        &self,
        place: Place,
        offset: i64,
        value: &[u8],
    ) -> Result<RecordNumber, Violation> {
        let number = value.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        let batch = number.and_then(|number| {
            let batch = *self.records.get(number as usize)?;
            Some((number, self.batches.get(batch)?))
        });
        match batch {
            Some((number, batch)) if batch.place == place => Ok(number),
            _ => Err(Violation(format!(
                "offset {offset} of {place:?} holds something that was not appended there"
            ))),
        }
    }

    /// What is stored cannot be unresolved: the broker recognises it. Unless it came out of some buffer later, or it is
    /// stored as a whole and was sent again in parts, which the broker does not recognise.
    fn check_unresolved(
        &self,
        number: BatchNumber,
        batch: &Batch,
        stored: &Stored,
    ) -> Result<(), Violation> {
        if batch.transaction.is_some() {
            // The coordinator may have ended the transaction meanwhile, and the epoch with it.
            return Ok(());
        }
        let unresolved = matches!(
            &batch.outcome,
            Some(Err(Failure {
                reason: Reason::Unresolved,
                ..
            }))
        );
        let there = batch.records.iter().any(|r| stored.contains_key(r));
        if unresolved && there && !batch.is_part && !self.late.contains(&batch.place) {
            return Err(Violation(format!(
                "batch {number} is stored, and the broker did not know it again"
            )));
        }
        Ok(())
    }

    /// Records of one producer stand in its order, those that failed and are stored all the same included.
    fn check_order(
        &self,
        plan: &Plan,
        record: RecordNumber,
        place: Place,
        latest: &mut BTreeMap<usize, RecordNumber>,
    ) -> Result<(), Violation> {
        let Some(batch) = self.batch_of(record) else {
            return Ok(());
        };
        let producer = plan.producers.get(batch.producer);
        if !producer.is_some_and(|producer| producer.settings.idempotent) {
            return Ok(());
        }
        // Only the epochs of one producer id follow each other: under another id, a batch that was given up may still
        // come out of some buffer after its successors.
        if self.renewed.contains(&batch.producer) && !matches!(batch.outcome, Some(Ok(_))) {
            return Ok(());
        }
        let before = latest.insert(batch.producer, record);
        match before {
            Some(before) if before >= record => Err(Violation(format!(
                "record {record} comes after record {before} in the log of {place:?}"
            ))),
            _ => Ok(()),
        }
    }
}

impl Batch {
    /// Whether it stands for records, and not its parts.
    const fn is_whole(&self) -> bool {
        self.parted == 0 || self.parted < self.records.len()
    }

    fn check(
        &self,
        number: BatchNumber,
        producer: &ProducerPlan,
        stored: &Stored,
    ) -> Result<(), Violation> {
        let outcome = self.outcome.as_ref();
        let outcome = outcome.ok_or_else(|| Violation(format!("batch {number} never ended")))?;
        for (index, record) in (0_i64..).zip(&self.records) {
            let spots = stored.get(record).map_or(&[][..], Vec::as_slice);
            let wrong = |what: &str| {
                Err(Violation(format!(
                    "record {record} (number {index} of batch {number}) {what}: {outcome:?}, stored at {spots:?}"
                )))
            };
            // In a topic that was created anew, it may be stored once more.
            let logs: BTreeSet<_> = spots.iter().map(|spot| spot.log).collect();
            if spots.len() > logs.len() && producer.settings.idempotent {
                return wrong("is stored more than once");
            }
            match outcome {
                Ok(_) if producer.settings.acks == Acks::None => {}
                Ok(_) if spots.is_empty() => return wrong("was acknowledged and is not stored"),
                Ok(Ack {
                    base_offset: Some(base),
                    ..
                }) if !spots
                    .iter()
                    .any(|spot| (spot.place, spot.offset) == (self.place, base + index)) =>
                {
                    return wrong("is not where it was said to be");
                }
                Ok(_) => {}
                Err(failure) if producer.patient => {
                    let _ = failure;
                    return wrong("failed, though nothing kept it from being delivered");
                }
                Err(Failure {
                    persistence: Persistence::No,
                    ..
                }) if spots.iter().any(|spot| !spot.gone) => {
                    return wrong("is stored, against what was said");
                }
                Err(Failure {
                    persistence: Persistence::Maybe,
                    attempts: 0,
                    ..
                }) => return wrong("was never sent, and cannot be stored"),
                Err(_) => {}
            }
        }
        Ok(())
    }

    fn count(&self, stored: &Stored, tally: &mut Tally) {
        let records = self.records.len() as u64;
        tally.appended += records;
        match &self.outcome {
            None => {}
            Some(Ok(_)) => tally.acknowledged += records,
            Some(Err(failure)) => {
                if failure.persistence == Persistence::No {
                    tally.failed_no += records;
                } else {
                    tally.failed_maybe += records;
                    let there = self.records.iter().filter(|r| stored.contains_key(r));
                    tally.stored_maybe += there.count() as u64;
                }
                match &failure.reason {
                    Reason::Unresolved => {
                        tally.unresolved += 1;
                        let first = self.records.first();
                        let there = first.is_some_and(|record| stored.contains_key(record));
                        tally.stored_late += u64::from(there);
                    }
                    Reason::Expired if failure.attempts == 0 => tally.expired_unsent += 1,
                    Reason::Expired => tally.expired_sent += 1,
                    _ => {}
                }
            }
        }
    }
}

impl Tally {
    /// Both together.
    pub(crate) fn add(&mut self, other: &Self) {
        self.appended += other.appended;
        self.acknowledged += other.acknowledged;
        self.failed_no += other.failed_no;
        self.failed_maybe += other.failed_maybe;
        self.stored_maybe += other.stored_maybe;
        self.unresolved += other.unresolved;
        self.stored_late += other.stored_late;
        self.expired_unsent += other.expired_unsent;
        self.expired_sent += other.expired_sent;
    }
}
