//! `cargo xtask fuzz`: gives the fuzz targets arbitrary input, beginning with the committed corpus.
//!
//! It needs no nightly toolchain, because no sanitizer is used: the code has no `unsafe` for one to watch. The tool
//! is installed into `target/tools`. What a run finds goes on in `target/fuzz-corpus/TARGET`, so that the next run
//! begins where this one ended; with `--keep`, the smallest inputs that reach something new are added to the committed
//! corpus. An input that fails is left under `fuzz/artifacts/TARGET`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{interrupt, paths};

/// The version that is installed.
const CARGO_FUZZ: &str = "0.13.2";

/// Larger inputs are slower and find little more.
const MAX_LEN: &str = "-max_len=4096";

/// What to fuzz.
#[derive(Args, Debug)]
pub(crate) struct Choice {
    /// Which target; without it, one after the other.
    target: Option<String>,
    /// For how long, each.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Add what is worth it to the committed corpus.
    #[arg(long)]
    keep: bool,
}

/// Runs the chosen targets to their end. True when nothing was found.
pub(crate) fn command(choice: &Choice) -> Result<bool> {
    let all = targets()?;
    let chosen: Vec<&String> = match &choice.target {
        None => all.iter().collect(),
        Some(name) => all.iter().filter(|target| *target == name).collect(),
    };
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", all.join(", "));
    }
    let tool = tool()?;
    let mut build = cargo_fuzz(&tool, "build");
    if let Some(target) = &choice.target {
        build.arg(target);
    }
    if !wait(&mut build)? {
        bail!("the targets do not build; libFuzzer needs a C++ compiler");
    }
    let mut sound = true;
    for target in chosen {
        sound &= fuzz(&tool, target, choice)?;
    }
    Ok(sound)
}

/// The names of the shells.
fn targets() -> Result<Vec<String>> {
    let dir = paths::root().join("fuzz").join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

/// The tool at its version, installed unless it is there.
fn tool() -> Result<PathBuf> {
    let root = paths::root().join("target").join("tools");
    let tool = root
        .join("bin")
        .join(format!("cargo-fuzz{}", std::env::consts::EXE_SUFFIX));
    let version = Command::new(&tool).args(["fuzz", "--version"]).output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(CARGO_FUZZ)) {
        return Ok(tool);
    }
    let mut install = Command::new(paths::cargo());
    install
        .args([
            "install",
            "cargo-fuzz",
            "--version",
            CARGO_FUZZ,
            "--locked",
            "--force",
            "--root",
        ])
        .arg(root);
    if !wait(&mut install)? {
        bail!("cargo-fuzz {CARGO_FUZZ} cannot be installed");
    }
    Ok(tool)
}

fn cargo_fuzz(tool: &Path, verb: &str) -> Command {
    let mut command = Command::new(tool);
    command
        .args(["fuzz", verb, "--sanitizer", "none", "--target-dir"])
        .arg(paths::target().join("fuzz"))
        .current_dir(paths::root().join("fuzz"));
    command
}

/// Fuzzes one target and says what came of it. True when nothing was found.
fn fuzz(tool: &Path, target: &str, choice: &Choice) -> Result<bool> {
    let found = paths::root()
        .join("target")
        .join("fuzz-corpus")
        .join(target);
    let committed = paths::root().join("fuzz").join("corpus").join(target);
    let logs = paths::target().join("xtask-fuzz");
    for dir in [&found, &committed, &logs] {
        fs::create_dir_all(dir)?;
    }
    eprintln!("{target}: {} s", choice.seconds);
    let limit = format!("-max_total_time={}", choice.seconds);
    let log = logs.join(format!("{target}.log"));
    let mut run = run(
        tool,
        target,
        &[&found, &committed],
        &[&limit, "-print_final_stats=1"],
    );
    let sound = wait(log_to(&mut run, &log)?)?;
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    println!("{target}: {}", summary(&text));
    if !sound {
        for line in text.lines().filter(|line| tells(line)) {
            println!("  {line}");
        }
        println!("  all of it: {}", log.display());
    } else if choice.keep {
        let log = logs.join(format!("{target}-keep.log"));
        let mut merge = self::run(tool, target, &[&committed, &found], &["-merge=1"]);
        if !wait(log_to(&mut merge, &log)?)? {
            bail!("merging the corpus failed: {}", log.display());
        }
    }
    Ok(sound)
}

/// The first folder is written to, the others are only read.
fn run(tool: &Path, target: &str, corpora: &[&Path], options: &[&str]) -> Command {
    let mut run = cargo_fuzz(tool, "run");
    run.arg(target)
        .args(corpora)
        .arg("--")
        .args([MAX_LEN, "-timeout=20"])
        .args(options);
    run
}

fn log_to<'a>(command: &'a mut Command, log: &Path) -> Result<&'a mut Command> {
    let log = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    Ok(command.stdout(log.try_clone()?).stderr(log))
}

/// Runs to the end, in a group that an interrupt ends.
fn wait(command: &mut Command) -> Result<bool> {
    command.stdin(Stdio::null());
    let program = Path::new(command.get_program())
        .file_name()
        .map(OsStr::to_owned);
    let started = interrupt::spawn_group(command);
    let mut group =
        started.with_context(|| format!("starting {}", program.unwrap_or_default().display()))?;
    Ok(group.child.wait()?.success())
}

/// What libFuzzer says about its run, in one line.
fn summary(log: &str) -> String {
    let word_after = |line: &str, name: &str| {
        let mut words = line.split_whitespace().skip_while(|word| *word != name);
        words.nth(1).map(str::to_owned)
    };
    let stat = |name: &str| log.lines().find_map(|line| word_after(line, name));
    let last = log
        .lines()
        .rev()
        .find(|line| line.starts_with('#') && line.contains(" cov: "));
    let of_last = |name| last.and_then(|line| word_after(line, name));
    let unknown = || "?".to_owned();
    format!(
        "{} executions, coverage {} edges, {} features, corpus {}",
        stat("stat::number_of_executed_units:").unwrap_or_else(unknown),
        of_last("cov:").unwrap_or_else(unknown),
        of_last("ft:").unwrap_or_else(unknown),
        of_last("corp:").unwrap_or_else(unknown),
    )
}

/// Whether a line of a failed run says what failed, or where the input is.
fn tells(line: &str) -> bool {
    [
        "panicked at",
        "SUMMARY:",
        "ERROR:",
        "error:",
        "Test unit written to",
    ]
    .iter()
    .any(|sign| line.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::{summary, targets};

    #[test]
    fn a_run_is_summed_up() {
        let log = "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #8192\tDONE   cov: 120 ft: 340 corp: 17/210b lim: 80 exec/s: 400 rss: 31Mb\n\
                   stat::number_of_executed_units: 8192\n";
        assert_eq!(
            summary(log),
            "8192 executions, coverage 120 edges, 340 features, corpus 17/210b"
        );
        assert!(summary("nothing of that").starts_with("? executions"));
    }

    #[test]
    fn the_shells_are_the_targets() {
        assert!(targets().unwrap().contains(&"message".to_owned()));
    }
}
