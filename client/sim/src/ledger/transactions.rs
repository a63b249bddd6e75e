//! What was said of transactions, and whether that is true.

use std::collections::{BTreeMap, BTreeSet};

use milena_engine::{produce::ProducerIdentity, time::Instant, transaction::Outcome};

use super::{Ledger, RecordNumber, Violation};
use crate::plan::Plan;

/// Names a transaction; also the offset that it commits.
pub(crate) type TransactionNumber = usize;

/// Every transaction of a run.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    all: Vec<Transaction>,
    grants: Vec<Grant>,
}

#[derive(Debug)]
struct Transaction {
    producer: usize,
    identity: Option<ProducerIdentity>,
    began: Instant,
    /// The partition of the first topic whose offset it commits.
    offsets: Option<i32>,
    /// The caller wanted it to be committed.
    wanted: bool,
    told: Option<Outcome>,
}

/// A producer heard of the epoch that it has from then on.
#[derive(Debug)]
struct Grant {
    producer: usize,
    identity: ProducerIdentity,
    at: Instant,
}

/// What can be read in the end.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Every record.
    pub(crate) stored: Vec<RecordNumber>,
    /// Those that a reader of committed ones gets.
    pub(crate) visible: BTreeSet<RecordNumber>,
    /// What the group of each transactional id has committed, by partition.
    pub(crate) offsets: BTreeMap<(usize, i32), i64>,
    /// Topics that were deleted meanwhile.
    pub(crate) deleted: BTreeSet<usize>,
}

/// How the transactions of a run ended, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransactionTally {
    /// Transactions that began.
    pub begun: u64,
    /// Those whose caller was told that they are committed.
    pub committed: u64,
    /// Those whose caller was told that they are not.
    pub aborted: u64,
    /// Those whose caller never heard, and which are committed.
    pub committed_untold: u64,
    /// Records in the logs that readers of committed ones do not see.
    pub hidden: u64,
    /// Groups whose offset of a partition came with a transaction.
    pub offsets: u64,
    /// Transactions that began under an epoch that was over.
    pub begun_fenced: u64,
}

impl Ledger {
    /// A transaction begins.
    pub(crate) fn begin(
        &mut self,
        producer: usize,
        identity: Option<ProducerIdentity>,
        now: Instant,
    ) -> TransactionNumber {
        self.transactions.all.push(Transaction {
            producer,
            identity,
            began: now,
            offsets: None,
            wanted: false,
            told: None,
        });
        self.transactions.all.len() - 1
    }

    /// A producer has an id and epoch.
    pub(crate) fn grant(&mut self, producer: usize, identity: ProducerIdentity, now: Instant) {
        let grants = &mut self.transactions.grants;
        let before = grants.iter().rev().find(|grant| grant.producer == producer);
        if before.is_none_or(|before| before.identity != identity) {
            grants.push(Grant {
                producer,
                identity,
                at: now,
            });
        }
    }

    /// A transaction commits an offset of a partition of the first topic.
    pub(crate) fn with_offsets(&mut self, number: TransactionNumber, partition: i32) {
        if let Some(transaction) = self.transactions.all.get_mut(number) {
            transaction.offsets = Some(partition);
        }
    }

    /// The caller wants a transaction to be committed.
    pub(crate) fn want(&mut self, number: TransactionNumber) {
        if let Some(transaction) = self.transactions.all.get_mut(number) {
            transaction.wanted = true;
        }
    }

    /// The caller is told how a transaction ended.
    pub(crate) fn tell(
        &mut self,
        number: TransactionNumber,
        outcome: Outcome,
    ) -> Result<(), Violation> {
        let transaction = self.transactions.all.get_mut(number);
        let transaction =
            transaction.ok_or_else(|| Violation(format!("there is no transaction {number}")))?;
        match transaction.told.replace(outcome) {
            Some(before) if before != outcome => Err(Violation(format!(
                "transaction {number} is told to be {outcome:?}, and was {before:?}"
            ))),
            _ if outcome == Outcome::Committed && !transaction.wanted => Err(Violation(format!(
                "transaction {number} is committed, which nobody wanted"
            ))),
            _ => Ok(()),
        }
    }

    /// Compares what was said of transactions with what readers see of them.
    pub(crate) fn check_transactions(
        &self,
        plan: &Plan,
        seen: &Seen,
    ) -> Result<TransactionTally, Violation> {
        let mut tally = TransactionTally::default();
        for record in &seen.stored {
            let number = self.batch_of(*record).and_then(|batch| batch.transaction);
            match (number, seen.visible.contains(record)) {
                (None, false) => {
                    return Err(Violation(format!(
                        "record {record} is not seen, though it is of no transaction"
                    )));
                }
                (_, seen) => tally.hidden += u64::from(!seen),
            }
        }
        let mut whole = Vec::new();
        for number in 0..self.transactions.all.len() {
            whole.push(self.check_whole(number, plan, seen, &mut tally)?);
        }
        self.check_offsets(plan, &whole, seen, &mut tally)?;
        Ok(tally)
    }

