//! `milena topics`: create, list, describe and delete, in the manner of kafka-topics.

use anyhow::bail;
use clap::{ArgAction, Subcommand};
use milena::{Admin, AdminError, NewTopic, TopicDescription};

use crate::{
    Outcome,
    connection::Connection,
    interrupt::Interrupt,
    say::{say, warn},
};

/// Create, list, describe and delete topics.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  milena topics create -b localhost:9092 -t orders --partitions 6 \\
      --replication-factor 3 --config retention.ms=86400000
  milena topics list -b localhost:9092
  milena topics describe -b localhost:9092 -t orders
  milena topics delete -b localhost:9092 -t orders --if-exists")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a topic, and wait until its partitions have leaders.
    Create(Create),
    /// Print the names of all topics.
    List(List),
    /// Print partitions, leaders and replicas.
    Describe(Describe),
    /// Delete topics and all that is in them.
    Delete(Delete),
}

#[derive(Debug, clap::Args)]
struct Create {
    #[command(flatten, next_help_heading = "Connection")]
    connection: Connection,
    /// Its name.
    #[arg(short, long)]
    topic: String,
    /// How many partitions. Default: the brokers' default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,
    /// On how many brokers each is. Default: the brokers' default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,
    /// One of Kafka's settings for topics. May be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_config)]
    config: Vec<(String, String)>,
    /// Do nothing if there is a topic of this name.
    #[arg(long)]
    if_not_exists: bool,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten, next_help_heading = "Connection")]
    connection: Connection,
    /// Leave Kafka's own topics out.
    #[arg(long)]
    exclude_internal: bool,
}

#[derive(Debug, clap::Args)]
struct Describe {
    #[command(flatten, next_help_heading = "Connection")]
    connection: Connection,
    /// Only this topic. May be repeated. Default: all.
    #[arg(short, long)]
    topic: Vec<String>,
}

#[derive(Debug, clap::Args)]
struct Delete {
    #[command(flatten, next_help_heading = "Connection")]
    connection: Connection,
    /// Its name. May be repeated.
    #[arg(short, long, required = true, action = ArgAction::Append)]
    topic: Vec<String>,
    /// Do nothing if there is no topic of this name.
    #[arg(long)]
    if_exists: bool,
}

