//! The state of one transactional id, and what is to be done next.

use std::{collections::VecDeque, time::Duration};

use milena_protocol::{
    ApiKey, ErrorCode, Str, add_offsets_to_txn::AddOffsetsToTxnRequest, end_txn::EndTxnRequest,
    init_producer_id::InitProducerIdRequest,
};

use super::{
    consequence::{self, Consequence},
    offsets::{Commit, Group, Offset, Stage, Ticket},
    question::{Outbound, Question, add_partitions},
    trouble::Trouble,
};
use crate::{
    backoff::{Backoff, Rng},
    cluster::NodeId,
    produce::{Cause, Enrolment, Failure, Generation, Identity, Reason},
    time::Instant,
};

/// Wait before the first partitions of a transaction are asked for again while the coordinator still completes the
/// transaction before it, which takes a moment and happens often.
pub(super) const SHORT_WAIT: Duration = Duration::from_millis(20);

/// The state machine of one transactional id.
///
/// - Wanted: [`initialize`](Self::initialize), [`begin`](Self::begin), [`send_offsets`](Self::send_offsets),
///   [`commit`](Self::commit), [`abort`](Self::abort), [`release`](Self::release).
/// - Happened: [`handle_answer`](Self::handle_answer), [`handle_lost`](Self::handle_lost),
///   [`handle_unsupported`](Self::handle_unsupported), [`handle_drained`](Self::handle_drained),
///   [`handle_batch_failed`](Self::handle_batch_failed), [`handle_record_refused`](Self::handle_record_refused).
/// - To do: [`poll_question`](Self::poll_question), [`duty`](Self::duty), [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Transactions {
    pub(super) id: Str,
    timeout_ms: i32,
    backoff: Backoff,
    rng: Rng,
    pub(super) state: State,
    /// Counts transactions.
    serial: u64,
    last: Option<(u64, Outcome)>,
    generation: Option<Generation>,
    pub(super) coordinator: Option<NodeId>,
    pub(super) group_coordinator: Option<(Str, NodeId)>,
    pub(super) commits: VecDeque<Commit>,
    tickets: u64,
    pub(super) tickets_done: u64,
    /// Nothing of the transaction is queued or in flight any more.
    drained: bool,
    /// The epoch has to change before the next transaction: sequence numbers were used that may never be stored.
    pub(super) bump: bool,
    /// The coordinator was asked to commit the transaction, and may have done so.
    may_be_committed: bool,
    /// Nobody holds the transaction that is being committed.
    unattended: bool,
    /// Why a commit that nobody waited for failed.
    untold: Option<Trouble>,
    pub(super) asking: Option<Kind>,
    attempts: u32,
    not_before: Instant,
    /// What the last question without success came to.
    hindrance: Option<Trouble>,
}

/// What a producer of transactions is at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was asked yet.
    Uninitialized,
    /// It waits for a producer id, or for its next epoch.
    Initializing,
    /// A transaction can begin.
    Ready,
    /// A transaction is open.
    InTransaction,
    /// A transaction is being committed.
    Committing,
    /// A transaction is being aborted.
    Aborting,
    /// The transaction can only be aborted.
    AbortableError(Trouble),
    /// Nothing can be done any more.
    FatalError(Trouble),
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is stored, and readers of committed records will see it.
    Committed,
    /// None of it counts.
    Aborted,
}

/// Why something will not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoiled {
    /// The transaction has to be aborted.
    Abortable(Trouble),
    /// The producer has ended.
    Fatal(Trouble),
}

/// What is to be done with the records that were accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Send everything, and wait until it is settled.
    Flush,
    /// Give up what is not in flight, and wait for the rest.
    Discard,
}

/// A question that is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    FindCoordinator,
    FindGroupCoordinator(Str),
    InitProducerId,
    AddPartitions,
    AddOffsets,
    CommitOffsets,
    End(Outcome),
}

impl Kind {
    pub(super) const fn api(&self) -> ApiKey {
        match self {
            Self::FindCoordinator | Self::FindGroupCoordinator(_) => ApiKey::FIND_COORDINATOR,
            Self::InitProducerId => ApiKey::INIT_PRODUCER_ID,
            Self::AddPartitions => ApiKey::ADD_PARTITIONS_TO_TXN,
            Self::AddOffsets => ApiKey::ADD_OFFSETS_TO_TXN,
            Self::CommitOffsets => ApiKey::TXN_OFFSET_COMMIT,
            Self::End(_) => ApiKey::END_TXN,
        }
    }
}

