//! Many seeds, on all cores.

use std::{
    collections::BTreeMap,
    fmt::Write,
    num::NonZero,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use crate::{EventLog, Plan, Report, Violation, run, shrink};

/// Lines of the event log that a violation is told with; the plan is small by then.
const TAIL: usize = 200;
/// Runs that making a plan smaller may take.
const TRIES: usize = 2000;

/// What came of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// How many were played.
    pub seeds: u64,
    /// All their reports together.
    pub sum: Report,
    /// The promises that were broken, by seed.
    pub violations: BTreeMap<u64, Violation>,
}

/// Plays seeds. `draw` makes a plan of one, `player` is [`once`] or [`twice`]; `done` hears of every seed. With `enough` violations, the rest is not
/// played: they mostly have the same cause.
pub fn play(
    seeds: Range<u64>,
    draw: fn(u64) -> Plan,
    player: fn(&Plan) -> Result<Report, Violation>,
    enough: usize,
    done: &(dyn Fn() + Sync),
) -> Findings {
    let next = AtomicU64::new(seeds.start);
    let findings = Mutex::new(Findings::default());
    let add = |seed, outcome: Result<Report, Violation>| {
        let mut findings = findings.lock().unwrap_or_else(PoisonError::into_inner);
        findings.seeds += 1;
        match outcome {
            Ok(report) => findings.sum.add(&report),
            Err(violation) => {
                findings.violations.insert(seed, violation);
            }
        }
        findings.violations.len() < enough
    };
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let going_on = add(seed, player(&draw(seed)));
            done();
            if !going_on {
                next.store(seeds.end, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    findings
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// Runs a plan.
///
/// # Errors
/// The promise that was broken.
pub fn once(plan: &Plan) -> Result<Report, Violation> {
    attempt(plan, &mut EventLog::silent())
}

/// Runs a plan twice, and wants both runs to be the same event for event.
///
/// # Errors
/// The promise that was broken.
pub fn twice(plan: &Plan) -> Result<Report, Violation> {
    let (mut first, mut second) = (EventLog::kept(), EventLog::kept());
    let outcome = attempt(plan, &mut first);
    if outcome != attempt(plan, &mut second) || first != second {
        return Err(Violation("it does not run the same way twice".to_owned()));
    }
    outcome
}

/// Runs a plan; a panic counts as a broken promise.
pub(crate) fn attempt(plan: &Plan, log: &mut EventLog) -> Result<Report, Violation> {
    catch_unwind(AssertUnwindSafe(|| run(plan, log))).unwrap_or_else(|panic| {
        let words = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Violation(format!("panicked: {}", words.unwrap_or("?"))))
    })
}

/// A run told whole: the plan, every event, and the outcome.
pub fn tell(plan: &Plan) -> (String, Result<Report, Violation>) {
    let mut log = EventLog::kept();
    let outcome = attempt(plan, &mut log);
    (format!("{plan:#?}\n{log}"), outcome)
}

/// The smallest plan like one that breaks a promise, its last events, and the promise that is broken.
#[must_use]
pub fn explain(plan: &Plan) -> String {
    let smallest = shrink(plan, TRIES);
    let mut log = EventLog::kept();
    let outcome = attempt(&smallest, &mut log);
    let text = log.to_string();
    let skipped = log.lines().len().saturating_sub(TAIL);
    let mut story = format!("seed {}, made smaller:\n{smallest:#?}\n", plan.seed);
    for line in text.lines().skip(skipped) {
        let _ = writeln!(story, "{line}");
    }
    let _ = match outcome {
        Err(violation) => writeln!(story, "{violation}"),
        Ok(_) => writeln!(story, "the promise is kept when the seed is played again"),
    };
    story
}
