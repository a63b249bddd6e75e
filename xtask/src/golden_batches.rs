//! `cargo xtask golden-batches`: record sets that Apache's own classes write and read.
//!
//! Java's side is `testdata/java/…/GoldenBatches.java`, whose head describes the files. Ours is `testdata/src/batches.rs`,
//! with `testdata/examples/golden_batches.rs` to run it.

use std::fs;
use std::path::PathBuf;
use std::process::{self, Command};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::interrupt::{self, Group};
use crate::test::plan;
use crate::{java, paths};

/// Record sets from each side for a brief run: enough for every codec at every level.
const BRIEF: &str = "60";

/// What to do.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// Leave the committed corpus alone: each side makes batches that nobody has seen, and reads the other's.
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(u64).range(..=i64::MAX.unsigned_abs()))]
    fresh: Option<u64>,
    /// So many record sets from each side.
    #[arg(long, value_name = "N", default_value_t = 300, requires = "fresh")]
    cases: u32,
}

/// The command for a brief run with a seed that nobody has used before; its output says which.
pub(crate) fn any_seed() -> Command {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let seed = now.map_or(0, |since| since.as_secs()).to_string();
    let mut command = plan::cargo(&["run", "--quiet", "-p", "xtask", "--", "golden-batches"]);
    command.args(["--cases", BRIEF, "--fresh", &seed]);
    command
}

/// Rewrites the corpus, or compares fresh batches. True when there is no mismatch.
pub(crate) fn command(choice: &Choice) -> Result<bool> {
    let Some(seed) = choice.fresh else {
        let corpus = corpus();
        run(java()?.arg("--out").arg(&corpus))?;
        println!("{}", corpus.display());
        return Ok(true);
    };
    eprintln!("seed {seed}");
    let (seed, cases) = (&seed.to_string(), &choice.cases.to_string());
    let folder = Folder::new()?;
    let [written, ours, read] =
        ["java.jsonl", "ours.txt", "read.jsonl"].map(|name| folder.0.join(name));

    let mut java_writes = java()?;
    java_writes.args(["--seed", seed, "--cases", cases, "--out"]);
    run(java_writes.arg(&written))?;
    run(example(&["make", seed, cases]).arg(&ours))?;
    run(java()?.arg("--read").arg(&ours).arg("--out").arg(&read))?;
    let mut check = example(&["check", seed, cases]);
    check.args([&written, &read]);
    Ok(start(&mut check)?.child.wait()?.success())
}

fn corpus() -> PathBuf {
    paths::root()
        .join("testdata")
        .join("batches")
        .join("cases.jsonl.gz")
}

fn java() -> Result<Command> {
    let mut java = Command::new("java");
    java.args(java::SHORT_LIVED);
    java.args(["-cp", &java::build()?, "milena.GoldenBatches"]);
    Ok(java)
}

fn example(arguments: &[&str]) -> Command {
    let mut cargo = plan::cargo(&["run", "--quiet", "-p", "milena-testdata"]);
    cargo.args(["--example", "golden_batches", "--"]);
    cargo.args(arguments);
    cargo
}

fn run(command: &mut Command) -> Result<()> {
    let status = start(command)?.child.wait()?;
    if !status.success() {
        bail!("{} ended with {status}", command.get_program().display());
    }
    Ok(())
}

fn start(command: &mut Command) -> Result<Group> {
    let started = interrupt::spawn_group(command);
    started.with_context(|| format!("starting {}", command.get_program().display()))
}

/// A folder that goes with the value.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self> {
        let folder = paths::target().join(format!("golden-batches-{}", process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
