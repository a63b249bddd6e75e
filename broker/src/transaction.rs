//! One transactional id: who holds it, in which epoch, and how far its transaction is.
//!
//! These are the rules of Kafka's coordinator without anything around them. A transaction that is to end is first
//! *completing*: its end is decided and its markers are being written. Until then everything that would begin something
//! new is answered with CONCURRENT_TRANSACTIONS.
//!
//! In the first generation of the protocol an epoch lasts until somebody asks for another. In the second (KIP-890) each
//! transaction has an epoch of its own: ending one raises the epoch, and its markers carry the raised one, so nothing
//! that was sent late for the old transaction can enter the new one.

use std::collections::{BTreeMap, BTreeSet};

use milena_protocol::{ErrorCode, Str};

/// How far a transactional id's latest transaction is; the names are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransactionState {
    /// None was begun since the producer was initialized.
    Empty,
    /// It has partitions or groups.
    Ongoing,
    /// It is to be committed, and not all of its markers are written.
    PrepareCommit,
    /// It is to be aborted, and not all of its markers are written.
    PrepareAbort,
    /// It is committed.
    CompleteCommit,
    /// It is aborted.
    CompleteAbort,
}

/// How a transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Commit,
    Abort,
}

/// The two generations of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// `transaction.version` 0 and 1.
    First,
    /// `transaction.version` 2.
    Second,
}

/// What a transaction writes to, and gets a marker when it ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Participant {
    Partition(Str, i32),
    /// The offsets of a group.
    Group(Str),
}

impl Participant {
    pub(crate) fn group(id: &str) -> Self {
        // A copy: an id from a request must not keep the whole frame in memory.
        Self::Group(Str::from(id))
    }
}

/// A marker that is yet to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marker {
    /// When to go on with it.
    pub(crate) due: i64,
    /// It is on its way, and is written when due; otherwise it is sent then.
    pub(crate) is_sent: bool,
}

/// What has to be done to initialize a producer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Initialized {
    Done,
    /// The transaction of its predecessor has to be aborted first.
    MustAbort,
}

/// What has to be done to end a transaction.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It has ended like this: the request was a repetition.
    Already,
    Prepare,
}

/// The last epoch that a producer is ever given; the one behind it is for fencing that producer.
const LAST_EPOCH: i16 = i16::MAX - 1;
const NO_EPOCH: i16 = -1;

#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) state: TransactionState,
    pub(crate) participants: BTreeSet<Participant>,
    /// The participants that still wait for the end, while completing.
    pub(crate) markers: BTreeMap<Participant, Marker>,
    /// Id before the latest change, with which that change may be asked for again.
    previous_producer_id: i64,
    /// Epoch before the latest change, likewise; none if another producer made that change.
    last_epoch: i16,
    /// Id for the time after the transaction, when its epochs are used up.
    next_producer_id: Option<i64>,
    timeout_ms: i32,
    started: i64,
}

impl Transaction {
    pub(crate) fn new(producer_id: i64) -> Self {
        Self {
            producer_id,
            epoch: NO_EPOCH,
            state: TransactionState::Empty,
            participants: BTreeSet::new(),
            markers: BTreeMap::new(),
            previous_producer_id: -1,
            last_epoch: NO_EPOCH,
            next_producer_id: None,
            timeout_ms: 0,
            started: 0,
        }
    }

