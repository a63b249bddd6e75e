//! `cargo xtask mutants`: breaks the rules of producing on purpose, one at a time, and wants each break to be noticed, by a
//! test of the engine or by the simulated world.

mod breaks;
mod scratch;

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use self::breaks::Break;
use self::scratch::{Ran, Scratch};

/// What each break was caught by, as of the last whole run. Beside the breaks.
const LIST: &str = "LIST.md";

/// Longer than a build takes on a slow machine.
const BUILD: Duration = Duration::from_secs(900);
/// Longer than what is whole ever takes: something goes round in circles.
const TESTS: Duration = Duration::from_secs(60);
const SIMULATION: Duration = Duration::from_secs(600);

/// Which breaks, and how hard they are looked for.
#[derive(Args, Clone, Debug)]
pub(crate) struct Choice {
    /// Only this break: the name of a file under client/sim/breaks.
    #[arg(long)]
    only: Option<String>,
    /// How many seeds of the simulated world a break has to get past.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// Leave the engine's tests out, to see what the simulated world notices by itself.
    #[arg(long)]
    without_tests: bool,
    /// Write the list of what each was caught by anew.
    #[arg(long, conflicts_with_all = ["only", "without_tests"])]
    keep: bool,
}

/// True when every break was caught.
pub(crate) fn command(choice: &Choice) -> Result<bool> {
    let mut breaks = breaks::all()?;
    if let Some(only) = &choice.only {
        breaks.retain(|one| one.name == *only);
        ensure!(!breaks.is_empty(), "there is no break `{only}`");
    }
    // Before anything is built.
    for one in &breaks {
        one.apply(&crate::paths::root())?;
    }
    let scratch = Scratch::new()?;
    eprintln!("what is whole …");
    if let Some(by) = catch(&scratch, choice)? {
        bail!("what is whole is caught by {by}: nothing can be said of what is broken");
    }
    let mut list = String::from(
        "# What is broken on purpose, and what notices\n\nWritten by `cargo xtask mutants --keep`.\n\n\
         | break | what is broken | caught by |\n|---|---|---|\n",
    );
    let (mut caught, mut survived) = (0, 0);
    for (number, one) in (1..).zip(&breaks) {
        let Break { name, what, .. } = one;
        let started = Instant::now();
        let by = scratch.broken(one, || catch(&scratch, choice));
        let by = by.with_context(|| format!("with the break `{name}`"))?;
        let seconds = started.elapsed().as_secs();
        let verdict = match &by {
            Some(by) => format!("caught by {by}"),
            None => format!("SURVIVED: {what}"),
        };
        let all = breaks.len();
        eprintln!("{number}/{all} {name}: {verdict} ({seconds} s)");
        match by {
            Some(_) => caught += 1,
            None => survived += 1,
        }
        writeln!(
            list,
            "| `{name}` | {what} | {} |",
            by.as_deref().unwrap_or("nothing")
        )?;
    }
    if choice.keep {
        let path = breaks::folder().join(LIST);
        fs::write(&path, list).with_context(|| path.display().to_string())?;
    }
    println!(
        "mutants: {} breaks, {caught} caught, {survived} survived",
        breaks.len()
    );
    Ok(survived == 0)
}

/// What notices that something is broken; `None` if nothing does.
fn catch(scratch: &Scratch, choice: &Choice) -> Result<Option<String>> {
    if !choice.without_tests {
        let engine = ["--offline", "--quiet", "-p", "milena-engine", "--lib"];
        build(scratch, &[&["test", "--no-run"][..], &engine].concat())?;
        let tests = scratch.cargo(&[&["test"][..], &engine].concat(), TESTS)?;
        if let Some(by) = failed_test(&tests) {
            return Ok(Some(by));
        }
    }
    let sim = ["--offline", "--quiet", "-p", "milena-sim"];
    build(scratch, &[&["build"][..], &sim].concat())?;
    let seeds = choice.seeds.to_string();
    for kind in [&[][..], &["--transactions"]] {
        let player = ["--", "--first", "--seeds", &seeds];
        let run = [&["run"][..], &sim, &player, kind].concat();
        if let Some(by) = broken_promise(&scratch.cargo(&run, SIMULATION)?, kind)? {
            return Ok(Some(by));
        }
    }
    Ok(None)
}

fn build(scratch: &Scratch, arguments: &[&str]) -> Result<()> {
    let built = scratch.cargo(arguments, BUILD)?;
    ensure!(
        built.success == Some(true),
        "it does not build:\n{}",
        built.output
    );
    Ok(())
}

fn failed_test(tests: &Ran) -> Option<String> {
    if tests.success == Some(true) {
        return None;
    }
    let lines = tests.output.lines();
    let mut failed: Vec<_> = lines
        .filter_map(|line| line.strip_prefix("---- ")?.strip_suffix(" stdout ----"))
        .map(|name| name.rsplit("::").next().unwrap_or(name))
        .collect();
    failed.sort_unstable();
    Some(match failed.as_slice() {
        [] => "tests that do not come to an end".to_owned(),
        [only] => format!("`{only}`"),
        [first, others @ ..] => format!("`{first}` and {} more", others.len()),
    })
}

fn broken_promise(run: &Ran, kind: &[&str]) -> Result<Option<String>> {
    let with = kind.first().map_or("", |_| " with transactions");
    match run.success {
        Some(true) => Ok(None),
        None => Ok(Some(format!("a simulation{with} that does not end"))),
        Some(false) => {
            let found = run.output.lines().find(|line| line.starts_with("seed "));
            let found = found.with_context(|| format!("the simulation failed:\n{}", run.output))?;
            let (seed, _) = found.split_once(':').unwrap_or((found, ""));
            Ok(Some(format!("the simulated world{with}, {seed}")))
        }
    }
}
