//! A first look at Milena: 100,000 records into a cluster and out again, while the cluster has a bad day.
//!
//! ```sh
//! cargo run --release --example quickstart
//! cargo run --release --example quickstart -- --bootstrap-server localhost:9092
//! ```
//!
//! The first starts a cluster of three brokers within this process, and needs nothing installed. The second does the same
//! with a real cluster, which it leaves in peace.

use std::{
    collections::{BTreeMap, VecDeque},
    error::Error,
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use milena::{Client, Compression, Delivery, NewTopic, ReceivedRecord, Record, RecordMetadata};
use milena_broker::Cluster;

const RECORDS: u64 = 100_000;
const PARTITIONS: i32 = 6;

/// Produce 100,000 records, read them back, and compare.
#[derive(Parser)]
struct Args {
    /// Use this cluster instead of one that is started for the occasion.
    #[arg(long, value_name = "HOST:PORT[,…]")]
    bootstrap_server: Option<String>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();

    // A cluster: one of our own, whose leaders and brokers we may push around, or the one that was named.
    let embedded = match &args.bootstrap_server {
        None => Some(Cluster::builder().nodes(3).start().await?),
        Some(_) => None,
    };
    let bootstrap = match (&embedded, args.bootstrap_server) {
        (Some(cluster), _) => cluster.bootstrap(),
        (None, named) => named.unwrap_or_default(),
    };

    // A client connects to any broker, and learns of the others from it.
    let client = Client::builder(bootstrap).connect().await?;
    let brokers = client.brokers();
    println!("connected to {} brokers", brokers.len());

    // A topic, with three copies of each partition if there are three brokers to hold them.
    let topic = format!(
        "quickstart-{}",
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis()
    );
    let replicas = i16::try_from(brokers.len().min(3))?;
    client
        .admin()
        .create_topic(NewTopic::new(&topic, PARTITIONS, replicas))
        .await?;
    println!("created topic {topic}: {PARTITIONS} partitions, {replicas} replicas");

    let stored = produce(&client, &topic, embedded.as_ref()).await?;
    let summary = read_back(&client, &topic, &stored).await?;
    summary.print();

    if embedded.is_none() {
        for deleted in client.admin().delete_topics([topic]).await {
            deleted.result?;
        }
    }
    println!("{}", summary.verdict());
    Ok(if summary.is_perfect() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Produces all orders; tells where each was stored. In between, bad things happen to the cluster.
async fn produce(
    client: &Client,
    topic: &str,
    embedded: Option<&Cluster>,
) -> Result<Vec<RecordMetadata>, Box<dyn Error>> {
    // Everything has Kafka's defaults: acknowledged by all replicas, and idempotent, so that a retry stores nothing twice.
    let producer = client
        .producer()
        .compression(Compression::LZ4)
        .linger(Duration::from_millis(5))
        .build()?;

    let start = Instant::now();
    let mut waiting: VecDeque<Delivery> = VecDeque::new();
    let mut stored = Vec::new();
    let mut mishaps = 0;
    for number in 0..RECORDS {
        let order = Order::new(number);

        // The first await: the record is accepted. It is buffered, and has its place in the order of its partition.
        let delivery = producer.send(order.record(topic)).await?;

        // The second await: the record is acknowledged. Waiting right here would mean one record at a time, so deliveries are
        // collected, and we wait for the oldest when there are many.
        waiting.push_back(delivery);
        if waiting.len() > 5_000
            && let Some(oldest) = waiting.pop_front()
        {
            stored.push(oldest.await?);
            if let Some(cluster) = embedded {
                mishaps += disturb(cluster, topic, stored.len()).await?;
            }
        }
    }

    // `close` sends what is left without lingering. Nothing is lost silently: it would say how many records were.
    producer.close(Duration::from_secs(60)).await?;
    for delivery in waiting {
        stored.push(delivery.await?);
    }
    println!(
        "produced {} records in {:.2?}",
        stored.len(),
        start.elapsed()
    );
    if embedded.is_some() && mishaps != 3 {
        return Err(
            format!("{mishaps} of 3 mishaps came to pass while records were under way").into(),
        );
    }
    Ok(stored)
}

/// What goes wrong, by the number of records acknowledged so far; thousands more are under way at each moment. Gives the number
/// of mishaps.
async fn disturb(
    cluster: &Cluster,
    topic: &str,
    acknowledged: usize,
) -> Result<u32, Box<dyn Error>> {
    match acknowledged {
        30_000 => {
            let (leader, _) = cluster
                .with_state(|state| state.leader(topic, 0))
                .ok_or("no leader")?;
            let next = leader % 3 + 1;
            cluster.move_leader(topic, 0, next)?;
            println!(
                "{acknowledged} acknowledged: the leader of partition 0 moves from broker {leader} to {next}"
            );
        }
        50_000 => {
            cluster.node_down(2).await?;
            println!("{acknowledged} acknowledged: broker 2 goes down");
        }
        60_000 => {
            cluster.node_up(2).await?;
            println!("{acknowledged} acknowledged: broker 2 comes back");
        }
        _ => return Ok(0),
    }
    Ok(1)
}

/// Reads the topic from the beginning to the end, and compares it with what was acknowledged.
async fn read_back(
    client: &Client,
    topic: &str,
    stored: &[RecordMetadata],
) -> Result<Summary, Box<dyn Error>> {
    let mut summary = Summary {
        delivered: stored.len() as u64,
        ..Summary::default()
    };
    let mut times_seen = vec![0_u64; stored.len()];

    let mut reader = client
        .reader(topic)
        .from_beginning()
        .to_end()
        .build()
        .await?;
    while let Some(record) = reader.next().await {
        let record = record?;
        let number = Order::check(&record)?;
        let index = usize::try_from(number)?;
        let (Some(seen), Some(acknowledged)) = (times_seen.get_mut(index), stored.get(index))
        else {
            return Err(format!("order {number} was never produced").into());
        };
        *seen += 1;
        let partition_and_offset = (record.partition, Some(record.offset));
        if *seen == 1 && partition_and_offset != (acknowledged.partition(), acknowledged.offset()) {
            return Err(format!("order {number} is not where {acknowledged:?} says").into());
        }
        summary.count(number, &record);
    }
    for (partition, bytes) in reader.fetched_bytes() {
        summary.partitions.entry(partition).or_default().bytes_out = bytes;
    }

    summary.lost = times_seen.iter().filter(|seen| **seen == 0).count() as u64;
    summary.duplicated = times_seen.iter().map(|seen| seen.saturating_sub(1)).sum();
    Ok(summary)
}

/// What the records are made of.
struct Order {
    number: String,
    customer: String,
    text: String,
}

impl Order {
    fn new(number: u64) -> Self {
        let apples = number * 7 % 100;
        Self {
            number: number.to_string(),
            customer: format!("customer-{}", number % 1000),
            text: format!(
                r#"{{"order": {number}, "item": "apples", "amount": {apples}, "currency": "CZK"}}"#
            ),
        }
    }

    /// The record borrows from the order: its bytes are copied once, into the batch that they are sent in.
    fn record<'a>(&'a self, topic: &'a str) -> Record<'a> {
        Record::to(topic)
            .key(self.customer.as_str())
            .value(self.text.as_str())
            .header("number", self.number.as_str())
            .header("source", "quickstart")
    }

    /// The number of the order that a record holds, if it holds that order entirely.
    fn check(record: &ReceivedRecord) -> Result<u64, Box<dyn Error>> {
        let headers: Vec<_> = record.headers.iter().collect();
        let number = headers
            .first()
            .and_then(|header| header.value.as_deref())
            .unwrap_or_default();
        let number = str::from_utf8(number)?.parse()?;
        let order = Self::new(number);
        let expected_headers = [("number", order.number.as_str()), ("source", "quickstart")];
        let is_same = record.key.as_deref() == Some(order.customer.as_bytes())
            && record.value.as_deref() == Some(order.text.as_bytes())
            && headers.len() == expected_headers.len()
            && headers
                .iter()
                .zip(expected_headers)
                .all(|(header, (name, value))| {
                    header.key() == name && header.value.as_deref() == Some(value.as_bytes())
                });
        if is_same {
            Ok(number)
        } else {
            Err(format!("{record:?} is not order {number}").into())
        }
    }
}

/// What became of the records.
#[derive(Default)]
struct Summary {
    delivered: u64,
    read_back: u64,
    lost: u64,
    duplicated: u64,
    out_of_order: u64,
    partitions: BTreeMap<i32, PartitionSummary>,
}

#[derive(Default)]
struct PartitionSummary {
    records: u64,
    first_offset: i64,
    last_offset: i64,
    last_number: u64,
    /// Keys, values and headers, as they were handed to the producer.
    bytes_in: u64,
    /// Batches, as they were stored.
    bytes_out: u64,
}

impl Summary {
    fn count(&mut self, number: u64, record: &ReceivedRecord) {
        self.read_back += 1;
        let partition = self.partitions.entry(record.partition).or_default();
        if partition.records == 0 {
            partition.first_offset = record.offset;
        } else if number < partition.last_number {
            self.out_of_order += 1;
        }
        partition.records += 1;
        partition.last_offset = record.offset;
        partition.last_number = number;
        let size = |bytes: Option<usize>| bytes.unwrap_or(0) as u64;
        partition.bytes_in += size(record.key.as_ref().map(|key| key.len()));
        partition.bytes_in += size(record.value.as_ref().map(|value| value.len()));
        for header in &record.headers {
            partition.bytes_in += header.key_bytes.len() as u64;
            partition.bytes_in += size(header.value.map(|value| value.len()));
        }
    }

    fn print(&self) {
        println!(
            "\npartition   records   first offset   last offset    bytes in   bytes out   ratio"
        );
        for (number, partition) in &self.partitions {
            let PartitionSummary {
                records,
                first_offset,
                last_offset,
                bytes_in,
                bytes_out,
                ..
            } = partition;
            let ratio = *bytes_in as f64 / *bytes_out as f64;
            println!(
                "{number:>9}{records:>10}{first_offset:>15}{last_offset:>14}{bytes_in:>12}{bytes_out:>12}{ratio:>8.2}"
            );
        }
        println!();
    }

    fn verdict(&self) -> String {
        let Self {
            delivered,
            read_back,
            lost,
            duplicated,
            out_of_order,
            ..
        } = self;
        format!(
            "delivered {delivered}, read back {read_back}, lost {lost}, duplicated {duplicated}, out of order {out_of_order}"
        )
    }

    fn is_perfect(&self) -> bool {
        let wrong = self.lost + self.duplicated + self.out_of_order;
        self.delivered == RECORDS && self.read_back == RECORDS && wrong == 0
    }
}
