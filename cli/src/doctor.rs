//! `milena doctor`: what is wrong between here and a cluster.

mod address;
mod cluster;
mod report;
mod topic;
mod wire;

use std::time::Duration;

use milena::Bootstrap;

use self::{
    address::{Address, examine},
    report::{Level, Report},
};
use crate::{Misuse, Outcome, interrupt::Interrupt, say::say};

/// Say, address by address, what is wrong between here and a cluster.
///
/// Looks at the names, the ports, what speaks there and in which versions; then at each broker where the cluster says that it
/// is, which is where clients are sent; and at topics. Changes nothing.
///
/// The exit status is 1 if there is a problem; a remark is something that clients get along with.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  milena doctor -b localhost:9092
  milena doctor -b kafka-1:9092,kafka-2:9092 --topic orders
  milena doctor -b kafka-1:9092 --json | jq '.findings[] | select(.level == \"problem\")'")]
pub(crate) struct Args {
    /// Addresses to begin with; each of them is looked at.
    #[arg(short, long, value_name = "HOST:PORT[,…]")]
    bootstrap_server: String,
    /// A topic to look at, too. May be repeated.
    #[arg(short, long)]
    topic: Vec<String>,
    /// How long to wait for each answer.
    #[arg(long, default_value_t = 5000, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    timeout_ms: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let addresses = args.bootstrap_server.as_str().addresses();
    let addresses: Option<Vec<_>> = addresses.iter().map(|text| Address::parse(text)).collect();
    let addresses = addresses.filter(|all| !all.is_empty());
    let addresses = addresses.ok_or(Misuse("--bootstrap-server is not HOST:PORT[,HOST:PORT…]"))?;
    let mut interrupt = Interrupt::install()?;
    let report = tokio::select! {
        report = look(&addresses, &args) => report,
        () = interrupt.wait() => return Ok(Outcome::Interrupted),
    };
    match args.json {
        true => say(report.json())?,
        false => say(&report)?,
    }
    Ok(match report.count(Level::Problem) {
        0 => Outcome::Done,
        _ => Outcome::Failed,
    })
}

async fn look(addresses: &[Address], args: &Args) -> Report {
    let patience = Duration::from_millis(args.timeout_ms);
    let mut report = Report::default();
    let (mut found, mut examined) = (Vec::new(), Vec::new());
    for address in addresses {
        let mut result = examine(address, &args.topic, patience).await;
        found.extend(result.seen.take().map(|seen| (address.clone(), seen)));
        examined.push((address, result.findings));
    }
    for (address, findings) in examined {
        for finding in findings {
            // One address that leads there is enough for a client to find all.
            let is_enough = !found.is_empty() && finding.code != "versions";
            let finding = if is_enough { finding.mild() } else { finding };
            report.add(&address.to_string(), finding);
        }
    }
    cluster::compare(&found, &mut report);
    cluster::visit(&found, patience, &mut report).await;
    if let Some((_, seen)) = found.first_mut() {
        for name in &args.topic {
            topic::look(name, seen, &mut report).await;
        }
    }
    report
}
