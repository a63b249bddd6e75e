//! `cargo xtask chaos`: a real cluster under load and faults, drawn from a seed.
//!
//! The cluster is started here, and stopped whatever happens. `milena-chaos` does the rest; it runs in the dev profile, so
//! that the client's own assertions hold too.

use std::env;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::kafka::{self, DEFAULT_VERSION, STOP_GRACE, Up, cluster, node};
use crate::test::plan;
use crate::{interrupt, java, maven, paths};

/// What loads the cluster, and judges.
const PROGRAM: &str = "milena-chaos";
/// The cluster's name.
const NAME: &str = "chaos";

/// A node that is gone is found out in seconds, so that others are elected while it is away. No leader is elected that lacks
/// acknowledged records, or what is lost would not be the client's fault.
const SETTINGS: [(&str, &str); 7] = [
    ("auto.create.topics.enable", "false"),
    ("unclean.leader.election.enable", "false"),
    ("replica.lag.time.max.ms", "5000"),
    ("broker.session.timeout.ms", "4000"),
    ("broker.heartbeat.interval.ms", "1000"),
    ("controller.quorum.election.timeout.ms", "1000"),
    ("controller.quorum.fetch.timeout.ms", "3000"),
];

/// How long, with which faults, on what.
#[derive(Args, Clone, Debug)]
pub(crate) struct Choice {
    /// For how long faults begin, in minutes.
    #[arg(long, default_value_t = 2.0, value_parser = parse_minutes)]
    pub(crate) minutes: f64,
    /// From which faults are drawn; another one each time if none is given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Send in transactions besides.
    #[arg(long)]
    pub(crate) transactions: bool,
    /// How many nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(3..=9))]
    pub(crate) nodes: u16,
    /// Which release of Apache Kafka.
    #[arg(long, default_value = DEFAULT_VERSION)]
    pub(crate) version: String,
    /// A level to finalize of a feature, such as transaction.version=0 (Kafka 3.9 or newer); repeatable.
    #[arg(long = "feature", value_name = "NAME=LEVEL", value_parser = kafka::parse_setting)]
    pub(crate) features: Vec<(String, String)>,
}

fn parse_minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if (0.1..=1440.0).contains(&minutes) => Ok(minutes),
        _ => Err("expected minutes between 0.1 and 1440".to_owned()),
    }
}

/// What this machine lacks for a run with the current release.
pub(crate) fn missing() -> Option<String> {
    java::missing().or_else(|| {
        let cached = node::jars(DEFAULT_VERSION).exists();
        (!cached && !maven::available()).then(|| {
            "`mvn` was not found, and the brokers' jars are not here yet (Debian: apt-get install maven)".to_owned()
        })
    })
}

/// True when every promise was kept.
pub(crate) fn command(choice: &Choice) -> Result<bool> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seed = choice.seed.unwrap_or(now.as_millis() as u64 % 1_000_000);
    let classpath = java::build().context("compiling the Java programs")?;
    // Compiled first, so that the brokers do not idle beside a busy compiler, and with the features that tests are compiled
    // with, of which most is there then.
    let arguments = ["--quiet", "--bin", PROGRAM];
    let mut build = plan::cargo(&[&["build"][..], &plan::WORKSPACE, &arguments].concat());
    let status = interrupt::spawn_group(&mut build)?.child.wait()?;
    ensure!(status.success(), "building {PROGRAM} ended with {status}");

    // What an earlier run may have left.
    kafka::down(NAME)?;
    let nodes = Nodes::start(choice)?;
    let mut run = Command::new(paths::program(PROGRAM));
    run.arg("--minutes").arg(choice.minutes.to_string());
    run.arg("--seed").arg(seed.to_string());
    if choice.transactions {
        run.arg("--transactions");
    }
    run.arg("--folder").arg(cluster::dir(NAME));
    run.arg("--xtask")
        .arg(env::current_exe().context("where this program is")?);
    run.arg("--classpath").arg(classpath);
    let success = interrupt::spawn_group(&mut run)?.child.wait()?.success();
    drop(nodes);
    if success {
        kafka::down(NAME)?;
    } else {
        let mut again = format!(
            "cargo xtask chaos --minutes {} --seed {seed} --nodes {} --version {}",
            choice.minutes, choice.nodes, choice.version,
        );
        for (name, level) in &choice.features {
            again.push_str(&format!(" --feature {name}={level}"));
        }
        if choice.transactions {
            again.push_str(" --transactions");
        }
        eprintln!("again: {again}");
        eprintln!(
            "logs and data stay until the next run: {}",
            cluster::dir(NAME).display()
        );
    }
    Ok(success)
}

/// The running nodes. Dropping them stops them, and leaves what they have written.
struct Nodes;

impl Nodes {
    fn start(choice: &Choice) -> Result<Self> {
        let nodes = Self;
        kafka::up(&Up {
            nodes: choice.nodes,
            version: choice.version.clone(),
            name: NAME.to_owned(),
            settings: SETTINGS
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .to_vec(),
            features: choice.features.clone(),
        })?;
        Ok(nodes)
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        let stopped = cluster::node_dirs(NAME).and_then(|dirs| node::stop_all(&dirs, STOP_GRACE));
        if let Err(error) = stopped {
            eprintln!("  {error:#}");
        }
    }
}
