//! `cargo xtask golden`: messages of Apache Kafka's own making, as the committed corpus or fresh.
//!
//! Kafka's side is `milena.Golden` under `testdata/java`, ours the example `golden` of `milena-testdata`, which starts
//! it, compares, and prints. This only brings the two together.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Args;

use crate::test::plan;
use crate::{interrupt, java};

/// Few enough for half a minute, many enough for every field to have been in every state.
const CASES: u32 = 20;

/// What to do.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// Do not write the corpus: have Kafka and us make cases from this seed, and compare in both directions.
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(u64).range(..=i64::MAX.unsigned_abs()))]
    fresh: Option<u64>,
    /// Random cases for each version of each message, of either side.
    #[arg(long, default_value_t = CASES, requires = "fresh", value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,
    /// Only this case, shown whole: MESSAGE:VERSION:KIND, as a mismatch names it.
    #[arg(long, value_name = "CASE", requires = "fresh")]
    only: Option<String>,
}

/// Runs both sides. True when they agree.
pub(crate) fn command(choice: &Choice) -> Result<bool> {
    let classpath = java::build()?;
    let mut command = plan::cargo(&["run", "--quiet", "-p", "milena-testdata"]);
    command.args(["--example", "golden", "--"]);
    match choice.fresh {
        None => command.arg("rewrite"),
        Some(seed) => command
            .args(["fresh", &seed.to_string(), &choice.cases.to_string()])
            .args(&choice.only),
    };
    command.args(["--", "java"]).args(java::SHORT_LIVED);
    command.args(["-cp", &classpath, "milena.Golden"]);
    let mut group = interrupt::spawn_group(&mut command).context("starting cargo")?;
    Ok(group.child.wait()?.success())
}

/// The command for a fresh run that nobody has made before; its output says the seed.
pub(crate) fn any_seed() -> Command {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = now.map_or(0, |since| since.as_secs());
    let mut command = plan::cargo(&["run", "--quiet", "-p", "xtask", "--", "golden", "--fresh"]);
    command.arg(seed.to_string());
    command
}