// What is.
impl Transactions {
    /// A transactional id of which nothing is known. `seed` is for the jitter of retries.
    pub fn new(id: Str, timeout: Duration, backoff: Backoff, seed: u64) -> Self {
        Self {
            id,
            timeout_ms: i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX),
            backoff,
            rng: Rng::new(seed),
            state: State::Uninitialized,
            serial: 0,
            last: None,
            generation: None,
            coordinator: None,
            group_coordinator: None,
            commits: VecDeque::new(),
            tickets: 0,
            tickets_done: 0,
            drained: false,
            bump: false,
            may_be_committed: false,
            unattended: false,
            untold: None,
            asking: None,
            attempts: 0,
            not_before: Instant::ZERO,
            hindrance: None,
        }
    }

    /// What the producer is at.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Whether nothing has to be done any more until a transaction begins.
    pub const fn is_idle(&self) -> bool {
        matches!(
            self.state,
            State::Uninitialized | State::Ready | State::FatalError(_)
        )
    }

    /// What the transaction, or the producer, has failed by.
    pub const fn trouble(&self) -> Option<&Trouble> {
        match &self.state {
            State::AbortableError(trouble) | State::FatalError(trouble) => Some(trouble),
            // Nobody waited for it to be committed.
            State::Aborting => self.untold.as_ref(),
            _ => None,
        }
    }

    /// What last kept a coordinator from being asked successfully, for those who give up waiting.
    pub const fn hindrance(&self) -> Option<&Trouble> {
        self.hindrance.as_ref()
    }

    /// How transaction number `serial` ended; `None` while it has not.
    pub fn outcome(&self, serial: u64) -> Result<Option<Outcome>, Spoiled> {
        match self.last {
            Some((last, outcome)) if last >= serial => Ok(Some(outcome)),
            _ => self.sound().map(|()| None),
        }
    }

    /// Whether the offsets of that call are part of the transaction.
    pub fn has_offsets(&self, ticket: Ticket) -> Result<bool, Spoiled> {
        if ticket.0 <= self.tickets_done {
            return Ok(true);
        }
        self.sound().map(|()| false)
    }

    fn sound(&self) -> Result<(), Spoiled> {
        match &self.state {
            State::AbortableError(trouble) => Err(Spoiled::Abortable(trouble.clone())),
            State::FatalError(trouble) => Err(Spoiled::Fatal(trouble.clone())),
            _ => Ok(()),
        }
    }
}

// What is wanted.
impl Transactions {
    /// Asks for a producer id. What a former producer with the same transactional id left open is aborted by that, and
    /// the former producer is fenced.
    pub fn initialize(&mut self) {
        if self.state == State::Uninitialized {
            self.state = State::Initializing;
        }
    }

    /// Begins a transaction, and returns its number; `None` while the one before is not over yet.
    ///
    /// If nobody waited for the end of the one before, and it failed, that is told now.
    pub fn begin(
        &mut self,
        generation: Generation,
        identity: &mut Identity,
    ) -> Result<Option<u64>, Spoiled> {
        if let Some(trouble) = self.untold.take() {
            return Err(Spoiled::Abortable(trouble));
        }
        self.sound()?;
        if self.state != State::Ready {
            return Ok(None);
        }
        let before = self.generation.replace(generation);
        if before == Some(Generation::Explicit) && generation == Generation::Implicit {
            // What may still be on its way from before goes by the old rules, and is told from the new by its epoch.
            self.state = State::Initializing;
            return Ok(None);
        }
        self.serial += 1;
        self.state = State::InTransaction;
        self.drained = false;
        self.may_be_committed = false;
        self.unattended = false;
        self.tickets_done = self.tickets;
        *identity.enrolment() = Some(Enrolment::new(generation));
        Ok(Some(self.serial))
    }

    /// Makes offsets part of the transaction.
    pub fn send_offsets(&mut self, group: Group, offsets: Vec<Offset>) -> Result<Ticket, Spoiled> {
        self.sound()?;
        self.tickets += 1;
        if self.state == State::InTransaction {
            self.commits.push_back(Commit::new(group, offsets));
        }
        Ok(Ticket(self.tickets))
    }

    /// Decides to commit the transaction. Nothing changes that any more, unless it turns out to be impossible.
    pub fn commit(&mut self) {
        if self.state == State::InTransaction {
            self.state = State::Committing;
        }
    }

    /// Decides to abort the transaction, unless it is decided already how it ends.
    pub fn abort(&mut self, identity: &mut Identity) {
        if matches!(self.state, State::InTransaction | State::AbortableError(_)) {
            self.start_abort(identity);
        }
    }

    /// Nobody holds the transaction any more: it is aborted, unless it is being committed.
    pub fn release(&mut self, identity: &mut Identity) {
        if self.state == State::Committing {
            self.unattended = true;
        } else {
            self.abort(identity);
        }
    }

