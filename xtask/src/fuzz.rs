//! `cargo xtask fuzz`: gives the fuzz targets arbitrary input, beginning with the committed corpus and seeds.
//!
//! It needs no nightly toolchain, because no sanitizer is used: our code has no `unsafe` for one to watch. The crates
//! that decompress have; `--address` watches those, with a nightly toolchain. The tool that builds is installed into
//! `target/tools`. What a run finds goes on in `target/fuzz-corpus/TARGET`, so that the next run begins where this one
//! ended; with `--keep`, the smallest inputs that reach all that is reached become the committed corpus. An input that
//! fails is left under `fuzz/artifacts/TARGET`.

mod build;
mod ledger;
mod stats;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{interrupt, paths, signal};
use stats::Stats;

/// Larger inputs are slower and find little more.
const MAX_LEN: &str = "-max_len=4096";

/// Longer inputs are not committed: of messages, of which there are thousands, short ones reach nearly everything.
fn longest_kept(target: &str) -> &'static str {
    match target {
        "message" | "difference" => "-max_len=512",
        _ => MAX_LEN,
    }
}

/// What to fuzz.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// Which target; without it, one after the other.
    target: Option<String>,
    /// For how long, each.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// So many processes at once, which share what they find.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    jobs: u8,
    /// Make the committed corpus of the smallest inputs that reach all that is reached, and add the run to the ledger.
    #[arg(long)]
    keep: bool,
    /// Begin with what Kafka and other clients wrote as well, of which the committed corpus has the best.
    #[arg(long)]
    golden: bool,
    /// Add the run to the ledger, fuzz/LEDGER.md.
    #[arg(long)]
    ledger: bool,
    /// Watch the memory, for what dependencies do in unsafe code; needs a nightly toolchain.
    #[arg(long)]
    address: bool,
}

/// Runs the chosen targets to their end. True when nothing was found.
pub(crate) fn command(choice: &Choice) -> Result<bool> {
    let all = build::targets()?;
    let chosen: Vec<&String> = match &choice.target {
        None => all.iter().collect(),
        Some(name) => all.iter().filter(|target| *target == name).collect(),
    };
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", all.join(", "));
    }
    let programs = build::build(choice.target.as_deref(), choice.address)?;
    let inputs = build::unpack(&chosen, choice.golden)?;
    let mut sound = true;
    for target in chosen {
        let target = Target::new(target, &programs, &inputs)?;
        sound &= target.fuzz(choice)?;
    }
    Ok(sound)
}

/// A target that is built, and its folders.
struct Target<'a> {
    name: &'a str,
    program: PathBuf,
    /// Written by runs.
    found: PathBuf,
    /// What is committed, and the seeds.
    inputs: PathBuf,
    logs: PathBuf,
}