    /// Whether all of a transaction is visible, none of it, or nobody can tell. Of what was sent to a topic that was deleted,
    /// part may have gone with it.
    fn check_whole(
        &self,
        number: TransactionNumber,
        plan: &Plan,
        seen: &Seen,
        tally: &mut TransactionTally,
    ) -> Result<Option<bool>, Violation> {
        let Some(transaction) = self.transactions.all.get(number) else {
            return Ok(None);
        };
        let batches = self
            .batches
            .iter()
            .filter(|batch| batch.transaction == Some(number) && batch.is_whole());
        let (mut records, mut others) = (Vec::new(), Vec::new());
        let mut failed = 0;
        for batch in batches {
            let lasts = !seen.deleted.contains(&batch.place.0);
            if lasts { &mut records } else { &mut others }.extend(&batch.records);
            failed += usize::from(!matches!(batch.outcome, Some(Ok(_))));
        }
        let visible = |records: &[RecordNumber]| {
            let there = records.iter().filter(|r| seen.visible.contains(r));
            there.count()
        };
        let there = visible(&records);
        let wrong = |what: &str| {
            let all = records.len();
            Err(Violation(format!(
                "transaction {number} {what}: {there} of {all} records are seen, {failed} batches failed, {transaction:?}"
            )))
        };
        if there > 0 && there < records.len() {
            return wrong("is seen in part");
        }
        let whole = there > 0 || visible(&others) > 0;
        let is_fenced = self.is_fenced(plan, transaction);
        tally.begun += 1;
        tally.begun_fenced += u64::from(is_fenced);
        match transaction.told {
            Some(Outcome::Committed) if failed > 0 => {
                return wrong("was committed without a record");
            }
            Some(Outcome::Committed) if !records.is_empty() && !whole => {
                return wrong("was committed and is not seen");
            }
            Some(Outcome::Aborted) if whole => return wrong("was aborted and is seen"),
            None if whole && !transaction.wanted => {
                return wrong("was never committed and is seen");
            }
            None if whole && failed > 0 => return wrong("is seen without a record"),
            _ if is_fenced && whole => {
                return wrong("began after another producer took over, and is committed");
            }
            Some(Outcome::Committed) => tally.committed += 1,
            Some(Outcome::Aborted) => tally.aborted += 1,
            None => tally.committed_untold += u64::from(whole),
        }
        Ok(match (records.is_empty() && !whole, transaction.told) {
            (true, Some(told)) => Some(told == Outcome::Committed),
            (true, None) if transaction.wanted => None,
            _ => Some(whole),
        })
    }

    /// Whether another producer with the same transactional id had been given a later epoch when it began.
    fn is_fenced(&self, plan: &Plan, transaction: &Transaction) -> bool {
        self.transactions.grants.iter().any(|grant| {
            grant.producer != transaction.producer
                && plan.id_of(grant.producer) == plan.id_of(transaction.producer)
                && grant.at < transaction.began
                && transaction.identity.is_some_and(|mine| {
                    mine.producer_id == grant.identity.producer_id
                        && mine.epoch < grant.identity.epoch
                })
        })
    }

    /// The offset of a group is that of the last transaction that committed one.
    fn check_offsets(
        &self,
        plan: &Plan,
        whole: &[Option<bool>],
        seen: &Seen,
        tally: &mut TransactionTally,
    ) -> Result<(), Violation> {
        let key = |transaction: &Transaction| {
            let id = plan.id_of(transaction.producer)?;
            Some((id, transaction.offsets?))
        };
        for (place, offset) in &seen.offsets {
            let number = usize::try_from(*offset).ok();
            let source = number.and_then(|number| {
                let transaction = self.transactions.all.get(number)?;
                Some((transaction, whole.get(number).copied().flatten()))
            });
            match source {
                Some((transaction, whole))
                    if key(transaction) == Some(*place) && whole != Some(false) => {}
                _ => {
                    return Err(Violation(format!(
                        "the offset of {place:?} is {offset}, which no committed transaction said"
                    )));
                }
            }
            tally.offsets += 1;
        }
        if seen.deleted.contains(&0) {
            // Offsets go with their topic.
            return Ok(());
        }
        for (number, transaction) in self.transactions.all.iter().enumerate() {
            let Some(key) = key(transaction) else {
                continue;
            };
            if whole.get(number) != Some(&Some(true)) {
                continue;
            }
            // Another producer's may come before or after it, but of one producer the later one counts.
            let latest = seen.offsets.get(&key).and_then(|offset| {
                let latest = usize::try_from(*offset).ok()?;
                Some((latest, self.transactions.all.get(latest)?.producer))
            });
            let holds = latest.is_some_and(|(latest, producer)| {
                producer != transaction.producer || latest >= number
            });
            if !holds {
                return Err(Violation(format!(
                    "transaction {number} is committed, but not its offset of {key:?}: {:?}",
                    seen.offsets.get(&key)
                )));
            }
        }
        Ok(())
    }
}

impl TransactionTally {
    /// Both together.
    pub(crate) const fn add(&mut self, other: &Self) {
        self.begun += other.begun;
        self.committed += other.committed;
        self.aborted += other.aborted;
        self.committed_untold += other.committed_untold;
        self.hidden += other.hidden;
        self.offsets += other.offsets;
        self.begun_fenced += other.begun_fenced;
    }
}
