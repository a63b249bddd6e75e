//! Does work grow with partitions that have nothing to do, or only with records?
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml --bin partitions [ROUNDS]
//! ```
//!
//! CPU time (user and system) of the producing process per record of 100 bytes, in turns:
//!
//! - one active partition alone, and beside 5,000 idle ones that were produced to before;
//! - six active partitions and 1,000, with the same number of records in each batch.

use std::time::Duration;

use milena::{Client, NewTopic, Producer, Record};
use milena_bench::{Broker, Failure, cpu, median, serve_if_asked};

const RECORDS: usize = 1_000_000;
const VALUE: [u8; 100] = [b'x'; 100];
/// About a hundred records a batch, however many partitions share them.
const BATCH_SIZE: usize = 11 * 1024;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    if serve_if_asked().await? {
        return Ok(());
    }
    let rounds = std::env::args().nth(1).map_or(Ok(7), |arg| arg.parse())?;
    let broker = Broker::start().await?;
    let cases = [
        Case::prepare(&broker, "one", 1, 1).await?,
        Case::prepare(&broker, "one-of-5001", 5_001, 1).await?,
        Case::prepare(&broker, "six", 6, 6).await?,
        Case::prepare(&broker, "thousand", 1_000, 1_000).await?,
    ];
    let mut figures = vec![Vec::new(); cases.len()];
    for round in 0..=rounds {
        for (case, figures) in cases.iter().zip(&mut figures) {
            let figure = case.run().await?;
            // The first round warms caches and buffers up.
            if round > 0 {
                figures.push(figure);
            }
        }
    }
    for (case, figures) in cases.iter().zip(&mut figures) {
        println!(
            "{:12} {:5} partitions, {:4} active: {:.3} us CPU per record",
            case.topic,
            case.partitions,
            case.active,
            median(figures)
        );
    }
    let ratio = |a: usize, b: usize| {
        let mut ratios: Vec<f64> = figures[b]
            .iter()
            .zip(&figures[a])
            .map(|(b, a)| b / a)
            .collect();
        median(&mut ratios)
    };
    println!("one beside 5,000 idle / one alone: {:.2}", ratio(0, 1));
    println!("1,000 active / six active:         {:.2}", ratio(2, 3));
    Ok(())
}

struct Case {
    topic: &'static str,
    partitions: usize,
    active: usize,
    producer: Producer,
}

impl Case {
    async fn prepare(
        broker: &Broker,
        topic: &'static str,
        partitions: usize,
        active: usize,
    ) -> Result<Self, Failure> {
        let client = Client::builder(&broker.bootstrap).connect().await?;
        let count = i32::try_from(partitions)?;
        client
            .admin()
            .create_topic(NewTopic::new(topic, count, 1))
            .await?;
        let producer = client
            .producer()
            .batch_size(BATCH_SIZE)
            .linger(Duration::from_millis(500))
            .buffer_memory(64 << 20)
            .build()?;
        for partition in 0..count {
            drop(
                producer
                    .send(Record::to(topic).partition(partition).value(&VALUE))
                    .await?,
            );
        }
        producer.flush().await;
        Ok(Self {
            topic,
            partitions,
            active,
            producer,
        })
    }

    /// Microseconds of CPU per record.
    async fn run(&self) -> Result<f64, Failure> {
        let before = cpu()?;
        for at in 0..RECORDS {
            let partition = i32::try_from(at % self.active)?;
            let record = Record::to(self.topic).partition(partition).value(&VALUE);
            drop(self.producer.send(record).await?);
        }
        self.producer.flush().await;
        Ok((cpu()? - before).as_secs_f64() * 1e6 / RECORDS as f64)
    }
}
