//! The program around a producer of transactions: it begins one after the other, appends records, and ends them.

use std::collections::VecDeque;

use milena_engine::{
    time::Instant,
    transaction::{Group, Offset, Outcome, Spoiled, Ticket, Trouble},
};
use milena_protocol::Str;

use super::{Around, Producer};
use crate::{
    ledger::{TransactionNumber, Violation},
    plan::{End, Plan, TransactionPlan, TransactionsPlan},
};

/// Where the program is.
#[derive(Debug)]
pub(super) struct Application {
    script: VecDeque<TransactionPlan>,
    stage: Stage,
    topic: Str,
    group: Str,
    /// The transaction that was committed without waiting for that.
    left: Option<Open>,
}

/// A transaction, as the engine and as the ledger count it.
#[derive(Clone, Copy, Debug)]
struct Open {
    serial: u64,
    number: TransactionNumber,
}

#[derive(Clone, Debug)]
enum Stage {
    /// The producer is not started yet.
    Starting(Instant),
    /// It does something else until then.
    Resting(Instant),
    /// It wants to begin the next.
    Beginning,
    /// Records are appended.
    Appending(Open, TransactionPlan),
    /// It waits for the offsets.
    Offsets(Open, Ticket, End),
    /// It waits for the end.
    Ending(Open, Outcome),
    Over,
}

impl Application {
    pub(super) fn new(plan: &TransactionsPlan, topic: &str) -> Self {
        Self {
            script: plan.script.iter().cloned().collect(),
            stage: Stage::Starting(Instant::ZERO + plan.starts),
            topic: Str::from(topic),
            group: Str::from(Plan::transactional_id(plan.id).as_str()),
            left: None,
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Starting(at) | Stage::Resting(at) => Some(at),
            _ => None,
        }
    }

    /// The transaction whose records are appended.
    pub(super) const fn current(&self) -> Option<TransactionNumber> {
        match &self.stage {
            Stage::Appending(open, _) => Some(open.number),
            _ => None,
        }
    }

    /// What comes after a transaction.
    fn next(&self, now: Instant) -> Stage {
        match self.script.front() {
            Some(next) => Stage::Resting(now + next.after),
            None => Stage::Over,
        }
    }
}

impl Producer {
    /// Goes on with the script as far as it goes.
    pub(super) fn apply_script(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        loop {
            let Some(coordination) = &self.coordination else {
                return Ok(());
            };
            let stage = coordination.application.stage.clone();
            let next = match stage {
                Stage::Starting(at) | Stage::Resting(at) if at > around.now() => None,
                Stage::Starting(_) => self.start(around),
                Stage::Resting(_) => Some(Stage::Beginning),
                Stage::Beginning => self.begin(around)?,
                Stage::Appending(open, plan) => self.append_all(open, &plan, around)?,
                Stage::Offsets(open, ticket, end) => {
                    self.await_offsets(open, ticket, end, around)?
                }
                Stage::Ending(open, wanted) => self.await_end(open, wanted, around)?,
                Stage::Over => None,
            };
            let (Some(next), Some(coordination)) = (next, &mut self.coordination) else {
                return Ok(());
            };
            let index = self.index;
            around.note(|| format!("producer {index}: {next:?}"));
            coordination.application.stage = next;
            self.busy = true;
        }
    }

    fn start(&mut self, around: &Around<'_>) -> Option<Stage> {
        let coordination = self.coordination.as_mut()?;
        coordination.transactions.initialize();
        Some(coordination.application.next(around.now()))
    }

    fn begin(&mut self, around: &mut Around<'_>) -> Result<Option<Stage>, Violation> {
        let Some(coordination) = &mut self.coordination else {
            return Ok(None);
        };
        let generation = self.features.generation();
        let begun = coordination
            .transactions
            .begin(generation, &mut self.identity);
        match begun {
            Ok(None) => Ok(None),
            Ok(Some(serial)) => {
                if let Some(left) = coordination.application.left.take() {
                    let outcome = coordination.transactions.outcome(left.serial);
                    if !matches!(outcome, Ok(Some(Outcome::Committed))) {
                        return Err(Violation(format!(
                            "transaction {} was left to be committed, and nobody heard that it came to {outcome:?}",
                            left.number
                        )));
                    }
                    around.ledger.tell(left.number, Outcome::Committed)?;
                }
                let Some(plan) = coordination.application.script.pop_front() else {
                    return Ok(Some(Stage::Over));
                };
                let now = around.now();
                let number = around
                    .ledger
                    .begin(self.index, self.identity.current(), now);
                self.hand_out(&plan.records, around);
                let open = Open { serial, number };
                Ok(Some(Stage::Appending(open, plan)))
            }
            Err(Spoiled::Abortable(_)) => {
                if let Some(left) = coordination.application.left.take() {
                    around.ledger.tell(left.number, Outcome::Aborted)?;
                }
                Ok(Some(Stage::Beginning))
            }
            Err(Spoiled::Fatal(_)) => Ok(Some(Stage::Over)),
        }
    }

