//! Consume, transform, produce: each order becomes a bill exactly once, although every third attempt fails half-way.
//!
//! ```sh
//! cargo run --release --example transform
//! cargo run --release --example transform -- --bootstrap-server localhost:9092
//! ```
//!
//! The first starts a cluster of three brokers within this process, and needs nothing installed.

use std::{
    collections::BTreeMap,
    error::Error,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::Parser;
use milena::{
    Client, ConsumerGroupMetadata, Delivery, IsolationLevel, NewTopic, PartitionOffset, Reader,
    ReceivedRecord, Record, Transaction, TransactionError, TransactionalProducer,
};
use milena_broker::Cluster;

const ORDERS: usize = 3_000;
const PARTITIONS: i32 = 3;
/// Orders that are worked off in one transaction.
const AT_A_TIME: usize = 50;

/// Turn 3,000 orders into bills, and look whether each has one.
#[derive(Parser)]
struct Args {
    /// Use this cluster instead of one that is started for the occasion.
    #[arg(long, value_name = "HOST:PORT[,…]")]
    bootstrap_server: Option<String>,
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args = Args::parse();
    let embedded = match &args.bootstrap_server {
        None => Some(Cluster::builder().nodes(3).start().await?),
        Some(_) => None,
    };
    let bootstrap = match (&embedded, args.bootstrap_server) {
        (Some(cluster), _) => cluster.bootstrap(),
        (None, named) => named.unwrap_or_default(),
    };
    let client = Client::builder(bootstrap).connect().await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let (orders, bills) = (format!("orders-{now}"), format!("bills-{now}"));
    let replicas = i16::try_from(client.brokers().len().min(3))?;
    for topic in [&orders, &bills] {
        client
            .admin()
            .create_topic(NewTopic::new(topic, PARTITIONS, replicas))
            .await?;
    }
    take_orders(&client, &orders).await?;

    // A new producer with this id takes over from an older one, whose open transaction is aborted.
    let mut producer = client
        .transactional_producer(format!("billing-{now}"))
        .build()
        .await?;
    let mut tally = Tally::default();
    for partition in 0..PARTITIONS {
        write_bills(
            &client,
            &mut producer,
            (&orders, partition),
            &bills,
            &mut tally,
        )
        .await?;
    }
    producer.close(Duration::from_secs(30)).await?;

    let written = read_bills(&client, &bills).await?;
    let twice = written.values().filter(|&&count| count > 1).count();
    let lost = ORDERS - written.len();
    println!(
        "{} transactions committed, {} given up half-way",
        tally.committed, tally.given_up
    );
    println!(
        "orders {ORDERS}, bills {}, lost {lost}, twice {twice}",
        written.values().sum::<usize>()
    );
    Ok(if lost == 0 && twice == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What became of the transactions.
#[derive(Default)]
struct Tally {
    committed: usize,
    given_up: usize,
}

async fn take_orders(client: &Client, orders: &str) -> Result<(), Box<dyn Error>> {
    let producer = client.producer().build()?;
    let topic = producer.topic(orders);
    for number in 0..ORDERS {
        let value = format!("order {number}");
        drop(topic.send(topic.record().value(value.as_str())).await?);
    }
    Ok(producer.close(Duration::from_secs(30)).await?)
}

/// Writes a bill for each order of a partition.
async fn write_bills(
    client: &Client,
    producer: &mut TransactionalProducer,
    (orders, partition): (&str, i32),
    bills: &str,
    tally: &mut Tally,
) -> Result<(), Box<dyn Error>> {
    // The next order that has no bill yet: it moves on with each commit, as the group's offset does in the cluster.
    let mut next = 0;
    let mut reader = read_from(client, orders, partition, next).await?;
    loop {
        let mut batch = Vec::new();
        while batch.len() < AT_A_TIME
            && let Some(order) = reader.next().await
        {
            batch.push(order?);
        }
        let Some(last) = batch.last() else {
            return Ok(());
        };
        let after = last.offset + 1;

        let mut transaction = producer.begin().await?;
        let deliveries = bill(&transaction, bills, &batch).await?;
        if (tally.committed + tally.given_up) % 3 == 2 {
            // Something goes wrong when all bills are stored. They do not count, and the orders are read again.
            for delivery in deliveries {
                delivery.await?;
            }
            drop(transaction);
            tally.given_up += 1;
            reader = read_from(client, orders, partition, next).await?;
            continue;
        }
        // That these orders are done counts together with their bills. In a consumer group, `member` would go in here, too.
        let group = ConsumerGroupMetadata::new("billing");
        let offset = PartitionOffset::new(orders, partition, after);
        transaction.send_offsets([offset], &group).await?;
        match transaction.commit().await.map_err(TransactionError::from) {
            Ok(()) => {
                tally.committed += 1;
                next = after;
            }
            // Dropped with its error, the transaction is aborted. Once more, from the last commit.
            Err(TransactionError::Abortable(error)) => {
                println!("{error}; once more");
                tally.given_up += 1;
                reader = read_from(client, orders, partition, next).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

async fn bill(
    transaction: &Transaction<'_>,
    bills: &str,
    orders: &[ReceivedRecord],
) -> Result<Vec<Delivery>, Box<dyn Error>> {
    let mut deliveries = Vec::new();
    for order in orders {
        let order = String::from_utf8_lossy(order.value.as_deref().unwrap_or_default());
        let value = format!("bill for {order}");
        let record = Record::to(bills).key(order.as_ref()).value(value.as_str());
        // Whether it is stored, the commit will tell: nobody has to wait for each.
        deliveries.push(transaction.send(record).await?);
    }
    Ok(deliveries)
}

async fn read_from(
    client: &Client,
    topic: &str,
    partition: i32,
    offset: i64,
) -> Result<Reader, Box<dyn Error>> {
    let reader = client
        .reader(topic)
        .partition(partition)
        .from_offset(offset);
    Ok(reader.to_end().build().await?)
}

/// How often each bill is there, for a reader of committed records.
async fn read_bills(
    client: &Client,
    bills: &str,
) -> Result<BTreeMap<String, usize>, Box<dyn Error>> {
    let reader = client.reader(bills).from_beginning().to_end();
    let mut reader = reader
        .isolation_level(IsolationLevel::ReadCommitted)
        .build()
        .await?;
    let mut found = BTreeMap::new();
    while let Some(bill) = reader.next().await {
        let text = String::from_utf8_lossy(bill?.value.as_deref().unwrap_or_default()).into_owned();
        *found.entry(text).or_default() += 1;
    }
    Ok(found)
}