    /// Gives the id to a producer, in a new epoch. `expected` is the id and epoch of a producer that wants to go on
    /// (KIP-360); without, a new producer has come, and whoever was before it is fenced.
    pub(crate) fn initialize(
        &mut self,
        expected: Option<(i64, i16)>,
        timeout_ms: i32,
        new_id: impl FnOnce() -> i64,
    ) -> Result<Initialized, ErrorCode> {
        if self.is_completing() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let is_holder = |(id, epoch): (i64, i16)| {
            self.epoch == NO_EPOCH
                || id == self.producer_id
                || (id == self.previous_producer_id && epoch >= LAST_EPOCH)
        };
        if !expected.is_none_or(is_holder) {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        if self.state == TransactionState::Ongoing {
            return Ok(Initialized::MustAbort);
        }
        let last_epoch = match expected {
            None => NO_EPOCH,
            Some((_, epoch)) if self.epoch == NO_EPOCH || epoch == self.epoch => self.epoch,
            // A repetition: what it asked for happened.
            Some((_, epoch)) if epoch == self.last_epoch => {
                self.begin_anew(timeout_ms);
                return Ok(Initialized::Done);
            }
            Some(_) => return Err(ErrorCode::PRODUCER_FENCED),
        };
        self.previous_producer_id = self.producer_id;
        self.last_epoch = last_epoch;
        if self.epoch >= LAST_EPOCH {
            self.producer_id = new_id();
            self.epoch = 0;
        } else {
            self.epoch += 1;
        }
        self.begin_anew(timeout_ms);
        Ok(Initialized::Done)
    }

    fn begin_anew(&mut self, timeout_ms: i32) {
        self.state = TransactionState::Empty;
        self.timeout_ms = timeout_ms;
    }

    /// Whether a producer may add to its transaction, or begin one by that.
    pub(crate) fn check_add(&self, producer_id: i64, epoch: i16) -> Result<(), ErrorCode> {
        // Before the id and the epoch, which may be the ones that hold once the transaction is complete.
        if self.is_completing() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        self.check_holder(producer_id, epoch)
    }

    /// Whether a participant is in the producer's transaction.
    pub(crate) fn check_has(
        &self,
        producer_id: i64,
        epoch: i16,
        participant: &Participant,
    ) -> Result<(), ErrorCode> {
        self.check_holder(producer_id, epoch)?;
        if self.is_completing() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        match self.participants.contains(participant) {
            true => Ok(()),
            false => Err(ErrorCode::TRANSACTION_ABORTABLE),
        }
    }

    fn check_holder(&self, producer_id: i64, epoch: i16) -> Result<(), ErrorCode> {
        if self.producer_id != producer_id {
            Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING)
        } else if self.epoch != epoch {
            Err(ErrorCode::PRODUCER_FENCED)
        } else {
            Ok(())
        }
    }

    /// Adds to the transaction what [`check_add`](Self::check_add) allowed. Gives the time at which it will have run
    /// for too long, if it began with this.
    pub(crate) fn add(
        &mut self,
        participants: impl IntoIterator<Item = Participant>,
        now: i64,
    ) -> Option<i64> {
        self.participants.extend(participants);
        let begins = self.state != TransactionState::Ongoing;
        if begins {
            self.state = TransactionState::Ongoing;
            self.started = now;
        }
        begins.then(|| self.deadline())
    }

    /// The last moment at which the transaction has not run for too long.
    pub(crate) fn deadline(&self) -> i64 {
        self.started.saturating_add(i64::from(self.timeout_ms))
    }

    /// Whether and how the transaction can end as its producer asks for.
    pub(crate) fn check_end(
        &self,
        producer_id: i64,
        epoch: i16,
        outcome: Outcome,
        generation: Generation,
    ) -> Result<End, ErrorCode> {
        match generation {
            Generation::First => self.check_end_first(producer_id, epoch, outcome),
            Generation::Second => self.check_end_second(producer_id, epoch, outcome),
        }
    }

