//! What follows from a coordinator's answer, or from the lack of one.

use std::sync::Arc;

use milena_protocol::{
    ErrorCode, Str, end_txn::EndTxnResponse, find_coordinator::FindCoordinatorResponse,
    init_producer_id::InitProducerIdResponse, txn_offset_commit::TxnOffsetCommitResponse,
};

use super::{
    consequence::Consequence,
    manager::{Kind, Outcome, SHORT_WAIT, State, Transactions},
    offsets::Stage,
    question::{Answer, coordinator, partition_codes},
    trouble::Trouble,
};
use crate::{
    produce::{Cause, Identity, ProducerIdentity},
    time::Instant,
};

impl Transactions {
    /// The answer to the question that is on its way.
    pub fn handle_answer(&mut self, answer: &Answer, now: Instant, identity: &mut Identity) {
        let Some(kind) = self.asking.take() else {
            return;
        };
        if matches!(self.state, State::FatalError(_)) {
            return;
        }
        match (&kind, answer) {
            (Kind::FindCoordinator, Answer::FindCoordinator(response)) => {
                let key = self.id.clone();
                self.handle_found(&kind, key, response, now, identity);
            }
            (Kind::FindGroupCoordinator(group), Answer::FindCoordinator(response)) => {
                self.handle_found(&kind, group.clone(), response, now, identity);
            }
            (Kind::InitProducerId, Answer::InitProducerId(response)) => {
                self.handle_initialized(&kind, response, now, identity);
            }
            (Kind::AddPartitions, Answer::AddPartitionsToTxn(response)) => {
                let codes: Vec<_> = partition_codes(response).collect();
                self.handle_partitions(&kind, &codes, now, identity);
            }
            (Kind::AddOffsets, Answer::AddOffsetsToTxn(response)) => {
                self.handle_group(&kind, response.error_code, now, identity);
            }
            (Kind::CommitOffsets, Answer::TxnOffsetCommit(response)) => {
                self.handle_offsets(&kind, response, now, identity);
            }
            (Kind::End(outcome), Answer::EndTxn(response)) => {
                self.handle_ended(&kind, *outcome, response, now, identity);
            }
            // An answer to something else: as good as none.
            (_, _) => self.retry_elsewhere(&kind, "an answer to another question".into(), now),
        }
    }

    /// No answer came, or none that could be read.
    pub fn handle_lost(&mut self, cause: &Arc<str>, now: Instant) {
        if let Some(kind) = self.asking.take()
            && !matches!(self.state, State::FatalError(_))
        {
            self.retry_elsewhere(&kind, cause.clone(), now);
        }
    }

    /// The broker cannot be asked that.
    pub fn handle_unsupported(&mut self, why: &Arc<str>) {
        if let Some(kind) = self.asking.take() {
            let cause = Cause::Answer {
                code: ErrorCode::UNSUPPORTED_VERSION,
                message: Some(why.clone()),
            };
            self.end(Trouble {
                api: Some(kind.api()),
                cause,
            });
        }
    }

    fn retry_elsewhere(&mut self, kind: &Kind, cause: Arc<str>, now: Instant) {
        self.forget_coordinator(kind);
        let trouble = Trouble {
            api: Some(kind.api()),
            cause: Cause::Connection(cause),
        };
        self.retry(trouble, None, now);
    }

    fn forget_coordinator(&mut self, kind: &Kind) {
        match kind {
            Kind::FindCoordinator | Kind::FindGroupCoordinator(_) => {}
            Kind::CommitOffsets => self.group_coordinator = None,
            _ => self.coordinator = None,
        }
    }

    /// Does what an error code calls for. Says whether the question is settled: it will not be asked again.
    fn heed(
        &mut self,
        kind: &Kind,
        code: ErrorCode,
        now: Instant,
        identity: &mut Identity,
    ) -> bool {
        let trouble = Trouble::answer(kind.api(), code);
        match self.consequence(kind, code) {
            Consequence::Done => {
                self.handle_success();
                return true;
            }
            Consequence::Retry => {
                let first = *kind == Kind::AddPartitions
                    && identity
                        .enrolment()
                        .as_ref()
                        .is_some_and(|e| !e.has_begun());
                let soon = first && code == ErrorCode::CONCURRENT_TRANSACTIONS;
                self.retry(trouble, soon.then_some(SHORT_WAIT), now);
                return false;
            }
            Consequence::Relocate => {
                self.forget_coordinator(kind);
                self.retry(trouble, None, now);
                return false;
            }
            Consequence::Abortable => {
                self.bump = true;
                self.spoil(trouble, identity);
            }
            Consequence::Fatal => self.end(trouble),
        }
        true
    }

