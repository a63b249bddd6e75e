//! `cargo xtask test`: everything that must hold, tier by tier, with a summary at the end.
//!
//! The output of each command goes whole to `target/xtask-test/NAME.log`. The terminal shows what is running,
//! one line per test program, and everything that is not plain success.

use std::collections::BTreeSet;
use std::env;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};

mod libtest;
pub(crate) mod plan;
mod real;
mod reasons;
mod report;
mod run;

use report::{Line, Report, Verdict};

/// One kind of check. The order is that of running: what fails fastest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Tier {
    /// Formatting: rustfmt changes nothing.
    Format,
    /// Clippy without a warning, all targets and feature combinations.
    Lint,
    /// Documentation without a warning.
    Docs,
    /// All tests of the workspace that need nothing else: unit, golden, simulation, embedded broker, the
    /// fuzz corpus replayed, and the examples in the documentation.
    Tests,
    /// The tests of crates with features switched off or swapped.
    Features,
    /// A release build from clean, with no C compiler to call.
    NoC,
    /// The tables of the protocol against Apache Kafka's own message schemas.
    Schema,
    /// Messages and batches that Apache Kafka and we make afresh, each read by the other.
    Golden,
    /// The client against Apache Kafka, one node and three, new and old.
    Real,
}

impl Tier {
    fn name(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lint => "lint",
            Self::Docs => "docs",
            Self::Tests => "tests",
            Self::Features => "features",
            Self::NoC => "no-c",
            Self::Schema => "schema",
            Self::Golden => "golden",
            Self::Real => "real",
        }
    }
}

/// What to run.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// Only this tier; repeatable.
    #[arg(long, value_enum, value_name = "TIER")]
    only: Vec<Tier>,
    /// Not this tier; repeatable.
    #[arg(long, value_enum, value_name = "TIER")]
    skip: Vec<Tier>,
    /// Instead of all this, the real tier once for each of several releases of Apache Kafka, 3.0 to the current one, and for
    /// both generations of transactions.
    #[arg(long, conflicts_with_all = ["only", "skip"])]
    matrix: bool,
}

impl Choice {
    fn tiers(&self) -> BTreeSet<Tier> {
        let mut tiers: BTreeSet<Tier> = match self.only.as_slice() {
            [] => Tier::value_variants().iter().copied().collect(),
            only => only.iter().copied().collect(),
        };
        tiers.retain(|tier| !self.skip.contains(tier));
        tiers
    }
}

/// Runs the chosen tiers to their end, whatever fails. True when all is well.
pub(crate) fn command(choice: &Choice) -> Result<bool> {
    let tiers = choice.tiers();
    if tiers.is_empty() {
        bail!("no tier is left to run");
    }
    let required = env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    let mut steps = if choice.matrix {
        plan::matrix()
    } else {
        plan::steps()
    };
    steps.retain(|step| tiers.contains(&step.tier));
    let started = Instant::now();
    let mut report = Report::default();
    for (number, step) in steps.iter().enumerate() {
        eprintln!(
            "\n[{}/{}] {}: {}  ({} so far)",
            number + 1,
            steps.len(),
            step.tier.name(),
            step.what,
            report::clock(started.elapsed())
        );
        let begun = Instant::now();
        let outcome = step.run();
        report.add(line(step, outcome, begun.elapsed(), required));
    }
    report.print(started.elapsed());
    Ok(report.passed())
}

fn line(
    step: &plan::Step,
    outcome: Result<plan::Outcome>,
    elapsed: Duration,
    required: bool,
) -> Line {
    let mut reasons = Vec::new();
    let (verdict, tally) = match outcome {
        Ok(plan::Outcome::Ran(ran)) => {
            reasons = ran.reasons;
            let verdict = if ran.success {
                Verdict::Passed
            } else {
                Verdict::Failed
            };
            (verdict, ran.tally)
        }
        Ok(plan::Outcome::Missing(what)) if required => {
            reasons.push(format!("{what}, and CI=true requires it"));
            (Verdict::Failed, None)
        }
        Ok(plan::Outcome::Missing(what)) => {
            eprintln!("  SKIPPED: {what}");
            (Verdict::Skipped(what), None)
        }
        Err(error) => {
            reasons.push(format!("{error:#}"));
            (Verdict::Failed, None)
        }
    };
    for reason in &reasons {
        eprintln!("  FAILED: {reason}");
    }
    eprintln!("  {} after {}", verdict.word(), report::clock(elapsed));
    Line {
        tier: step.tier,
        what: step.what.clone(),
        verdict,
        reasons,
        tally,
        elapsed,
    }
}
