//! The steps of each tier, as cargo commands.
//!
//! The build without C has a target folder of its own, because it must begin from nothing; all else shares the ordinary
//! one, and tests are built with the same features, so that one build serves them all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Tier;
use super::real::{Against, MATRIX};
use super::run::{self, Ran};
use crate::{chaos, golden, golden_batches, java, paths};

/// One command, or one deed of several.
pub(crate) struct Step {
    pub(crate) tier: Tier,
    /// What it checks, in a few words.
    pub(crate) what: String,
    /// The name of its log.
    pub(crate) log: String,
    pub(crate) action: Action,
}

/// What a step does.
pub(crate) enum Action {
    /// Runs cargo with these arguments.
    Cargo {
        arguments: Vec<String>,
        environment: Vec<(String, String)>,
    },
    /// Builds a release from nothing, without a C compiler.
    BuildWithoutC,
    /// Compares the tables with Apache's message schemas.
    Schema,
    /// Has Apache Kafka and us read messages of each other's.
    Golden,
    /// Has Apache's classes and us read batches of each other's.
    GoldenBatches,
    /// Starts brokers, runs the client's tests against them, and stops them.
    RealKafka(Against),
    /// Two minutes of load and faults on a real cluster.
    Chaos,
    /// Cannot be done on this machine.
    Missing(String),
}

/// How a step ended.
pub(crate) enum Outcome {
    Ran(Ran),
    /// It needs something that is not here.
    Missing(String),
}

/// The codecs that `milena-codec` can be built with, each alone; every one of them is pure Rust.
const CODECS: [&str; 4] = ["gzip", "snappy", "lz4", "zstd"];

/// Everything, the client with all that it can have besides, and the fuzz target that needs another implementation.
pub(crate) const WORKSPACE: [&str; 3] = [
    "--workspace",
    "--features",
    "milena/json,milena/metrics,milena/msgpack,milena/sink,milena/tracing-spans,milena-fuzz-targets/difference",
];

/// All steps, in the order of running.
pub(crate) fn steps() -> Vec<Step> {
    let mut steps = vec![
        check(
            Tier::Format,
            "rustfmt changes nothing",
            "format",
            &["fmt", "--all", "--check"],
        ),
        lint("the workspace", "lint", &WORKSPACE),
        lint(
            "protocol without features",
            "lint-protocol",
            &["-p", "milena-protocol"],
        ),
        lint(
            "codec without codecs",
            "lint-codec-none",
            &["-p", "milena-codec", "--no-default-features"],
        ),
    ];
    for codec in CODECS {
        let features = [
            "-p",
            "milena-codec",
            "--no-default-features",
            "--features",
            codec,
        ];
        steps.push(lint(
            &format!("codec with {codec} alone"),
            &format!("lint-codec-{codec}"),
            &features,
        ));
    }
    steps.push(lint(
        "client without codecs",
        "lint-client-none",
        &["-p", "milena", "--no-default-features"],
    ));

    steps.push(lint("client as it comes", "lint-client", &["-p", "milena"]));

    let mut docs = check(
        Tier::Docs,
        "documentation without a warning",
        "docs",
        &[&["doc", "--no-deps"][..], &WORKSPACE].concat(),
    );
    if let Action::Cargo { environment, .. } = &mut docs.action {
        environment.push(("RUSTDOCFLAGS".to_owned(), "-D warnings".to_owned()));
    }
    steps.push(docs);

    steps.push(tests(
        Tier::Tests,
        "the workspace, and the fuzz corpus replayed",
        "tests",
        &WORKSPACE,
    ));
    steps.push(tests(
        Tier::Features,
        "codec without codecs",
        "tests-codec-none",
        &["-p", "milena-codec", "--no-default-features"],
    ));
    steps.extend(zstd_by_c());

    steps.push(Step {
        tier: Tier::NoC,
        what: "release build from clean, with CC=/bin/false".to_owned(),
        log: "no-c".to_owned(),
        action: Action::BuildWithoutC,
    });
    steps.push(Step {
        tier: Tier::Schema,
        what: "the tables against Apache Kafka's schemas".to_owned(),
        log: "schema".to_owned(),
        action: Action::Schema,
    });
    steps.push(Step {
        tier: Tier::Golden,
        what: "fresh messages, in both directions".to_owned(),
        log: "golden".to_owned(),
        action: Action::Golden,
    });
    steps.push(Step {
        tier: Tier::Golden,
        what: "fresh batches, in both directions".to_owned(),
        log: "golden-batches".to_owned(),
        action: Action::GoldenBatches,
    });
    steps.push(real(Against::CurrentAndOld, "real"));
    steps.push(Step {
        tier: Tier::Real,
        what: "three nodes under load and faults, transactions too, two minutes".to_owned(),
        log: "chaos".to_owned(),
        action: Action::Chaos,
    });
    steps.sort_by_key(|step| step.tier);
    steps
}

/// The real tier alone, once for each of several releases.
pub(crate) fn matrix() -> Vec<Step> {
    let numbered = (1..).zip(MATRIX);
    numbered
        .map(|(number, against)| real(against, &format!("matrix-{number}")))
        .collect()
}

