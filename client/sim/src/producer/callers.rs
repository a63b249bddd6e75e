//! Those who append records, and wait for memory.

use std::{collections::VecDeque, time::Duration};

use milena_codec::RecordRef;
use milena_engine::{
    produce::{Budget, Choice, Grant, Need, NotAppended, Room, Ticket},
    time::Instant,
};

use super::{Around, Producer};
use crate::{cluster::millis, ledger::Violation, net::Event, plan::Load};

/// One who appends records one after the other.
#[derive(Debug)]
pub(crate) struct Caller {
    script: VecDeque<Load>,
    waiting: Option<Waiting>,
}

/// A place in the line for memory.
#[derive(Debug)]
struct Waiting {
    ticket: Ticket,
    until: Instant,
    load: Load,
    /// When the caller will have noticed that it is its turn.
    notices: Option<Instant>,
}

/// How long it takes a caller at most to notice that it is its turn, in microseconds.
const DAWDLE: u64 = 2000;

impl Caller {
    pub(super) fn new(script: &[Load]) -> Self {
        Self {
            script: script.iter().copied().collect(),
            waiting: None,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.script.is_empty() && self.waiting.is_none()
    }
}

impl Producer {
    /// When each caller's first record is ready.
    pub(crate) fn first_records(&self) -> Vec<Duration> {
        let first = |caller: &Caller| {
            caller
                .script
                .front()
                .map_or(Duration::ZERO, |load| load.after)
        };
        self.callers.iter().map(first).collect()
    }

    /// The only caller of a producer of transactions gets its records.
    pub(super) fn hand_out(&mut self, records: &[Load], around: &mut Around<'_>) {
        if let Some(caller) = self.callers.first_mut() {
            caller.script = records.iter().copied().collect();
        }
        self.plan_next(0, around);
    }

    /// A caller's next record is ready.
    pub(crate) fn next_record(
        &mut self,
        caller: usize,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        // One that waits for memory is not ready for another: it was meant for a transaction that is over.
        let load = self
            .callers
            .get_mut(caller)
            .filter(|caller| caller.waiting.is_none())
            .and_then(|caller| caller.script.pop_front());
        if let Some(load) = load {
            let until = around.now() + self.plan.max_block;
            self.append(caller, load, None, until, around)?;
        }
        self.pump(around)
    }

    /// Appends a record, or takes a place in the line for memory.
    fn append(
        &mut self,
        caller: usize,
        load: Load,
        held: Option<Grant>,
        until: Instant,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        self.busy = true;
        if let Some(coordination) = &self.coordination
            && !coordination.is_open()
        {
            // What belongs to no transaction is not accepted.
            if let Some(grant) = held {
                self.budget.release(grant.reserved, grant.chunk);
            }
            return Ok(());
        }
        let transaction = self.transaction();
        let (now, settings) = (around.now(), self.settings());
        let place = (load.topic, load.partition);
        let Some(part) = self.parts.get(&place).cloned() else {
            return Err(Violation(format!("there is no partition {place:?}")));
        };
        let record = around.ledger.next_record();
        let mut value = record.to_be_bytes().to_vec();
        value.resize(load.size.max(value.len()), b'x');
        let data = RecordRef {
            timestamp: millis(now) + self.ahead,
            value: Some((&value).into()),
            ..RecordRef::default()
        };
        let mut source = Source {
            budget: &mut self.budget,
            held,
        };
        let (index, ledger) = (self.index, &mut *around.ledger);
        let open = || ledger.open(index, transaction, place, now);
        let appended = part.queue(|queue| {
            queue.append(&data, Choice::Given, &settings, &mut source, || now, open)
        });
        let spare = source.held.take();
        if let Some(grant) = spare {
            self.budget.release(grant.reserved, grant.chunk);
        }
        match appended {
            Ok(appended) => {
                around.ledger.append(appended.completion, appended.index)?;
                around.note(|| {
                    format!(
                        "producer {index}: record {record} of {} bytes to {place:?}, batch {} number {}",
                        value.len(),
                        appended.completion,
                        appended.index
                    )
                });
                if let Some(deadline) = appended.watch {
                    self.reaper.watch(part.clone(), deadline);
                }
                if let Some(wake) = appended.wake {
                    self.tell(part, wake);
                }
                self.plan_next(caller, around);
            }
            Err(NotAppended::TurnOver) => {
                return Err(Violation("it was never this partition's turn".to_owned()));
            }
            Err(NotAppended::Shortage(need)) => {
                around.ledger.withdraw();
                around.note(|| format!("producer {index}: caller {caller} waits for {need:?}"));
                self.waits += 1;
                let ticket = self.budget.wait(need);
                if let Some(caller) = self.callers.get_mut(caller) {
                    caller.waiting = Some(Waiting {
                        ticket,
                        until,
                        load,
                        notices: None,
                    });
                }
            }
        }
        Ok(())
    }

    fn plan_next(&mut self, caller: usize, around: &mut Around<'_>) {
        let next = self
            .callers
            .get(caller)
            .and_then(|caller| caller.script.front());
        if let Some(next) = next {
            let producer = self.index;
            let at = around.now() + next.after;
            around.net.plan(at, Event::Append { producer, caller });
        }
    }

    /// Lets those in line go on whose turn has come, and those go away who waited too long.
    pub(super) fn serve_callers(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        for number in 0..self.callers.len() {
            let caller = self.callers.get_mut(number);
            let Some(mut waiting) = caller.and_then(|caller| caller.waiting.take()) else {
                continue;
            };
            if waiting.notices.is_none() && self.budget.granted().any(|its| its == waiting.ticket) {
                let dawdles = Duration::from_micros(self.rng.below(DAWDLE));
                waiting.notices = Some(around.now() + dawdles);
            }
            let notices = waiting.notices.is_some_and(|at| at <= around.now());
            let grant = notices.then(|| self.budget.poll_granted(waiting.ticket));
            if let Some(grant) = grant.flatten() {
                self.append(number, waiting.load, Some(grant), waiting.until, around)?;
            } else if waiting.until <= around.now() {
                self.busy = true;
                self.budget.cancel(waiting.ticket);
                let index = self.index;
                around.note(|| format!("producer {index}: caller {number} waited too long"));
                self.refuse_record();
                self.plan_next(number, around);
            } else if let Some(caller) = self.callers.get_mut(number) {
                caller.waiting = Some(waiting);
            }
        }
        Ok(())
    }

    pub(super) fn callers_timeout(&self) -> Option<Instant> {
        let waiting = self
            .callers
            .iter()
            .filter_map(|caller| caller.waiting.as_ref());
        waiting
            .flat_map(|waiting| [Some(waiting.until), waiting.notices])
            .flatten()
            .min()
    }

    pub(super) fn dismiss_callers(&mut self) {
        for caller in &mut self.callers {
            caller.script.clear();
            if let Some(waiting) = caller.waiting.take() {
                self.budget.cancel(waiting.ticket);
            }
        }
    }
}

/// Memory for an append: what was waited for, or what is there.
struct Source<'a> {
    budget: &'a mut Budget,
    held: Option<Grant>,
}

impl Room for Source<'_> {
    fn take(&mut self, need: Need) -> Option<Grant> {
        if let Some(grant) = self.held.take() {
            if grant.suffices(need) {
                return Some(grant);
            }
            self.budget.release(grant.reserved, grant.chunk);
        }
        self.budget.try_take(need)
    }
}
