//! Plays seeds: `cargo xtask simulate`.

use std::{
    io::{IsTerminal, Write, stderr, stdout},
    process::ExitCode,
    time::Instant,
};

use clap::Parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use milena_sim::{Plan, explain, once, play, tell, twice};

/// Play the rules of producing in a simulated world, and hold each run to the promises.
///
/// A seed is drawn into a plan: a cluster, producers, records, and everything that goes wrong. It runs in virtual time,
/// twice, and both runs must be the same event for event. A seed that breaks a promise is made smaller and shown.
#[derive(Parser)]
#[command(name = "cargo xtask simulate", bin_name = "cargo xtask simulate")]
struct Choice {
    /// How many seeds.
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Only this one, shown whole: its plan, every event, and the outcome.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// Play each once, end with the first promise that is broken, and only name it.
    #[arg(long)]
    first: bool,
    /// With producers of transactions, too.
    #[arg(long)]
    transactions: bool,
    /// What the runs came to, in numbers.
    #[arg(long)]
    numbers: bool,
}

/// Violations that are enough to see what is wrong.
const ENOUGH: usize = 10;

fn main() -> ExitCode {
    let choice = Choice::parse();
    let kept = match choice.seed {
        Some(seed) => one(choice.draw()(seed)),
        None => many(&choice),
    };
    // Whoever reads a long story may have seen enough.
    match kept {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

impl Choice {
    fn draw(&self) -> fn(u64) -> Plan {
        if self.transactions {
            Plan::draw_with_transactions
        } else {
            Plan::draw
        }
    }
}

fn one(plan: Plan) -> std::io::Result<bool> {
    let (story, outcome) = tell(&plan);
    writeln!(stdout(), "{story}{outcome:#?}")?;
    let (records, violations) = match &outcome {
        Ok(report) => (report.tally.appended, 0),
        Err(_) => (0, 1),
    };
    if outcome.is_err() {
        writeln!(stdout(), "{}", explain(&plan))?;
    }
    writeln!(
        stdout(),
        "simulate: 1 seeds, {records} records, {violations} violations"
    )?;
    Ok(outcome.is_ok())
}

fn many(choice: &Choice) -> std::io::Result<bool> {
    let bar = bar(choice.seeds);
    let started = Instant::now();
    let findings = play(
        choice.from..choice.from.saturating_add(choice.seeds),
        choice.draw(),
        if choice.first { once } else { twice },
        if choice.first { 1 } else { ENOUGH },
        &|| bar.inc(1),
    );
    bar.finish_and_clear();
    let rate = findings.seeds as f64 / started.elapsed().as_secs_f64();
    let mut out = stdout();
    if choice.numbers {
        writeln!(out, "{:#?}", findings.sum)?;
    }
    for (seed, violation) in &findings.violations {
        writeln!(out, "seed {seed}: {violation}")?;
    }
    if let Some(seed) = findings.violations.keys().next().filter(|_| !choice.first) {
        writeln!(out, "{}", explain(&choice.draw()(*seed)))?;
        let kind = if choice.transactions {
            " --transactions"
        } else {
            ""
        };
        writeln!(
            out,
            "cargo xtask simulate --seed {seed}{kind} shows all of it"
        )?;
    }
    let times = if choice.first { "once" } else { "twice" };
    writeln!(out, "{rate:.0} seeds/s, each played {times}")?;
    writeln!(
        out,
        "simulate: {} seeds, {} records, {} violations",
        findings.seeds,
        findings.sum.tally.appended,
        findings.violations.len()
    )?;
    Ok(findings.violations.is_empty())
}

/// Where nobody looks, a line now and then is enough.
fn bar(seeds: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(seeds), ProgressDrawTarget::stderr_with_hz(5));
    if stderr().is_terminal() {
        let style = ProgressStyle::with_template(
            "{wide_bar} {human_pos}/{human_len} seeds, {per_sec}, {eta} left",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    }
    bar
}