    fn start_abort(&mut self, identity: &mut Identity) {
        self.state = State::Aborting;
        if let Some(enrolment) = identity.enrolment() {
            enrolment.forget_wanted();
        }
        // Whether a group was added has to be known, or nobody would tell the coordinator of the end.
        let unsure = |commit: &Commit| commit.stage == Stage::Asked;
        self.commits.retain(unsure);
    }
}

// What happened.
impl Transactions {
    /// A duty is done.
    pub fn handle_drained(&mut self, duty: Duty) {
        if self.duty() == Some(duty) {
            self.drained = true;
        }
    }

    /// A batch was given up.
    pub fn handle_batch_failed(&mut self, failure: &Failure, identity: &mut Identity) {
        // No later batch can be stored under the same epoch.
        self.bump |= failure.numbered;
        let cause = match (&failure.reason, &failure.cause) {
            (Reason::Aborted | Reason::Closed, _) => return,
            (Reason::Refused(code), cause) => {
                let message = match cause {
                    Some(Cause::Answer { message, .. }) => message.clone(),
                    _ => None,
                };
                let code = *code;
                Cause::Answer { code, message }
            }
            (_, Some(Cause::Connection(last))) => {
                Cause::Connection(format!("a record was not delivered: {last}").into())
            }
            (_, Some(Cause::Answer { code, .. })) => {
                Cause::Connection(format!("a record was not delivered: {code}").into())
            }
            (_, None) => Cause::Connection("a record was not delivered in time".into()),
        };
        let api = Some(ApiKey::PRODUCE);
        let trouble = Trouble { api, cause };
        if consequence::of_failure(&failure.reason) == Consequence::Fatal {
            self.end(trouble);
        } else {
            self.spoil(trouble, identity);
        }
    }

    /// A record was not accepted, though the caller meant it to be part of the transaction.
    pub fn handle_record_refused(&mut self, trouble: Trouble, identity: &mut Identity) {
        self.spoil(trouble, identity);
    }

    /// The transaction cannot be committed.
    pub(super) fn spoil(&mut self, trouble: Trouble, identity: &mut Identity) {
        match self.state {
            State::Committing if self.unattended => {
                self.drained = false;
                self.untold = Some(trouble);
                self.start_abort(identity);
            }
            State::InTransaction | State::Committing => {
                self.drained = false;
                self.state = State::AbortableError(trouble);
            }
            // It is spoilt already, or over.
            _ => {}
        }
    }

    /// The producer can do nothing any more.
    pub(super) fn end(&mut self, trouble: Trouble) {
        if !matches!(self.state, State::FatalError(_)) {
            self.drained = false;
            self.commits.clear();
            self.state = State::FatalError(trouble);
        }
    }

    /// The transaction is over.
    pub(super) fn complete(&mut self, outcome: Outcome, identity: &mut Identity) {
        *identity.enrolment() = None;
        self.last = Some((self.serial, outcome));
        self.commits.clear();
        self.handle_success();
        self.state = if self.bump {
            State::Initializing
        } else {
            State::Ready
        };
    }

    pub(super) fn handle_success(&mut self) {
        self.hindrance = None;
        self.attempts = 0;
    }

    pub(super) fn retry(&mut self, trouble: Trouble, wait: Option<Duration>, now: Instant) {
        let wait = wait.unwrap_or_else(|| self.backoff.delay(self.attempts, &mut self.rng));
        self.attempts = self.attempts.saturating_add(1);
        self.not_before = now + wait;
        self.hindrance = Some(trouble);
    }
}

// What is to be done.
impl Transactions {
    /// What is to be done with the records; [`handle_drained`](Self::handle_drained) when it is done. One duty may turn
    /// into another.
    pub const fn duty(&self) -> Option<Duty> {
        match self.state {
            _ if self.drained => None,
            State::Committing => Some(Duty::Flush),
            State::Aborting | State::AbortableError(_) | State::FatalError(_) => {
                Some(Duty::Discard)
            }
            State::Uninitialized | State::Initializing | State::Ready | State::InTransaction => {
                None
            }
        }
    }

    /// The next question to ask, if there is any. None is given while one is on its way.
    pub fn poll_question(&mut self, now: Instant, identity: &mut Identity) -> Option<Outbound> {
        if self.asking.is_some() {
            return None;
        }
        let kind = self.next(identity)?;
        if let Kind::End(outcome) = kind
            && !identity
                .enrolment()
                .as_ref()
                .is_some_and(Enrolment::has_begun)
        {
            // No broker knows of it.
            self.complete(outcome, identity);
            return self.poll_question(now, identity);
        }
        let kind = self.led(kind);
        if now < self.not_before {
            return None;
        }
        let to = match &kind {
            Kind::FindCoordinator | Kind::FindGroupCoordinator(_) => None,
            Kind::CommitOffsets => self.group_coordinator.as_ref().map(|(_, node)| *node),
            _ => self.coordinator,
        };
        let question = self.question(&kind, identity)?;
        let generation = self.generation.unwrap_or(Generation::Explicit);
        let max_version = question.max_version(generation);
        self.asking = Some(kind);
        Some(Outbound {
            to,
            question,
            max_version,
        })
    }

