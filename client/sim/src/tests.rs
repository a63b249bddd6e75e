//! Runs of many seeds, each of which has to keep every promise. `cargo xtask simulate` plays more.

use std::{collections::BTreeSet, ops::Range};

use crate::{Mishap, Plan, Report, Violation, explain, once, play, twice};

type Draw = fn(u64) -> Plan;
type Player = fn(&Plan) -> Result<Report, Violation>;

const PLAIN: (Draw, &str) = (Plan::draw, "");
const WITH_TRANSACTIONS: (Draw, &str) = (Plan::draw_with_transactions, " --transactions");

fn keep_the_promises(seeds: Range<u64>, (draw, switch): (Draw, &str), player: Player) -> Report {
    let findings = play(seeds, draw, player, 10, &|| {});
    if let Some((seed, violation)) = findings.violations.first_key_value() {
        let story = explain(&draw(*seed));
        panic!(
            "{story}\nseed {seed}: {violation}\ncargo xtask simulate --seed {seed}{switch} shows all of it"
        );
    }
    findings.sum
}

#[test]
fn every_seed_keeps_the_promises() {
    let sum = keep_the_promises(0..600, PLAIN, once);
    assert!(reaches_everything(&sum), "{sum:?}");
}

#[test]
fn every_seed_keeps_the_promises_of_transactions() {
    let sum = keep_the_promises(0..400, WITH_TRANSACTIONS, once);
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
        "DeleteTopic",
        "Flush",
        "Freeze",
        "MoveLeader",
        "NodeDown",
        "Stall",
        "Unreachable",
        "Usurp",
    ];
    // Records of a transaction are not purged.
    let kinds: [(Draw, &[&str]); 2] = [
        (Plan::draw, &["Purge"]),
        (
            Plan::draw_with_transactions,
            &["MoveCoordinator", "Upgrade"],
        ),
    ];
    let spells = [
        "Delay",
        "Deny",
        "Garbage",
        "Hang",
        "HangAfterApplying",
        "LoseAnswer",
        "LoseRequest",
        "Refuse",
        "Stale",
        "Throttle",
        "Truncate",
        "WrongCorrelationId",
    ];
    for (draw, own) in kinds {
        let mishaps: Vec<_> = (0..400).flat_map(|seed| draw(seed).mishaps).collect();
        let drawn: BTreeSet<String> = mishaps.iter().map(|(_, mishap)| kind(mishap)).collect();
        let expected = common.iter().chain(own).map(|kind| kind.to_string());
        assert_eq!(drawn, expected.collect());
        let cast: BTreeSet<String> = mishaps
            .iter()
            .filter_map(|(_, mishap)| match mishap {
                Mishap::Bewitch(spell) => Some(kind(&spell.kind)),
                _ => None,
            })
            .collect();
        assert_eq!(cast, spells.map(str::to_owned).into());
    }
}

/// The name of what is told of, without its details.
fn kind(what: &impl std::fmt::Debug) -> String {
    let words = format!("{what:?}");
    let end = words.find(|c: char| !c.is_alphabetic());
    words[..end.unwrap_or(words.len())].to_owned()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    keep_the_promises(1000..1020, PLAIN, twice);
    keep_the_promises(1000..1020, WITH_TRANSACTIONS, twice);
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
