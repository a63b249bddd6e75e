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

/// Which brokers the tests are run against.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Against {
    /// The current release, and one node of an old one.
    CurrentAndOld,
    /// One release alone, with this level of `transaction.version` where that is not its own.
    Release(&'static str, Option<&'static str>),
}

/// The releases of `--matrix`: the oldest that runs without ZooKeeper, the first in which that was ready for production,
/// the last of Kafka 3, the first of Kafka 4, and the current one with either generation of transactions.
pub(crate) const MATRIX: [Against; 6] = [
    Against::Release("3.0.2", None),
    Against::Release("3.3.2", None),
    Against::Release(OLD_VERSION, None),
    Against::Release("4.0.1", None),
    Against::Release(DEFAULT_VERSION, Some("0")),
    Against::Release(DEFAULT_VERSION, None),
];

impl Against {
    /// In words.
    pub(crate) fn name(self) -> String {
        match self {
            Self::CurrentAndOld => format!("Apache Kafka {DEFAULT_VERSION} and {OLD_VERSION}"),
            Self::Release(version, None) => format!("Apache Kafka {version}"),
            Self::Release(version, Some(level)) => {
                format!("Apache Kafka {version} with transaction.version={level}")
            }
        }
    }

    /// What to start, each with the variables that its address goes to.
    fn clusters(self) -> Vec<(&'static [&'static str], Up)> {
        let (version, level) = match self {
            Self::CurrentAndOld => (DEFAULT_VERSION, None),
            Self::Release(version, level) => (version, level),
        };
        let up = |name: &str, version: &str, nodes, create: bool| Up {
            nodes,
            version: version.to_owned(),
            name: name.to_owned(),
            settings: vec![("auto.create.topics.enable".to_owned(), create.to_string())],
            features: level
                .map(|level| ("transaction.version".to_owned(), level.to_owned()))
                .into_iter()
                .collect(),
        };
        let three = up("real-cluster", version, 3, false);
        let one = up("real-single", version, 1, true);
        let mut clusters: Vec<(&[&str], Up)> = vec![(&["MILENA_KAFKA_CLUSTER"], three)];
        match self {
            Self::CurrentAndOld => {
                clusters.push((&["MILENA_KAFKA_SINGLE"], one));
                clusters.push((&["MILENA_KAFKA_OLD"], up("real-old", OLD_VERSION, 1, true)));
            }
            Self::Release(..) => clusters.push((&["MILENA_KAFKA_SINGLE", "MILENA_KAFKA_OLD"], one)),
        }
        clusters
    }

    /// What is left out: with one release, what would be the same again, and what compares with another one.
    fn left_out(self) -> &'static [&'static str] {
        match self {
            Self::CurrentAndOld => &[],
            Self::Release(..) => &["on_an_old_release", "the_embedded_coordinator_answers"],
        }
    }
}

/// Starts the brokers, runs the tests, and stops the brokers.
pub(crate) fn run(against: Against, log: &str) -> Result<Outcome> {
    if let Some(missing) = missing(against) {
        return Ok(Outcome::Missing(missing));
    }
    let classpath = java::build().context("compiling the Java programs")?;
    // Compiled first, so that the brokers do not idle beside a busy compiler.
    let compiled = run::run(cargo().arg("--no-run"), &format!("{log}-build"))?;
    if !compiled.success {
        return Ok(Outcome::Ran(compiled));
    }
    let brokers = Brokers::start(against.clusters())?;
    let mut cargo = cargo();
    cargo.args(["--", "--ignored"]);
    for test in against.left_out() {
        cargo.args(["--skip", test]);
    }
    cargo
        .env("MILENA_KAFKA_DIR", paths::kafka())
        .env("MILENA_JAVA_CLASSPATH", classpath);
    for (variables, address) in &brokers.addresses {
        cargo.envs(variables.iter().map(|variable| (variable, address)));
    }
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
    let arguments = ["--no-fail-fast", "--test", "real_kafka"];
    plan::cargo(&[&["test"][..], &plan::WORKSPACE, &arguments].concat())
}

/// What this machine lacks.
fn missing(against: Against) -> Option<String> {
    if let Err(error) = java::check() {
        return Some(format!("{error:#}"));
    }
    let clusters = against.clusters();
    let cached = clusters
        .iter()
        .all(|(_, up)| node::jars(&up.version).exists());
    (!cached && !maven::available()).then(|| {
        "`mvn` was not found, and the brokers' jars are not here yet (Debian: apt-get install maven)".to_owned()
    })
}

/// The running brokers. Dropping them stops them too, when something goes wrong in between.
struct Brokers {
    clusters: Vec<Up>,
    /// The address of each, and the variables that it goes to.
    addresses: Vec<(&'static [&'static str], String)>,
}

impl Brokers {
    fn start(clusters: Vec<(&'static [&'static str], Up)>) -> Result<Self> {
        let (variables, clusters): (Vec<_>, Vec<_>) = clusters.into_iter().unzip();
        let mut brokers = Self {
            clusters,
            addresses: Vec::new(),
        };
        // What an earlier run may have left, when it was killed.
        brokers.stop()?;
        // All at once: a start is waiting more than work.
        let started: Vec<Result<String>> = thread::scope(|scope| {
            let starts: Vec<_> = brokers
                .clusters
                .iter()
                .map(|up| scope.spawn(|| kafka::up(up)))
                .collect();
            starts
                .into_iter()
                .map(|start| start.join().unwrap_or_else(|_| bail!("a start panicked")))
                .collect()
        });
        for (variables, address) in variables.into_iter().zip(started) {
            brokers.addresses.push((variables, address?));
        }
        Ok(brokers)
    }

    /// Copies the brokers' logs beside the log of the tests; stopping removes them.
    fn keep_logs(&self) -> Result<()> {
        let folder = run::log_folder();
        for Up { name, .. } in &self.clusters {
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
        for up in &self.clusters {
            kafka::down(&up.name)?;
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
