//! Apache Kafka for the tests: real brokers from Maven's jars, started and stopped by process id.
//!
//! A cluster is a folder, `target/kafka/NAME`, with a folder for each node:
//!
//! ```text
//! target/kafka/jars/4.3.1/      the broker's jars, fetched once
//! target/kafka/bootstrap        where the cluster named `default` answers
//! target/kafka/NAME/bootstrap   where that cluster answers: 127.0.0.1:20001,127.0.0.1:20003,…
//! target/kafka/NAME/cluster     version, ports and settings
//! target/kafka/NAME/node-1/     server.properties, pid, broker.log, data/
//! ```
//!
//! Nodes outlive the command that started them. `down` stops them and removes the folder. A node that was
//! killed comes back, on its port and with its data, by the same `up` again.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{interrupt, java, maven, paths};

use cluster::{Cluster, Spec};
pub(crate) use properties::parse_setting;

pub(crate) mod cluster;
pub(crate) mod node;
mod ports;
mod probe;
mod properties;
pub(crate) mod status;

/// The release that is used when none is named.
pub(crate) const DEFAULT_VERSION: &str = "4.3.1";

/// How long a node may take to stop by itself before it is killed.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);

/// How long a cluster may take to answer, on a busy machine with two slow cores.
const START_DEADLINE: Duration = Duration::from_secs(300);

/// How often other ports are tried when somebody takes one between choosing it and using it.
const PORT_ATTEMPTS: u32 = 3;

/// What `kafka up` is asked for.
#[derive(Args, Clone, Debug)]
pub(crate) struct Up {
    /// How many nodes, each broker and controller in one.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=9))]
    pub(crate) nodes: u16,
    /// Which release of Apache Kafka (3.0 or newer).
    #[arg(long, default_value = DEFAULT_VERSION)]
    pub(crate) version: String,
    /// Which cluster; several may run side by side.
    #[arg(long, default_value = cluster::DEFAULT_NAME)]
    pub(crate) name: String,
    /// A broker setting, over those chosen here; repeatable.
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_setting)]
    pub(crate) settings: Vec<(String, String)>,
    /// A level to finalize of a feature, such as transaction.version=0 (Kafka 3.9 or newer); repeatable.
    #[arg(long = "feature", value_name = "NAME=LEVEL", value_parser = parse_setting)]
    pub(crate) features: Vec<(String, String)>,
}

/// Starts a cluster, or the nodes of it that do not run, and waits until every node answers.
/// Returns the bootstrap address.
pub(crate) fn up(ask: &Up) -> Result<String> {
    let spec = Spec::new(ask)?;
    java::check()?;
    fs::create_dir_all(paths::kafka())?;
    let lock = cluster::lock(&spec.name)?;
    let started = Instant::now();
    let cluster = match Cluster::load(&spec.name)? {
        Some(cluster) if cluster.spec == spec => {
            resume(&cluster)?;
            cluster
        }
        Some(cluster) if cluster.any_running() => bail!(
            "cluster `{}` runs already, with {}; stop it first: cargo xtask kafka down --name {}",
            spec.name,
            cluster.spec,
            spec.name
        ),
        _ => create(&spec)?,
    };
    drop(lock);
    eprintln!(
        "cluster `{}` ({}) answers after {:.1} s",
        spec.name,
        spec,
        started.elapsed().as_secs_f64()
    );
    Ok(cluster.bootstrap())
}

/// Stops a cluster and removes its folder. False when there was none.
pub(crate) fn down(name: &str) -> Result<bool> {
    cluster::check_name(name)?;
    fs::create_dir_all(paths::kafka())?;
    let lock = cluster::lock(name)?;
    let found = cluster::dir(name).exists();
    if found {
        node::stop_all(&cluster::node_dirs(name)?, STOP_GRACE)?;
        cluster::forget(name)?;
    }
    drop(lock);
    Ok(found)
}

fn create(spec: &Spec) -> Result<Cluster> {
    fetch(&spec.version)?;
    for attempt in 1.. {
        if cluster::dir(&spec.name).exists() {
            node::stop_all(&cluster::node_dirs(&spec.name)?, STOP_GRACE)?;
        }
        cluster::forget(&spec.name)?;
        let cluster = Cluster::create(spec.clone())?;
        let outcome = cluster
            .format()
            .and_then(|()| start(&cluster, &cluster.node_dirs()))
            .and_then(|()| cluster.save());
        let Err(error) = outcome else {
            return Ok(cluster);
        };
        // The folder stays, for its logs; the next `up` starts afresh.
        if attempt < PORT_ATTEMPTS && cluster.lost_a_port() {
            eprintln!("  a port was taken meanwhile; trying others");
            continue;
        }
        return Err(error);
    }
    bail!("no attempts left")
}

fn resume(cluster: &Cluster) -> Result<()> {
    let mut stopped = cluster.node_dirs();
    stopped.retain(|dir| node::pid(dir).is_none());
    if !stopped.is_empty() {
        fetch(&cluster.spec.version)?;
        cluster.check_ports_free(&stopped)?;
    }
    start(cluster, &stopped)
}

/// Starts those nodes and waits for the whole cluster. Whatever goes wrong, they are stopped again.
fn start(cluster: &Cluster, nodes: &[std::path::PathBuf]) -> Result<()> {
    let outcome = (|| {
        for dir in nodes {
            interrupt::own_node(dir, || node::start(dir, &cluster.spec))?;
        }
        cluster.wait_until_ready(START_DEADLINE)?;
        cluster.write_bootstrap()
    })();
    if outcome.is_err() {
        node::stop_all(nodes, STOP_GRACE)?;
    }
    outcome
}

/// Fetches the jars of a release, unless they are here.
pub(crate) fn fetch(version: &str) -> Result<()> {
    let pom = paths::root().join("testdata").join("kafka").join("pom.xml");
    maven::fetch_jars(&pom, &[("kafka.version", version)], &node::jars(version))
        .with_context(|| format!("fetching Apache Kafka {version}"))
}