    fn append_all(
        &mut self,
        open: Open,
        plan: &TransactionPlan,
        around: &mut Around<'_>,
    ) -> Result<Option<Stage>, Violation> {
        let Some(coordination) = &mut self.coordination else {
            return Ok(None);
        };
        if !coordination.is_open() {
            // A record failed. The program finds out when it wants to go on.
            self.dismiss_callers();
            return self.finish_transaction(open, plan.end, around);
        }
        if !self.callers.iter().all(super::callers::Caller::is_done) {
            return Ok(None);
        }
        let Some(partition) = plan.offsets else {
            return self.finish_transaction(open, plan.end, around);
        };
        around.ledger.with_offsets(open.number, partition);
        let application = &coordination.application;
        let group = Group {
            id: application.group.clone(),
            generation: -1,
            member: Str::default(),
            instance: None,
        };
        let offset = Offset {
            topic: application.topic.clone(),
            partition,
            offset: i64::try_from(open.number).unwrap_or(i64::MAX),
            leader_epoch: -1,
            metadata: None,
        };
        match coordination.transactions.send_offsets(group, vec![offset]) {
            Ok(ticket) if plan.awaits_offsets => Ok(Some(Stage::Offsets(open, ticket, plan.end))),
            _ => self.finish_transaction(open, plan.end, around),
        }
    }

    fn await_offsets(
        &mut self,
        open: Open,
        ticket: Ticket,
        end: End,
        around: &mut Around<'_>,
    ) -> Result<Option<Stage>, Violation> {
        let transactions = self.coordination.as_ref().map(|c| &c.transactions);
        match transactions.map(|transactions| transactions.has_offsets(ticket)) {
            Some(Ok(false)) | None => Ok(None),
            Some(_) => self.finish_transaction(open, end, around),
        }
    }

    /// The program ends its transaction, whatever became of it.
    fn finish_transaction(
        &mut self,
        open: Open,
        end: End,
        around: &mut Around<'_>,
    ) -> Result<Option<Stage>, Violation> {
        let Some(coordination) = &mut self.coordination else {
            return Ok(None);
        };
        let is_open = coordination.is_open();
        let transactions = &mut coordination.transactions;
        match end {
            End::Commit => {
                around.ledger.want(open.number);
                transactions.commit();
                Ok(Some(Stage::Ending(open, Outcome::Committed)))
            }
            End::Abort => {
                transactions.abort(&mut self.identity);
                Ok(Some(Stage::Ending(open, Outcome::Aborted)))
            }
            End::CommitAndLeave if is_open => {
                around.ledger.want(open.number);
                transactions.commit();
                transactions.release(&mut self.identity);
                coordination.application.left = Some(open);
                Ok(Some(coordination.application.next(around.now())))
            }
            End::Drop | End::CommitAndLeave => {
                transactions.release(&mut self.identity);
                around.ledger.tell(open.number, Outcome::Aborted)?;
                Ok(Some(coordination.application.next(around.now())))
            }
        }
    }

    fn await_end(
        &mut self,
        open: Open,
        wanted: Outcome,
        around: &mut Around<'_>,
    ) -> Result<Option<Stage>, Violation> {
        let Some(coordination) = &mut self.coordination else {
            return Ok(None);
        };
        match coordination.transactions.outcome(open.serial) {
            Ok(None) => Ok(None),
            Ok(Some(outcome)) if outcome == wanted => {
                around.ledger.tell(open.number, outcome)?;
                Ok(Some(coordination.application.next(around.now())))
            }
            Ok(Some(outcome)) => Err(Violation(format!(
                "transaction {} was to be {wanted:?}, and is {outcome:?}",
                open.number
            ))),
            Err(Spoiled::Abortable(_)) => {
                // What cannot be committed is aborted.
                around.ledger.tell(open.number, Outcome::Aborted)?;
                coordination.transactions.abort(&mut self.identity);
                Ok(Some(Stage::Ending(open, Outcome::Aborted)))
            }
            Err(Spoiled::Fatal(_)) => Ok(Some(Stage::Over)),
        }
    }

    /// The transaction that a record belongs to.
    pub(super) fn transaction(&self) -> Option<TransactionNumber> {
        self.coordination.as_ref()?.application.current()
    }

    /// A record was not accepted, though it was meant to be part of the transaction.
    pub(super) fn refuse_record(&mut self) {
        if let Some(coordination) = &mut self.coordination {
            let trouble = Trouble::record("memory was used up");
            coordination
                .transactions
                .handle_record_refused(trouble, &mut self.identity);
        }
    }
}