    fn check_end_first(
        &self,
        producer_id: i64,
        epoch: i16,
        outcome: Outcome,
    ) -> Result<End, ErrorCode> {
        self.check_holder(producer_id, epoch)?;
        match self.state {
            _ if self.is_completing() => Err(ErrorCode::CONCURRENT_TRANSACTIONS),
            TransactionState::Ongoing => Ok(End::Prepare),
            state if state == outcome.complete() => Ok(End::Already),
            _ => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    /// The epoch tells a repetition from the end of the next transaction: it is the one before.
    fn check_end_second(
        &self,
        producer_id: i64,
        epoch: i16,
        outcome: Outcome,
    ) -> Result<End, ErrorCode> {
        if self.is_completing() {
            return Err(ErrorCode::CONCURRENT_TRANSACTIONS);
        }
        let is_complete = self.state.outcome().is_some();
        let was_last = epoch == LAST_EPOCH
            && self.epoch == 0
            && self.previous_producer_id == producer_id
            && self.producer_id != producer_id;
        let is_repetition = is_complete && (was_last || epoch.checked_add(1) == Some(self.epoch));
        if self.producer_id != producer_id && !was_last {
            return Err(ErrorCode::INVALID_PRODUCER_ID_MAPPING);
        }
        if !is_repetition && epoch != self.epoch {
            return Err(ErrorCode::PRODUCER_FENCED);
        }
        match (self.state, outcome) {
            (TransactionState::Ongoing, _) => Ok(End::Prepare),
            (state, outcome) if is_repetition && state == outcome.complete() => Ok(End::Already),
            // One that has nothing in it yet can be aborted all the same, which a client does that does not know
            // whether anything of it arrived.
            (_, Outcome::Abort) if !is_repetition => Ok(End::Prepare),
            _ => Err(ErrorCode::INVALID_TXN_STATE),
        }
    }

    /// Decides the end. From now on the transaction is completing.
    pub(crate) fn prepare(
        &mut self,
        outcome: Outcome,
        generation: Generation,
        now: i64,
        new_id: impl FnOnce() -> i64,
    ) {
        if generation == Generation::Second {
            if self.epoch >= LAST_EPOCH {
                self.next_producer_id = Some(new_id());
            }
            self.raise_epoch();
        }
        self.begin_completing(outcome, now);
    }

    /// Decides that the transaction is aborted without its producer, whose epoch ends with it. In the second generation
    /// that is what its own abort does, too, and it may go on when it hears of that.
    pub(crate) fn fence(&mut self, generation: Generation, now: i64) {
        self.raise_epoch();
        if generation == Generation::First {
            self.last_epoch = NO_EPOCH;
        }
        self.begin_completing(Outcome::Abort, now);
    }

    fn raise_epoch(&mut self) {
        self.last_epoch = self.epoch;
        self.epoch = self.epoch.saturating_add(1);
    }

    fn begin_completing(&mut self, outcome: Outcome, now: i64) {
        self.state = match outcome {
            Outcome::Commit => TransactionState::PrepareCommit,
            Outcome::Abort => TransactionState::PrepareAbort,
        };
        let marker = Marker {
            due: now,
            is_sent: false,
        };
        self.markers = std::mem::take(&mut self.participants)
            .into_iter()
            .map(|participant| (participant, marker))
            .collect();
    }

    /// Ends the transaction, all of whose markers are written.
    pub(crate) fn complete(&mut self) {
        let (producer_id, epoch) = self.holder_after();
        if self.next_producer_id.take().is_some() {
            self.previous_producer_id = self.producer_id;
        }
        (self.producer_id, self.epoch) = (producer_id, epoch);
        self.state = match self.state {
            TransactionState::PrepareCommit => TransactionState::CompleteCommit,
            _ => TransactionState::CompleteAbort,
        };
    }

    /// Id and epoch that hold once the transaction is complete.
    pub(crate) fn holder_after(&self) -> (i64, i16) {
        match self.next_producer_id {
            Some(next) => (next, 0),
            None => (self.producer_id, self.epoch),
        }
    }

    pub(crate) fn is_completing(&self) -> bool {
        matches!(
            self.state,
            TransactionState::PrepareCommit | TransactionState::PrepareAbort
        )
    }
}

impl TransactionState {
    /// How it ended, if it has.
    fn outcome(self) -> Option<Outcome> {
        match self {
            Self::CompleteCommit => Some(Outcome::Commit),
            Self::CompleteAbort => Some(Outcome::Abort),
            _ => None,
        }
    }
}

impl Outcome {
    fn complete(self) -> TransactionState {
        match self {
            Self::Commit => TransactionState::CompleteCommit,
            Self::Abort => TransactionState::CompleteAbort,
        }
    }
}

#[cfg(test)]
mod tests;