impl Step {
    /// Runs it. An error is a step that could not do its work.
    pub(crate) fn run(&self) -> Result<Outcome> {
        match &self.action {
            Action::Cargo {
                arguments,
                environment,
            } => {
                let mut cargo = cargo(arguments);
                cargo.envs(environment.iter().map(|(key, value)| (key, value)));
                run::run(&mut cargo, &self.log).map(Outcome::Ran)
            }
            Action::BuildWithoutC => {
                remove_release_target()?;
                run::run(&mut without_c(), &self.log).map(Outcome::Ran)
            }
            Action::Schema => {
                let mut cargo = cargo(&["run", "--package", "xtask", "--", "schema"]);
                self.with_java(&mut cargo)
            }
            Action::Golden => self.with_java(&mut golden::any_seed()),
            Action::GoldenBatches => self.with_java(&mut golden_batches::any_seed()),
            Action::RealKafka(against) => super::real::run(*against, &self.log),
            Action::Chaos => {
                let arguments = [
                    "run",
                    "-p",
                    "xtask",
                    "--",
                    "chaos",
                    "--minutes",
                    "2",
                    "--seed",
                    "1",
                    "--transactions",
                ];
                self.unless_missing(chaos::missing(), &mut cargo(&arguments))
            }
            Action::Missing(what) => Ok(Outcome::Missing(what.clone())),
        }
    }

    /// Runs a chore that needs Java and the jars of Apache's client.
    fn with_java(&self, chore: &mut Command) -> Result<Outcome> {
        self.unless_missing(java::missing(), chore)
    }

    /// Runs a chore, unless this machine lacks something for it.
    fn unless_missing(&self, missing: Option<String>, chore: &mut Command) -> Result<Outcome> {
        if let Some(missing) = missing {
            return Ok(Outcome::Missing(missing));
        }
        run::run(chore, &self.log).map(Outcome::Ran)
    }
}

/// `cargo` with these arguments, in the workspace.
pub(crate) fn cargo<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut cargo = Command::new(paths::cargo());
    cargo.args(arguments).current_dir(paths::root());
    // Its output is read here, so what the caller prefers to see does not matter.
    cargo
        .env("CARGO_TERM_COLOR", "never")
        .env("CARGO_TERM_QUIET", "false")
        .env("CARGO_TERM_VERBOSE", "false");
    cargo
}

/// Where the build without C goes.
fn release_target() -> PathBuf {
    paths::target().join("no-c")
}

fn remove_release_target() -> Result<()> {
    let target = release_target();
    match fs::remove_dir_all(&target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", target.display()))
        }
        _ => Ok(()),
    }
}

/// Default members with default features, and every way to reach a C compiler barred. Nothing is optimized: what is asked
/// is what takes part in the build.
fn without_c() -> Command {
    let mut cargo = cargo(&["build", "--release"]);
    cargo.arg("--target-dir").arg(release_target());
    cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0");
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off");
    cargo.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    let barred = if Path::new("/bin/false").exists() {
        "/bin/false"
    } else {
        "false"
    };
    for prefix in ["", "HOST_", "TARGET_"] {
        for tool in ["CC", "CXX", "AR"] {
            cargo.env(format!("{prefix}{tool}"), barred);
        }
    }
    cargo.env("CMAKE", barred);
    cargo
}

/// The codec with zstd in C, when something here compiles C.
fn zstd_by_c() -> Vec<Step> {
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let found = Command::new(&compiler)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    let features = [
        "-p",
        "milena-codec",
        "--no-default-features",
        "--features",
        "gzip,snappy,lz4,zstd-c",
    ];
    let lints = lint("codec with zstd in C", "lint-codec-zstd-c", &features);
    let mut steps = vec![
        lints,
        tests(
            Tier::Features,
            "codec with zstd in C",
            "tests-codec-zstd-c",
            &features,
        ),
    ];
    if !found {
        for step in &mut steps {
            step.action = Action::Missing(format!("no C compiler `{compiler}`"));
        }
    }
    steps
}

fn real(against: Against, log: &str) -> Step {
    Step {
        tier: Tier::Real,
        what: format!("the client against {}", against.name()),
        log: log.to_owned(),
        action: Action::RealKafka(against),
    }
}

fn check(tier: Tier, what: &str, log: &str, arguments: &[&str]) -> Step {
    let arguments = arguments
        .iter()
        .map(|argument| (*argument).to_owned())
        .collect();
    let action = Action::Cargo {
        arguments,
        environment: Vec::new(),
    };
    Step {
        tier,
        what: what.to_owned(),
        log: log.to_owned(),
        action,
    }
}

fn lint(what: &str, log: &str, selection: &[&str]) -> Step {
    let mut arguments = vec!["clippy"];
    arguments.extend(selection);
    arguments.extend(["--all-targets", "--", "-D", "warnings"]);
    check(Tier::Lint, what, log, &arguments)
}

/// All tests run, also after one has failed, so that the counts are whole.
fn tests(tier: Tier, what: &str, log: &str, selection: &[&str]) -> Step {
    let mut arguments = vec!["test", "--no-fail-fast"];
    arguments.extend(selection);
    check(tier, what, log, &arguments)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::ValueEnum;

    use super::{Tier, steps};

    #[test]
    fn every_tier_has_steps_and_every_step_its_own_log() {
        let steps = steps();
        for tier in Tier::value_variants() {
            assert!(steps.iter().any(|step| step.tier == *tier), "{tier:?}");
        }
        let logs: BTreeSet<_> = steps.iter().map(|step| step.log.as_str()).collect();
        assert_eq!(logs.len(), steps.len());
    }
}