    /// When [`poll_question`](Self::poll_question) may have something without anything else happening.
    pub fn poll_timeout(&self, identity: &mut Identity) -> Option<Instant> {
        (self.asking.is_none() && self.next(identity).is_some()).then_some(self.not_before)
    }

    /// What is to be asked for next, whoever answers it.
    fn next(&self, identity: &mut Identity) -> Option<Kind> {
        let enrolment = identity.enrolment().as_ref();
        let asking = enrolment.is_some_and(Enrolment::is_asking);
        let end = |outcome| self.drained.then_some(Kind::End(outcome));
        match self.state {
            State::Initializing => Some(Kind::InitProducerId),
            State::InTransaction | State::Committing => {
                if asking || enrolment.is_some_and(Enrolment::wants) {
                    return Some(Kind::AddPartitions);
                }
                let explicit = self.generation != Some(Generation::Implicit);
                match self.commits.front() {
                    Some(commit) if explicit && commit.stage != Stage::Added => {
                        Some(Kind::AddOffsets)
                    }
                    Some(_) => Some(Kind::CommitOffsets),
                    None if self.state == State::Committing => end(Outcome::Committed),
                    None => None,
                }
            }
            State::Aborting if asking => Some(Kind::AddPartitions),
            State::Aborting if !self.commits.is_empty() => Some(Kind::AddOffsets),
            State::Aborting => end(Outcome::Aborted),
            State::Uninitialized
            | State::Ready
            | State::AbortableError(_)
            | State::FatalError(_) => None,
        }
    }

    /// The same, or the question for the coordinator where that is not known.
    fn led(&self, kind: Kind) -> Kind {
        match (&kind, self.commits.front()) {
            (Kind::CommitOffsets, Some(commit)) => {
                let known = self.group_coordinator.as_ref();
                if known.is_some_and(|(group, _)| *group == commit.group.id) {
                    kind
                } else {
                    Kind::FindGroupCoordinator(commit.group.id.clone())
                }
            }
            _ if self.coordinator.is_none() => Kind::FindCoordinator,
            _ => kind,
        }
    }

    fn question(&mut self, kind: &Kind, identity: &mut Identity) -> Option<Question> {
        let current = identity.current();
        Some(match kind {
            Kind::FindCoordinator => Question::FindCoordinator {
                key: self.id.clone(),
                key_type: 1,
            },
            Kind::FindGroupCoordinator(group) => Question::FindCoordinator {
                key: group.clone(),
                key_type: 0,
            },
            Kind::InitProducerId => Question::InitProducerId(InitProducerIdRequest {
                transactional_id: Some(self.id.clone()),
                transaction_timeout_ms: self.timeout_ms,
                producer_id: current.map_or(-1, |identity| identity.producer_id),
                producer_epoch: current.map_or(-1, |identity| identity.epoch),
                ..Default::default()
            }),
            Kind::AddPartitions => {
                let partitions = identity.enrolment().as_mut()?.ask();
                add_partitions(&self.id, current?, partitions)
            }
            Kind::AddOffsets => {
                let commit = self.commits.front_mut()?;
                commit.stage = Stage::Asked;
                let current = current?;
                Question::AddOffsetsToTxn(AddOffsetsToTxnRequest {
                    transactional_id: self.id.clone(),
                    producer_id: current.producer_id,
                    producer_epoch: current.epoch,
                    group_id: commit.group.id.clone(),
                    ..Default::default()
                })
            }
            Kind::CommitOffsets => {
                // A coordinator of the newer generation may make the group part of the transaction by this.
                identity.enrolment().as_mut()?.begin();
                Question::TxnOffsetCommit(self.commits.front()?.request(&self.id, current?))
            }
            Kind::End(outcome) => {
                let current = current?;
                self.may_be_committed |= *outcome == Outcome::Committed;
                Question::EndTxn(EndTxnRequest {
                    transactional_id: self.id.clone(),
                    producer_id: current.producer_id,
                    producer_epoch: current.epoch,
                    committed: *outcome == Outcome::Committed,
                    ..Default::default()
                })
            }
        })
    }

    /// What `code` means as an answer to `kind`.
    pub(super) fn consequence(&self, kind: &Kind, code: ErrorCode) -> Consequence {
        match consequence::of_answer(kind.api(), code, self.state == State::Aborting) {
            // Whether it is committed, its coordinator alone can tell, once that is found.
            Consequence::Abortable if *kind == Kind::FindCoordinator && self.may_be_committed => {
                Consequence::Retry
            }
            consequence => consequence,
        }
    }
}
