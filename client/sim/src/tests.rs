//! Runs of many seeds, each of which has to keep every promise.
//!
//! `SIM_SEEDS=100000` runs more of them, `SIM_FROM=5000` begins elsewhere, and `SEED=123` looks at one: it prints the
//! plan and the event log.

use std::{env, time::Instant};

use crate::{EventLog, Plan, Report, run, shrink};

/// Seeds that every test run goes through.
const SEEDS: u64 = 600;
/// Lines of the event log that a failure shows.
const TAIL: usize = 200;

fn number(variable: &str) -> Option<u64> {
    let value = env::var(variable).ok()?;
    Some(value.parse().expect("a number"))
}

#[test]
fn every_seed_keeps_the_promises() {
    if let Some(seed) = number("SEED") {
        let mut log = EventLog::kept();
        let plan = Plan::draw(seed);
        let outcome = run(&plan, &mut log);
        println!("{plan:#?}\n{log}{outcome:#?}");
        if outcome.is_err() {
            explain(&plan);
        }
        return;
    }
    let from = number("SIM_FROM").unwrap_or(0);
    let seeds = number("SIM_SEEDS").unwrap_or(SEEDS);
    let mut keep_going = number("SIM_FAILURES").unwrap_or(1);
    let started = Instant::now();
    let mut sum = Report::default();
    let mut failed = Vec::new();
    for seed in from..from + seeds {
        match run(&Plan::draw(seed), &mut EventLog::silent()) {
            Ok(report) => sum.add(&report),
            Err(violation) => {
                println!("seed {seed}: {violation}");
                failed.push(seed);
                keep_going -= 1;
                if keep_going == 0 {
                    break;
                }
            }
        }
    }
    let rate = seeds as f64 / started.elapsed().as_secs_f64();
    println!("{seeds} seeds from {from}, {rate:.0} seeds/s: {sum:#?}");
    if let Some(seed) = failed.first() {
        explain(&Plan::draw(*seed));
    }
    assert!(seeds < SEEDS || reaches_everything(&sum), "{sum:?}");
}

/// Whether all that the world is made for has happened.
fn reaches_everything(sum: &Report) -> bool {
    let tally = &sum.tally;
    let counts = [
        tally.acknowledged,
        tally.failed_no,
        tally.stored_maybe,
        tally.unresolved,
        tally.stored_late,
        tally.expired_unsent,
        tally.expired_sent,
        sum.zombies,
        sum.recognised,
        sum.waits,
        sum.retries,
        sum.bumps,
        sum.renewals,
    ];
    counts.iter().all(|count| *count > 0)
}

/// Shows the smallest plan like this one that fails, and how.
fn explain(plan: &Plan) -> ! {
    let smallest = shrink(plan, 2000);
    let mut log = EventLog::kept();
    let violation = run(&smallest, &mut log).expect_err("it failed before");
    let text = log.to_string();
    let lines: Vec<_> = text.lines().collect();
    let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n");
    panic!(
        "seed {seed}, made smaller:\n{smallest:#?}\n{tail}\n{violation}\nSEED={seed} cargo test -p milena-sim shows all of it",
        seed = plan.seed
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        let once = || {
            let mut log = EventLog::kept();
            let report = run(&Plan::draw(seed), &mut log);
            (log, report)
        };
        let (first, second) = (once(), once());
        assert!(first.0.lines().len() > 10);
        assert_eq!(first, second, "seed {seed}");
    }
}