fn parse_config(text: &str) -> anyhow::Result<(String, String)> {
    match text.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => bail!("expected NAME=VALUE, such as retention.ms=86400000"),
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<Outcome> {
    let mut interrupt = Interrupt::install()?;
    let act = async {
        match args.action {
            Action::Create(args) => create(args).await,
            Action::List(args) => list(args).await,
            Action::Describe(args) => describe(args).await,
            Action::Delete(args) => delete(args).await,
        }
    };
    tokio::select! {
        outcome = act => outcome,
        () = interrupt.wait() => Ok(Outcome::Interrupted),
    }
}

/// Kafka's error code for a topic that is there already.
pub(crate) const TOPIC_ALREADY_EXISTS: i16 = 36;
/// Kafka's error code for a topic that is not there.
const UNKNOWN_TOPIC: i16 = 3;

async fn create(args: Create) -> anyhow::Result<Outcome> {
    let admin = args.connection.connect().await?.admin();
    let (partitions, replicas) = (
        args.partitions.unwrap_or(-1),
        args.replication_factor.unwrap_or(-1),
    );
    let mut topic = NewTopic::new(&args.topic, partitions, replicas);
    for (name, value) in args.config {
        topic = topic.config(name, value);
    }
    match admin.create_topic(topic).await {
        Ok(_) => say(format_args!("Created topic {}.", args.topic))?,
        Err(error) if args.if_not_exists && error.code() == Some(TOPIC_ALREADY_EXISTS) => {}
        Err(error) => return Err(about(&args.topic, error)),
    }
    Ok(Outcome::Done)
}

async fn list(args: List) -> anyhow::Result<Outcome> {
    let admin = args.connection.connect().await?.admin();
    for topic in admin.list_topics().await? {
        if !(args.exclude_internal && topic.internal) {
            say(&topic.name)?;
        }
    }
    Ok(Outcome::Done)
}

async fn describe(args: Describe) -> anyhow::Result<Outcome> {
    let admin = args.connection.connect().await?.admin();
    let names = if args.topic.is_empty() {
        all_names(&admin).await?
    } else {
        args.topic
    };
    let mut failures = Failures::default();
    for described in admin.describe_topics(names).await {
        match described.result {
            Ok(topic) => say(description(&topic))?,
            Err(error) => failures.tell(&described.topic, error),
        }
    }
    Ok(failures.outcome())
}

async fn all_names(admin: &Admin) -> Result<Vec<String>, AdminError> {
    Ok(admin
        .list_topics()
        .await?
        .into_iter()
        .map(|topic| topic.name)
        .collect())
}

async fn delete(args: Delete) -> anyhow::Result<Outcome> {
    let admin = args.connection.connect().await?.admin();
    let mut failures = Failures::default();
    for deleted in admin.delete_topics(args.topic).await {
        match deleted.result {
            Ok(()) => say(format_args!("Deleted topic {}.", deleted.topic))?,
            Err(error) if args.if_exists && error.code() == Some(UNKNOWN_TOPIC) => {}
            Err(error) => failures.tell(&deleted.topic, error),
        }
    }
    Ok(failures.outcome())
}

/// The lines of kafka-topics, as far as the cluster tells what they hold.
fn description(topic: &TopicDescription) -> String {
    let replicas = topic
        .partitions
        .first()
        .map_or(0, |partition| partition.replicas.len());
    let mut text = format!("Topic: {}", topic.name);
    if let Some(id) = &topic.id {
        text += &format!("\tTopicId: {id}");
    }
    text += &format!(
        "\tPartitionCount: {}\tReplicationFactor: {replicas}",
        topic.partitions.len()
    );
    for partition in &topic.partitions {
        let leader = partition
            .leader
            .map_or_else(|| "none".to_owned(), |leader| leader.to_string());
        text += &format!(
            "\n\tTopic: {}\tPartition: {}\tLeader: {leader}\tReplicas: {}\tIsr: {}",
            topic.name,
            partition.id,
            joined(&partition.replicas),
            joined(&partition.isr)
        );
    }
    text
}

fn joined(ids: &[i32]) -> String {
    ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",")
}

fn about(topic: &str, error: AdminError) -> anyhow::Error {
    anyhow::Error::new(error).context(format!("topic {topic}"))
}

/// Topics that something went wrong with, told as they come.
#[derive(Debug, Default)]
struct Failures(bool);

impl Failures {
    fn tell(&mut self, topic: &str, error: AdminError) {
        warn(format_args!("{:#}", about(topic, error)));
        self.0 = true;
    }

    fn outcome(self) -> Outcome {
        if self.0 {
            Outcome::Failed
        } else {
            Outcome::Done
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use milena::Partition;

    #[test]
    fn a_description_reads_as_kafkas() {
        let partition = |id, leader| Partition {
            id,
            leader,
            replicas: vec![1, 2],
            isr: vec![2],
        };
        let topic = TopicDescription {
            name: "orders".to_owned(),
            id: None,
            internal: false,
            partitions: vec![partition(0, Some(2)), partition(1, None)],
        };
        assert_eq!(
            description(&topic),
            "Topic: orders\tPartitionCount: 2\tReplicationFactor: 2\n\
             \tTopic: orders\tPartition: 0\tLeader: 2\tReplicas: 1,2\tIsr: 2\n\
             \tTopic: orders\tPartition: 1\tLeader: none\tReplicas: 1,2\tIsr: 2"
        );
    }

    #[test]
    fn a_setting_is_a_name_and_a_value() {
        let parsed = parse_config("a=b=c").unwrap();
        assert_eq!(parsed, ("a".to_owned(), "b=c".to_owned()));
        assert!(parse_config("a").is_err());
    }
}
