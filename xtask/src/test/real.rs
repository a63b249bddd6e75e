//! The client against Apache Kafka. The brokers are started here and stopped whatever happens.
//!
//! `client/tests/real_kafka` finds them in the environment:
//!
//! | variable | what |
//! |---|---|
//! | `MILENA_KAFKA_SINGLE` | bootstrap address of one node, 4.3.1, topics created by use |
//! | `MILENA_KAFKA_CLUSTER` | of three nodes, 4.3.1, topics **not** created by use |
//! | `MILENA_KAFKA_OLD` | of one node of an old release, topics created by use |
//! | `MILENA_KAFKA_DIR` | the folder of clusters; `real-cluster/node-2/pid` is a process to kill or pause |
//! | `MILENA_JAVA_CLASSPATH` | for `java -cp`, see the `java` module |

use std::fs;
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};

use super::plan::{self, Outcome};
use super::run;
use crate::kafka::{self, DEFAULT_VERSION, Up, cluster, node};
use crate::{java, maven, paths};

/// The old release: the last line of Kafka 3, which speaks versions of the protocol that Kafka 4 has dropped.
const OLD_VERSION: &str = "3.9.2";

/// The clusters: variable, name, release, nodes, and whether topics are created by use.
const CLUSTERS: [(&str, &str, &str, u16, bool); 3] = [
    (
        "MILENA_KAFKA_SINGLE",
        "real-single",
        DEFAULT_VERSION,
        1,
        true,
    ),
    (
        "MILENA_KAFKA_CLUSTER",
        "real-cluster",
        DEFAULT_VERSION,
        3,
        false,
    ),
    ("MILENA_KAFKA_OLD", "real-old", OLD_VERSION, 1, true),
];

/// Starts the brokers, runs the tests, and stops the brokers.
pub(crate) fn run(log: &str) -> Result<Outcome> {
    if let Some(missing) = missing() {
        return Ok(Outcome::Missing(missing));
    }
    let classpath = java::build().context("compiling the Java programs")?;
    // Compiled first, so that the brokers do not idle beside a busy compiler.
    let compiled = run::run(cargo().arg("--no-run"), &format!("{log}-build"))?;
    if !compiled.success {
        return Ok(Outcome::Ran(compiled));
    }
    let brokers = Brokers::start()?;
    let mut cargo = cargo();
    cargo.args(["--", "--ignored"]);
    cargo
        .env("MILENA_KAFKA_DIR", paths::kafka())
        .env("MILENA_JAVA_CLASSPATH", classpath);
    cargo.envs(
        brokers
            .addresses
            .iter()
            .map(|(variable, address)| (variable, address)),
    );
    let ran = run::run(&mut cargo, log)?;
    if !ran.success {
        brokers.keep_logs()?;
    }
    brokers.stop()?;
    if ran.success && ran.tally.is_none_or(|tally| tally.passed == 0) {
        bail!("no test ran against the brokers");
    }
    Ok(Outcome::Ran(ran))
}

fn cargo() -> Command {
    let mut cargo = plan::cargo(&[
        "test",
        "--release",
        "--no-fail-fast",
        "-p",
        "milena",
        "--test",
        "real_kafka",
    ]);
    plan::release(&mut cargo);
    cargo
}

/// What this machine lacks.
fn missing() -> Option<String> {
    if let Err(error) = java::check() {
        return Some(format!("{error:#}"));
    }
    let cached = CLUSTERS
        .iter()
        .all(|(_, _, version, _, _)| node::jars(version).exists());
    (!cached && !maven::available()).then(|| {
        "`mvn` was not found, and the brokers' jars are not here yet (Debian: apt-get install maven)".to_owned()
    })
}

/// The running brokers. Dropping them stops them too, when something goes wrong in between.
struct Brokers {
    addresses: Vec<(&'static str, String)>,
}

impl Brokers {
    fn start() -> Result<Self> {
        let mut brokers = Self {
            addresses: Vec::new(),
        };
        // What an earlier run may have left, when it was killed.
        brokers.stop()?;
        // All at once: a start is waiting more than work.
        let started: Vec<Result<String>> = thread::scope(|scope| {
            let starts = CLUSTERS.map(|(_, name, version, nodes, create)| {
                let setting = ("auto.create.topics.enable".to_owned(), create.to_string());
                let (name, version) = (name.to_owned(), version.to_owned());
                let ask = Up {
                    nodes,
                    version,
                    name,
                    settings: vec![setting],
                };
                scope.spawn(move || kafka::up(&ask))
            });
            starts
                .into_iter()
                .map(|start| start.join().unwrap_or_else(|_| bail!("a start panicked")))
                .collect()
        });
        for ((variable, ..), address) in CLUSTERS.iter().zip(started) {
            brokers.addresses.push((variable, address?));
        }
        Ok(brokers)
    }

    /// Copies the brokers' logs beside the log of the tests; stopping removes them.
    fn keep_logs(&self) -> Result<()> {
        let folder = run::log_folder();
        for (_, name, ..) in CLUSTERS {
            for (dir, id) in cluster::node_dirs(name)?.iter().zip(1..) {
                let to = folder.join(format!("{name}-node-{id}.log"));
                fs::copy(dir.join("broker.log"), &to)
                    .with_context(|| format!("writing {}", to.display()))?;
            }
        }
        eprintln!(
            "  logs of the brokers: {}",
            folder.join("real-*-node-*.log").display()
        );
        Ok(())
    }

    fn stop(&self) -> Result<()> {
        for (_, name, ..) in CLUSTERS {
            kafka::down(name)?;
        }
        Ok(())
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("  {error:#}");
        }
    }
}
