//! Runs of many seeds, each of which has to keep every promise. `cargo xtask simulate` plays more.

use std::ops::Range;

use crate::{Plan, Report, Violation, explain, once, play, twice};

type Player = fn(&Plan) -> Result<Report, Violation>;

fn keep_the_promises(seeds: Range<u64>, draw: fn(u64) -> Plan, player: Player) -> Report {
    let findings = play(seeds, draw, player, 10, &|| {});
    if let Some((seed, violation)) = findings.violations.first_key_value() {
        let story = explain(&draw(*seed));
        panic!(
            "{story}\nseed {seed}: {violation}\ncargo xtask simulate --seed {seed} shows all of it"
        );
    }
    findings.sum
}

#[test]
fn every_seed_keeps_the_promises() {
    let sum = keep_the_promises(0..600, Plan::draw, once);
    assert!(reaches_everything(&sum), "{sum:?}");
}

#[test]
fn every_seed_keeps_the_promises_of_transactions() {
    let sum = keep_the_promises(0..400, Plan::draw_with_transactions, once);
    let tally = &sum.transactions;
    let counts = [
        tally.committed,
        tally.aborted,
        tally.committed_untold,
        tally.hidden,
        tally.offsets,
        tally.begun_fenced,
        sum.zombies,
        sum.retries,
    ];
    assert!(counts.iter().all(|count| *count > 0), "{sum:?}");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    keep_the_promises(1000..1020, Plan::draw, twice);
    keep_the_promises(1000..1020, Plan::draw_with_transactions, twice);
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
