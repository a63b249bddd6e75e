//! `milena broker`: the embedded cluster as a process.

mod record;

use std::{io::Write, path::PathBuf};

use anyhow::{Context, bail};
use milena_broker::Cluster;

use self::record::Recording;
use crate::{Outcome, interrupt::Interrupt};

/// Run an embedded cluster on 127.0.0.1 until Ctrl-C. All data is in memory and gone afterwards.
///
/// The first line on standard output is the bootstrap address.
///
/// With --record, each frame is a file of its bytes on the wire, length included, as `milena decode` takes it. Names
/// sort: NODE-CONNECTION-REQUEST-DIRECTION-API-VERSION, as in n1-c0002-000003-request-Produce-v13.bin. The responses
/// have the numbers of their requests. A recording that cannot go on ends, and the cluster does not.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  milena broker --nodes 3 --port 9092
  milena broker --topic orders:6 --topic audit:1 --no-auto-create
  milena broker --port 9092 --record frames

In a script:
  milena broker >address & sleep 1
  milena topics list -b \"$(cat address)\"")]
pub(crate) struct Args {
    /// How many brokers.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=100))]
    nodes: i32,
    /// Port of the first broker; the others follow it. 0: any that are free.
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    port: u16,
    /// A topic that is there from the start. May be repeated.
    #[arg(long, value_name = "NAME:PARTITIONS", value_parser = parse_topic)]
    topic: Vec<(String, i32)>,
    /// Partitions of a topic that is created without a number of them.
    #[arg(long, default_value_t = 1, value_name = "N")]
    partitions: i32,
    /// Do not create a topic when somebody produces to it.
    #[arg(long)]
    no_auto_create: bool,
    /// Bytes that all logs may take together; the oldest records go first.
    #[arg(long, default_value_t = 1 << 30, value_name = "BYTES")]
    retention_bytes: u64,
    /// The feature of this name: 2 for transactions as of Kafka 4.0, 0 or 1 for those before.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(i16).range(0..=2))]
    transaction_version: i16,
    /// Write every request and response to a file of its own in this directory, which must be empty or new.
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

fn parse_topic(text: &str) -> anyhow::Result<(String, i32)> {
    let Some((name, partitions)) = text.rsplit_once(':') else {
        bail!("expected NAME:PARTITIONS, such as orders:6");
    };
    let partitions = partitions.parse().context("PARTITIONS is a number")?;
    Ok((name.to_owned(), partitions))
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut interrupt = Interrupt::install()?;
    let mut builder = Cluster::builder()
        .nodes(args.nodes)
        .port(args.port)
        .partitions(args.partitions)
        .auto_create_topics(!args.no_auto_create)
        .transaction_version(args.transaction_version)
        .retention_bytes(args.retention_bytes);
    for (name, partitions) in args.topic {
        builder = builder.topic(name, partitions);
    }
    let recording = args.record.as_deref().map(Recording::start).transpose()?;
    if let Some(recording) = &recording {
        builder = builder.observe(recording.observer());
    }
    let cluster = builder
        .start()
        .await
        .context("the cluster cannot be started")?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", cluster.bootstrap())
        .and_then(|()| stdout.flush())
        .context("the bootstrap address cannot be written")?;
    interrupt.wait().await;
    cluster.shutdown().await;
    let Some(recording) = recording else {
        return Ok(Outcome::Done);
    };
    tokio::select! {
        finished = recording.finish() => Ok(if finished? { Outcome::Done } else { Outcome::Failed }),
        () = interrupt.wait() => Ok(Outcome::Interrupted),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_topic;

    #[test]
    fn a_topic_is_a_name_and_a_number() {
        assert_eq!(parse_topic("orders:6").unwrap(), ("orders".to_owned(), 6));
        assert!(parse_topic("orders").is_err());
        assert!(parse_topic("orders:many").is_err());
    }
}
