//! The summary at the end.

use std::time::Duration;

use super::Tier;
use super::libtest::Tally;

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// With what was missing.
    Skipped(String),
}

impl Verdict {
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Skipped(_) => "skipped",
        }
    }
}

/// One step in the summary.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) tier: Tier,
    pub(crate) what: String,
    pub(crate) verdict: Verdict,
    /// What its output says of why it failed.
    pub(crate) reasons: Vec<String>,
    /// Of a step that runs tests.
    pub(crate) tally: Option<Tally>,
    pub(crate) elapsed: Duration,
}

impl Line {
    /// What the step adds to the total. A step without tests counts as one.
    fn counts(&self) -> Tally {
        let mut tally = self.tally.unwrap_or_default();
        match self.verdict {
            Verdict::Passed if self.tally.is_none() => tally.passed = 1,
            // A program that did not compile, or was killed, ran no test that could have failed.
            Verdict::Failed if tally.failed == 0 => tally.failed = 1,
            Verdict::Skipped(_) => tally.ignored += 1,
            _ => {}
        }
        tally
    }
}

/// All steps that were run.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

impl Report {
    pub(crate) fn add(&mut self, line: Line) {
        self.lines.push(line);
    }

    pub(crate) fn passed(&self) -> bool {
        self.total().failed == 0
    }

    fn total(&self) -> Tally {
        let mut total = Tally::default();
        for line in &self.lines {
            total.add(line.counts());
        }
        total
    }

    /// A line per tier, what was skipped or failed, and the total: once as cargo's own test runner closes, for tools that
    /// read that, and in plain words as the last line.
    pub(crate) fn print(&self, elapsed: Duration) {
        println!("\n{}", self.to_text(elapsed));
    }

    fn to_text(&self, elapsed: Duration) -> String {
        let mut text = format!(
            "{:<10} {:>8} {:>8} {:>8} {:>9}\n",
            "tier", "passed", "failed", "skipped", "time"
        );
        let mut tiers: Vec<Tier> = self.lines.iter().map(|line| line.tier).collect();
        tiers.sort();
        tiers.dedup();
        for tier in tiers {
            let mut counts = Tally::default();
            let mut time = Duration::ZERO;
            for line in self.lines.iter().filter(|line| line.tier == tier) {
                counts.add(line.counts());
                time += line.elapsed;
            }
            text.push_str(&row(tier.name(), counts, time));
        }
        text.push_str(&row("all", self.total(), elapsed));
        for line in &self.lines {
            match &line.verdict {
                Verdict::Passed => {}
                Verdict::Failed => {
                    text.push_str(&format!("FAILED  {}: {}\n", line.tier.name(), line.what));
                    for reason in &line.reasons {
                        text.push_str(&format!("        {reason}\n"));
                    }
                }
                Verdict::Skipped(missing) => {
                    text.push_str(&format!(
                        "skipped {}: {} ({missing})\n",
                        line.tier.name(),
                        line.what
                    ));
                }
            }
        }
        let Tally {
            passed,
            failed,
            ignored,
        } = self.total();
        let verdict = if failed == 0 { "ok" } else { "FAILED" };
        text.push_str(&format!(
            "\ntest result: {verdict}. {passed} passed; {failed} failed; {ignored} ignored; 0 measured; \
             0 filtered out; finished in {:.2}s\n\n\
             {passed} passed, {failed} failed, {ignored} skipped",
            elapsed.as_secs_f64()
        ));
        text
    }
}

fn row(name: &str, counts: Tally, time: Duration) -> String {
    let Tally {
        passed,
        failed,
        ignored,
    } = counts;
    format!(
        "{name:<10} {passed:>8} {failed:>8} {ignored:>8} {:>9}\n",
        clock(time)
    )
}

/// Minutes and seconds.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{}:{:02} min", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Line, Report, Tally, Tier, Verdict, clock};

    fn line(tier: Tier, verdict: Verdict, tally: Option<Tally>) -> Line {
        Line {
            tier,
            what: "something".to_owned(),
            reasons: vec!["because".to_owned(); usize::from(verdict == Verdict::Failed)],
            verdict,
            tally,
            elapsed: Duration::from_secs(2),
        }
    }

    fn tally(passed: u32, failed: u32, ignored: u32) -> Option<Tally> {
        Some(Tally {
            passed,
            failed,
            ignored,
        })
    }

    fn last_line(lines: &[Line]) -> String {
        let report = Report {
            lines: lines.to_vec(),
        };
        report
            .to_text(Duration::from_secs(61))
            .lines()
            .last()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn the_last_line_is_the_total() {
        let lines = [
            line(Tier::Format, Verdict::Passed, None),
            line(Tier::Tests, Verdict::Passed, tally(300, 0, 2)),
            line(Tier::Real, Verdict::Skipped("no Java".to_owned()), None),
        ];
        assert_eq!(last_line(&lines), "301 passed, 0 failed, 3 skipped");
    }

    #[test]
    fn a_step_that_failed_before_its_tests_is_a_failure() {
        for (given, total) in [
            (None, "0 passed, 1 failed, 0 skipped"),
            (tally(5, 0, 0), "5 passed, 1 failed, 0 skipped"),
            (tally(5, 3, 0), "5 passed, 3 failed, 0 skipped"),
        ] {
            let lines = [line(Tier::Tests, Verdict::Failed, given)];
            assert_eq!(last_line(&lines), total);
            assert!(
                !Report {
                    lines: lines.to_vec()
                }
                .passed()
            );
        }
    }

    #[test]
    fn what_failed_is_told_with_its_reasons() {
        let report = Report {
            lines: vec![
                line(Tier::Docs, Verdict::Passed, None),
                line(Tier::Golden, Verdict::Failed, None),
            ],
        };
        let text = report.to_text(Duration::from_secs(61));
        assert!(
            text.contains("FAILED  golden: something\n        because\n"),
            "{text}"
        );
    }

    #[test]
    fn times_are_short() {
        assert_eq!(clock(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(clock(Duration::from_secs(605)), "10:05 min");
    }
}
