//! Whether the logs agree with what was said.

use std::collections::BTreeMap;

use crate::ledger::{Account, Era, Outcome, Promise, Tally, read};

/// Findings that are told in full; the first say enough.
const TOLD: usize = 20;

/// Compares accounts with what the logs hold.
#[derive(Debug)]
pub(crate) struct Judge<'a> {
    accounts: Vec<Seen<'a>>,
    /// The last era of each topic that had several.
    eras: BTreeMap<String, Era>,
    /// What was found wrong, in words.
    pub(crate) findings: Vec<String>,
    tally: Tally,
}

/// An account, and what was read of it.
#[derive(Debug)]
struct Seen<'a> {
    account: &'a Account,
    /// By serial number.
    records: Vec<Sighting>,
    /// By partition, the serial number that was read last.
    latest: BTreeMap<i32, usize>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sighting {
    times: u32,
    as_told: bool,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(accounts: &'a [Account], eras: BTreeMap<String, Era>) -> Self {
        let seen = |account: &'a Account| Seen {
            account,
            records: vec![Sighting::default(); account.entries.len()],
            latest: BTreeMap::new(),
        };
        let mut tally = Tally::default();
        accounts
            .iter()
            .for_each(|account| tally.add(&account.tally()));
        Self {
            accounts: accounts.iter().map(seen).collect(),
            eras,
            findings: Vec::new(),
            tally,
        }
    }

    /// A record that was read; those of a partition come in the order of the log.
    pub(crate) fn record(&mut self, topic: &str, partition: i32, offset: i64, value: &[u8]) {
        let era = self.eras.get(topic).copied().unwrap_or_default();
        let place = format_args!("{topic}-{partition} at {offset}");
        let mut found = Vec::new();
        let known = read(value).and_then(|(producer, serial)| {
            let mut accounts = self.accounts.iter_mut();
            let seen = accounts
                .find(|seen| seen.account.producer == producer && seen.account.topic == topic)?;
            let (entry, sighting) = (
                seen.account.entries.get(serial)?,
                seen.records.get_mut(serial)?,
            );
            Some((seen.account, serial, entry, sighting, &mut seen.latest))
        });
        let Some((account, serial, entry, sighting, latest)) = known else {
            let start = value.get(..40).unwrap_or(value).escape_ascii();
            self.tally.duplicated += 1;
            return self.find(format!("{place}: nobody sent this: {start}"));
        };
        let exact = account.promise == Promise::Exact;
        sighting.times += 1;
        sighting.as_told |= entry.outcome == Outcome::Stored(Some(offset));
        if exact && sighting.times > 1 {
            found.push((&mut self.tally.duplicated, "is there again"));
        } else if entry.outcome == Outcome::No {
            found.push((&mut self.tally.duplicated, "was said not to be stored"));
        } else if matches!(entry.outcome, Outcome::Stored(_))
            && entry.settled % 2 == 0
            && entry.settled < era
        {
            found.push((
                &mut self.tally.duplicated,
                "was stored in an earlier life of the topic",
            ));
        }
        let before = latest.insert(partition, serial);
        if entry.partition.is_some_and(|chosen| chosen != partition) {
            found.push((
                &mut self.tally.reordered,
                "is in another partition than was said",
            ));
        } else if exact && before.is_some_and(|before| before > serial) {
            found.push((&mut self.tally.reordered, "comes after a later one"));
        }
        let mut words = Vec::new();
        for (count, what) in found {
            *count += 1;
            let before = before
                .map(|before| format!(", after {before}"))
                .unwrap_or_default();
            words.push(format!(
                "{place}: record {serial} of {} {what}{before}: {entry:?}",
                account.producer
            ));
        }
        words.into_iter().for_each(|words| self.find(words));
    }

    /// Everything was read.
    pub(crate) fn settle(&mut self) -> Tally {
        let mut words = Vec::new();
        for seen in &self.accounts {
            let account = seen.account;
            let era = self.eras.get(&account.topic).copied().unwrap_or_default();
            // Of transactions whose end is unknown: records that are there, and that are not.
            let mut unknown: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
            for (serial, (entry, sighting)) in account.entries.iter().zip(&seen.records).enumerate()
            {
                if let (Outcome::Maybe, Some(transaction)) = (entry.outcome, entry.transaction) {
                    let (there, missing) = unknown.entry(transaction).or_default();
                    *if sighting.times > 0 { there } else { missing } += 1;
                }
                let problem = match entry.outcome {
                    Outcome::Open => Some("has no outcome"),
                    // Of what went to an earlier life of a topic, or between two of them, nothing need be there.
                    Outcome::Stored(_) if account.promise == Promise::Told || entry.sent != era => {
                        None
                    }
                    Outcome::Stored(_) if sighting.times == 0 => {
                        self.tally.lost += 1;
                        Some("was acknowledged, and is not there")
                    }
                    Outcome::Stored(Some(_)) if !sighting.as_told => {
                        self.tally.reordered += 1;
                        Some("is at another offset than was said")
                    }
                    Outcome::Stored(_) | Outcome::Maybe | Outcome::No => None,
                };
                words.extend(problem.map(|what| {
                    format!(
                        "{}: record {serial} of {} {what}: {entry:?}",
                        account.topic, account.producer
                    )
                }));
            }
            for (transaction, (there, missing)) in unknown {
                if there > 0 && missing > 0 {
                    self.tally.lost += missing;
                    words.push(format!(
                        "{}: of transaction {transaction} of {}, {there} records are there, and {missing} are not",
                        account.topic, account.producer
                    ));
                }
            }
        }
        words.into_iter().for_each(|words| self.find(words));
        self.tally
    }

    fn find(&mut self, finding: String) {
        if self.findings.len() < TOLD {
            self.findings.push(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Account, Judge, Outcome, Promise, Tally};
    use crate::ledger::content;

    const CLEAN: Tally = Tally {
        produced: 5,
        acknowledged: 3,
        maybe: 1,
        not_stored: 1,
        lost: 0,
        duplicated: 0,
        reordered: 0,
        unresolved: 0,
    };

    /// Of five records in partition 0, three are acknowledged (at 0, 1 and at an unknown offset), one may be stored, and
    /// one is not.
    fn account(promise: Promise) -> Account {
        let mut account = Account::new("p", "t", promise);
        let outcomes = [
            Outcome::Stored(Some(0)),
            Outcome::Stored(Some(1)),
            Outcome::Maybe,
            Outcome::No,
            Outcome::Stored(None),
        ];
        for outcome in outcomes {
            let serial = account.open(0, None);
            account.accept(serial, 0);
            account.settle(serial, 0, outcome);
        }
        account
    }

    /// The judgement of a log: partition, offset and serial number of each record.
    fn judge_in(era: u32, account: Account, log: &[(i32, i64, usize)]) -> Tally {
        let accounts = [account];
        let mut judge = Judge::new(&accounts, [("t".to_owned(), era)].into());
        for (partition, offset, serial) in log {
            judge.record("t", *partition, *offset, &content("p", *serial));
        }
        let tally = judge.settle();
        assert_eq!(
            judge.findings.is_empty(),
            tally.is_clean(),
            "{:?}",
            judge.findings
        );
        tally
    }

    fn judge(promise: Promise, log: &[(i32, i64, usize)]) -> Tally {
        judge_in(0, account(promise), log)
    }

    #[test]
    fn what_may_be_stored_is_there_or_not() {
        assert_eq!(
            judge(
                Promise::Exact,
                &[(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 4)]
            ),
            CLEAN
        );
        assert_eq!(
            judge(Promise::Exact, &[(0, 0, 0), (0, 1, 1), (0, 2, 4)]),
            CLEAN
        );
    }

    #[test]
    fn what_is_missing_is_lost() {
        let lost = Tally { lost: 1, ..CLEAN };
        assert_eq!(judge(Promise::Exact, &[(0, 0, 0), (0, 1, 1)]), lost);
        assert_eq!(judge(Promise::Stored, &[(0, 0, 0), (0, 1, 1)]), lost);
        assert_eq!(judge(Promise::Told, &[]), CLEAN);
    }

    #[test]
    fn what_is_there_twice_is_duplicated() {
        let log = [(0, 0, 0), (0, 1, 1), (0, 2, 4), (0, 3, 4)];
        assert_eq!(
            judge(Promise::Exact, &log),
            Tally {
                duplicated: 1,
                ..CLEAN
            }
        );
        assert_eq!(judge(Promise::Stored, &log), CLEAN);
        let log = [(0, 0, 0), (0, 1, 1), (0, 2, 2), (0, 3, 2), (0, 4, 4)];
        assert_eq!(
            judge(Promise::Exact, &log),
            Tally {
                duplicated: 1,
                ..CLEAN
            }
        );
    }

    #[test]
    fn what_is_there_against_what_was_said_is_duplicated() {
        let log = [(0, 0, 0), (0, 1, 1), (0, 2, 3), (0, 3, 4)];
        for promise in [Promise::Exact, Promise::Stored, Promise::Told] {
            assert_eq!(
                judge(promise, &log),
                Tally {
                    duplicated: 1,
                    ..CLEAN
                }
            );
        }
    }

    #[test]
    fn what_nobody_sent_is_duplicated() {
        let log = [(0, 0, 0), (0, 1, 1), (0, 2, 4), (0, 3, 5)];
        assert_eq!(
            judge(Promise::Exact, &log),
            Tally {
                duplicated: 1,
                ..CLEAN
            }
        );
    }

    #[test]
    fn what_comes_after_a_later_one_is_reordered() {
        let log = [(0, 0, 0), (0, 1, 1), (0, 2, 4), (0, 3, 2)];
        assert_eq!(
            judge(Promise::Exact, &log),
            Tally {
                reordered: 1,
                ..CLEAN
            }
        );
        assert_eq!(judge(Promise::Stored, &log), CLEAN);
    }

    #[test]
    fn what_is_elsewhere_than_was_said_is_reordered() {
        let log = [(0, 0, 0), (0, 2, 1), (0, 3, 4)];
        for promise in [Promise::Exact, Promise::Stored] {
            assert_eq!(
                judge(promise, &log),
                Tally {
                    reordered: 1,
                    ..CLEAN
                }
            );
        }
        let log = [(0, 0, 0), (0, 1, 1), (1, 0, 4)];
        assert_eq!(
            judge(Promise::Exact, &log),
            Tally {
                reordered: 1,
                ..CLEAN
            }
        );
    }

    #[test]
    fn what_has_no_outcome_is_unresolved() {
        let mut account = account(Promise::Exact);
        account.open(0, None);
        let tally = judge_in(0, account, &[(0, 0, 0), (0, 1, 1), (0, 2, 4)]);
        assert_eq!(
            tally,
            Tally {
                produced: 6,
                unresolved: 1,
                ..CLEAN
            }
        );
    }

    #[test]
    fn an_earlier_life_of_a_topic_leaves_nothing_behind() {
        let clean = judge_in(2, account(Promise::Exact), &[]);
        assert_eq!(clean, CLEAN);
        let left = judge_in(2, account(Promise::Exact), &[(0, 0, 0)]);
        assert_eq!(
            left,
            Tally {
                duplicated: 1,
                ..CLEAN
            }
        );
    }

    #[test]
    fn between_two_lives_of_a_topic_either_may_have_a_record() {
        let late = || {
            let mut account = Account::new("p", "t", Promise::Exact);
            let serial = account.open(1, None);
            account.settle(serial, 2, Outcome::Stored(Some(0)));
            account
        };
        for log in [&[][..], &[(0, 0, 0)]] {
            assert!(judge_in(2, late(), log).is_clean(), "{log:?}");
        }
    }

    #[test]
    fn a_transaction_whose_end_is_unknown_is_there_whole_or_not_at_all() {
        let unknown = || {
            let mut account = Account::new("p", "t", Promise::Exact);
            for partition in [0, 1] {
                let serial = account.open(0, Some(7));
                account.accept(serial, partition);
                account.settle(serial, 0, Outcome::Maybe);
            }
            account
        };
        assert!(judge_in(0, unknown(), &[]).is_clean());
        assert!(judge_in(0, unknown(), &[(0, 0, 0), (1, 0, 1)]).is_clean());
        assert_eq!(judge_in(0, unknown(), &[(1, 0, 1)]).lost, 1);
    }
}
