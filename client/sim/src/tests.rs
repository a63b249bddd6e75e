//! Runs of many seeds, each of which has to keep every promise. `cargo xtask simulate` plays more.

use std::{collections::BTreeSet, ops::Range};

use crate::{Plan, Report, Violation, explain, once, play, twice};

type Draw = fn(u64) -> Plan;
type Player = fn(&Plan) -> Result<Report, Violation>;

fn keep_the_promises(seeds: Range<u64>, draw: Draw, player: Player) -> Report {
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
fn everything_that_can_go_wrong_is_drawn() {
    let common = [
        "AddPartitions",
        "Bewitch",
        "ClockJump",
        "Close",
        "Cut",
        "Flush",
        "Freeze",
        "MoveLeader",
        "NodeDown",
        "Stall",
        "Unreachable",
        "Usurp",
    ];
    // Records of a transaction are not purged, and what is deleted is not whole.
    let kinds: [(Draw, _); 2] = [
        (Plan::draw, ["DeleteTopic", "Purge"]),
        (Plan::draw_with_transactions, ["MoveCoordinator", "Upgrade"]),
    ];
    for (draw, own) in kinds {
        let mishaps = (0..400).flat_map(|seed| draw(seed).mishaps);
        let drawn: BTreeSet<String> = mishaps
            .map(|(_, mishap)| {
                let words = format!("{mishap:?}");
                let end = words.find(|c: char| !c.is_alphabetic());
                words[..end.unwrap_or(words.len())].to_owned()
            })
            .collect();
        let expected = common.into_iter().chain(own).map(str::to_owned);
        assert_eq!(drawn, expected.collect());
    }
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