    fn handle_found(
        &mut self,
        kind: &Kind,
        key: Str,
        response: &FindCoordinatorResponse,
        now: Instant,
        identity: &mut Identity,
    ) {
        match coordinator(response, &key) {
            Ok(node) => {
                if *kind == Kind::FindCoordinator {
                    self.coordinator = Some(node);
                } else {
                    self.group_coordinator = Some((key, node));
                }
            }
            Err(code) => {
                self.heed(kind, code, now, identity);
            }
        }
    }

    fn handle_initialized(
        &mut self,
        kind: &Kind,
        response: &InitProducerIdResponse,
        now: Instant,
        identity: &mut Identity,
    ) {
        if response.error_code.is_err() {
            self.heed(kind, response.error_code, now, identity);
            return;
        }
        let (id, epoch) = (response.producer_id, response.producer_epoch);
        let Some(granted) = ProducerIdentity::from_wire(id, epoch) else {
            let cause = Cause::Connection("the coordinator gave no producer id".into());
            let api = Some(kind.api());
            return self.end(Trouble { api, cause });
        };
        identity.handle_granted(granted);
        self.handle_success();
        self.bump = false;
        self.state = State::Ready;
    }

    fn handle_partitions(
        &mut self,
        kind: &Kind,
        codes: &[ErrorCode],
        now: Instant,
        identity: &mut Identity,
    ) {
        // The coordinator adds all or none. One that is refused for good decides over the others.
        let worst = codes
            .iter()
            .copied()
            .max_by_key(|code| self.consequence(kind, *code));
        // An answer without partitions says nothing.
        let code = worst.unwrap_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
        if !self.heed(kind, code, now, identity) {
            return;
        }
        if let Some(enrolment) = identity.enrolment() {
            if code.is_err() {
                enrolment.handle_refused();
            } else {
                enrolment.handle_added();
            }
        }
    }

    fn handle_group(
        &mut self,
        kind: &Kind,
        code: ErrorCode,
        now: Instant,
        identity: &mut Identity,
    ) {
        if !self.heed(kind, code, now, identity) {
            return;
        }
        if code.is_err() || self.state == State::Aborting {
            self.commits.pop_front();
        } else if let Some(commit) = self.commits.front_mut() {
            commit.stage = Stage::Added;
        }
        if !code.is_err()
            && let Some(enrolment) = identity.enrolment()
        {
            enrolment.begin();
        }
    }

    fn handle_offsets(
        &mut self,
        kind: &Kind,
        response: &TxnOffsetCommitResponse,
        now: Instant,
        identity: &mut Identity,
    ) {
        if self.state == State::Aborting {
            // They are of no interest any more.
            return;
        }
        let Some(commit) = self.commits.front_mut() else {
            return;
        };
        let codes = commit.settle(response);
        let done = commit.is_done();
        let worst = codes
            .into_iter()
            .max_by_key(|code| self.consequence(kind, *code));
        match worst {
            Some(code) => {
                self.heed(kind, code, now, identity);
            }
            None if done => {
                self.handle_success();
                self.commits.pop_front();
                self.tickets_done += 1;
            }
            None => {
                let cause = Cause::Connection("the answer leaves partitions out".into());
                let api = Some(kind.api());
                self.retry(Trouble { api, cause }, None, now);
            }
        }
    }

    fn handle_ended(
        &mut self,
        kind: &Kind,
        outcome: Outcome,
        response: &EndTxnResponse,
        now: Instant,
        identity: &mut Identity,
    ) {
        if response.error_code.is_err() {
            self.heed(kind, response.error_code, now, identity);
            return;
        }
        let (id, epoch) = (response.producer_id, response.producer_epoch);
        if let Some(granted) = ProducerIdentity::from_wire(id, epoch) {
            identity.handle_granted(granted);
            self.bump = false;
        }
        self.complete(outcome, identity);
    }
}
