//! A smaller plan that breaks a promise too.

use crate::{Plan, once};

/// Takes mishaps, producers' callers, transactions and records out of a plan, one after the other, as long as some promise stays
/// broken. `tries` bounds the number of runs.
#[must_use]
pub fn shrink(plan: &Plan, mut tries: usize) -> Plan {
    let mut smallest = plan.clone();
    let mut again = true;
    while again && tries > 0 {
        again = false;
        for step in steps(&smallest) {
            if tries == 0 {
                break;
            }
            tries -= 1;
            let Some(candidate) = step.apply(&smallest) else {
                continue;
            };
            if once(&candidate).is_err() {
                smallest = candidate;
                again = true;
            }
        }
    }
    smallest
}

/// One thing less.
#[derive(Clone, Copy, Debug)]
enum Step {
    Mishap(usize),
    Caller(usize, usize),
    /// The second half of a caller's records.
    Half(usize, usize),
    /// One record of a caller.
    Record(usize, usize, usize),
    /// One transaction of a producer.
    Transaction(usize, usize),
    /// One record of one.
    RecordOf(usize, usize, usize),
}

fn steps(plan: &Plan) -> Vec<Step> {
    let mut steps: Vec<_> = (0..plan.mishaps.len()).rev().map(Step::Mishap).collect();
    for (producer, mine) in plan.producers.iter().enumerate() {
        for (caller, script) in mine.callers.iter().enumerate() {
            steps.push(Step::Caller(producer, caller));
            steps.push(Step::Half(producer, caller));
            steps.extend(
                (0..script.len())
                    .rev()
                    .map(|record| Step::Record(producer, caller, record)),
            );
        }
        let script = mine.transactions.iter().flat_map(|its| &its.script);
        for (number, transaction) in script.enumerate() {
            steps.push(Step::Transaction(producer, number));
            steps.extend(
                (0..transaction.records.len())
                    .rev()
                    .map(|record| Step::RecordOf(producer, number, record)),
            );
        }
    }
    steps
}

impl Step {
    fn apply(self, plan: &Plan) -> Option<Plan> {
        let mut plan = plan.clone();
        match self {
            Self::Mishap(at) => {
                (at < plan.mishaps.len()).then(|| plan.mishaps.remove(at))?;
            }
            Self::Caller(producer, caller) => {
                let script = plan.producers.get_mut(producer)?.callers.get_mut(caller)?;
                (!script.is_empty()).then(|| script.clear())?;
            }
            Self::Half(producer, caller) => {
                let script = plan.producers.get_mut(producer)?.callers.get_mut(caller)?;
                let half = script.len() / 2;
                (half > 0).then(|| script.truncate(half))?;
            }
            Self::Record(producer, caller, record) => {
                let script = plan.producers.get_mut(producer)?.callers.get_mut(caller)?;
                (record < script.len()).then(|| script.remove(record))?;
            }
            Self::Transaction(producer, number) => {
                let its = plan.producers.get_mut(producer)?.transactions.as_mut()?;
                (number < its.script.len()).then(|| its.script.remove(number))?;
            }
            Self::RecordOf(producer, number, record) => {
                let its = plan.producers.get_mut(producer)?.transactions.as_mut()?;
                let records = &mut its.script.get_mut(number)?.records;
                (record < records.len()).then(|| records.remove(record))?;
            }
        }
        Some(plan)
    }
}
