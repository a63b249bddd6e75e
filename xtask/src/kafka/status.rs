//! What runs, and whether it answers.

use anyhow::Result;

use super::cluster::{self, Cluster};
use super::{node, probe};

/// Prints the clusters, one or all. False when a node does not answer, or when the one asked for is not there.
pub(crate) fn print(only: Option<&str>) -> Result<bool> {
    let names = match only {
        Some(name) => {
            cluster::check_name(name)?;
            vec![name.to_owned()]
        }
        None => cluster::names()?,
    };
    if names.is_empty() {
        println!("no cluster; start one with: cargo xtask kafka up");
    }
    let mut healthy = true;
    for name in names {
        match Cluster::load(&name)? {
            Some(cluster) => healthy &= print_cluster(&name, &cluster),
            None => {
                println!("{name}: not up, or not yet");
                healthy = only.is_none();
            }
        }
    }
    Ok(healthy)
}

fn print_cluster(name: &str, cluster: &Cluster) -> bool {
    println!("{name}: {}", cluster.spec);
    println!("  bootstrap {}", cluster.bootstrap());
    let mut healthy = true;
    for ((dir, port, _), id) in cluster.nodes().zip(1..) {
        let Some(pid) = node::pid(&dir) else {
            println!("  node {id}  127.0.0.1:{port}  stopped");
            healthy = false;
            continue;
        };
        let memory = node::resident_mib(pid).map_or_else(String::new, |mib| format!("  {mib} MiB"));
        let answer = match probe::brokers(port) {
            Ok(count) => format!("answers, knows {count} of {} nodes", cluster.spec.nodes),
            Err(error) => {
                healthy = false;
                format!("does not answer: {error:#}")
            }
        };
        println!("  node {id}  127.0.0.1:{port}  pid {pid}{memory}  {answer}");
    }
    healthy
}