impl<'a> Target<'a> {
    fn new(name: &'a str, programs: &Path, inputs: &Path) -> Result<Self> {
        let target = Self {
            name,
            program: programs.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)),
            found: paths::root().join("target").join("fuzz-corpus").join(name),
            inputs: inputs.join(name),
            logs: paths::target().join("xtask-fuzz"),
        };
        for dir in [
            &target.found,
            &target.inputs,
            &target.logs,
            &target.artifacts(),
        ] {
            fs::create_dir_all(dir)?;
        }
        Ok(target)
    }

    fn artifacts(&self) -> PathBuf {
        paths::root().join("fuzz").join("artifacts").join(self.name)
    }

    /// Fuzzes it and says what came of it. True when nothing was found.
    fn fuzz(&self, choice: &Choice) -> Result<bool> {
        eprintln!("{}: {} s", self.name, choice.seconds);
        let limit = format!("-max_total_time={}", choice.seconds);
        let before = signal::cpu_of_children();
        let mut jobs = Vec::new();
        for job in 0..choice.jobs {
            let log = self.logs.join(format!("{}-{job}.log", self.name));
            let mut run = self.command(&[&self.found, &self.inputs]);
            run.args([&limit, "-print_final_stats=1"]);
            jobs.push((start(log_to(&mut run, &log)?)?, log));
        }
        let (mut stats, mut failures) = (Stats::default(), 0);
        for (mut group, log) in jobs {
            let sound = group.child.wait()?.success();
            let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
            stats = stats.beside(&Stats::of(&text));
            if !sound {
                failures += 1;
                for line in text.lines().filter(|line| stats::tells(line)) {
                    println!("  {line}");
                }
                println!("  all of it: {}", log.display());
            }
        }
        let cpu = signal::cpu_of_children().saturating_sub(before);
        if failures == 0 && choice.keep {
            self.keep()?;
        }
        self.report(choice, cpu, stats, failures)?;
        Ok(failures == 0)
    }

    fn report(&self, choice: &Choice, cpu: Duration, stats: Stats, failures: u64) -> Result<()> {
        let file = paths::root().join("fuzz").join("corpus");
        let text = fs::read_to_string(file.join(format!("{}.hex", self.name))).unwrap_or_default();
        let corpus = (text.lines().count() as u64, text.len() as u64);
        println!(
            "{}: {} executions in {} s of CPU, {} edges, {} features, {} inputs of {} bytes committed, {} failures",
            self.name,
            stats.executions,
            cpu.as_secs(),
            stats.edges,
            stats.features,
            corpus.0,
            corpus.1,
            failures
        );
        if !(choice.ledger || choice.keep) {
            return Ok(());
        }
        let run = ledger::Run {
            target: self.name,
            cpu,
            stats,
            corpus,
            failures,
        };
        ledger::enter(&paths::root().join("fuzz").join("LEDGER.md"), &run)
    }

    /// Makes the committed corpus anew, of everything.
    fn keep(&self) -> Result<()> {
        let kept = self.logs.join(format!("{}-kept", self.name));
        if kept.exists() {
            fs::remove_dir_all(&kept)?;
        }
        fs::create_dir_all(&kept)?;
        let log = self.logs.join(format!("{}-keep.log", self.name));
        let mut merge = self.command(&[&kept, &self.inputs, &self.found]);
        // How often something is reached makes for many more inputs, which are found again soon.
        merge.args(["-merge=1", "-use_counters=0", longest_kept(self.name)]);
        if !wait(log_to(&mut merge, &log)?)? {
            bail!("merging the corpus failed: {}", log.display());
        }
        build::pack(self.name, &kept)
    }

    /// The first folder is written to, the others are only read.
    fn command(&self, corpora: &[&Path]) -> Command {
        let mut command = Command::new(&self.program);
        let mut artifacts = std::ffi::OsString::from("-artifact_prefix=");
        artifacts.push(self.artifacts().join(""));
        command
            .args(corpora)
            .args([MAX_LEN, "-timeout=20"])
            .arg(artifacts)
            .current_dir(paths::root().join("fuzz"));
        if let Some(dictionary) = build::dictionary(self.name) {
            let mut option = std::ffi::OsString::from("-dict=");
            option.push(dictionary);
            command.arg(option);
        }
        command
    }
}

fn log_to<'a>(command: &'a mut Command, log: &Path) -> Result<&'a mut Command> {
    let log = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    Ok(command.stdout(log.try_clone()?).stderr(log))
}

/// Starts it in a group that an interrupt ends.
fn start(command: &mut Command) -> Result<interrupt::Group> {
    command.stdin(Stdio::null());
    let program = Path::new(command.get_program())
        .file_name()
        .map(OsStr::to_owned);
    let started = interrupt::spawn_group(command);
    started.with_context(|| format!("starting {}", program.unwrap_or_default().display()))
}

fn wait(command: &mut Command) -> Result<bool> {
    Ok(start(command)?.child.wait()?.success())
}

#[cfg(test)]
mod tests {
    use super::build::{dictionary, targets};

    #[test]
    fn the_shells_are_the_targets() {
        let targets = targets().unwrap();
        assert!(targets.contains(&"message".to_owned()));
        assert!(dictionary("message").is_some_and(|file| file.exists()));
    }

    #[test]
    fn dictionaries_are_of_targets() {
        let dir = crate::paths::root().join("fuzz").join("dictionaries");
        for file in std::fs::read_dir(dir).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(targets().unwrap().contains(&name), "{name}");
        }
    }
}
