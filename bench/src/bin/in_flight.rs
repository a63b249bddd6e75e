//! How close does one partition come to what five requests in flight allow?
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml --bin in_flight [SECONDS]
//! ```
//!
//! A broker that answers each produce request after 10 ms, or 50 ms, is kept busy with records of 100 bytes and of 1 KB, with
//! one request in flight and with five. No more can be stored than five batches in that time.
//!
//! A broker's timer rings up to a millisecond late, which is much of 10 ms. What an answer really takes is told by records
//! that are sent alone, one after the other, in the same run; the last column is what is reached of five batches in that
//! time.

use std::time::{Duration, Instant};

use milena::{Client, Record};
use milena_bench::Failure;
use milena_broker::{Cluster, Fault, protocol::ApiKey};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let seconds = std::env::args().nth(1).map_or(Ok(5), |arg| arg.parse())?;
    let time = Duration::from_secs(seconds);
    println!(
        "answer  record  in flight   records/s  records/batch  of the bound  alone     of that"
    );
    for delay in [10, 50] {
        for size in [100, 1000] {
            let one = run(delay, size, 1, time).await?;
            let five = run(delay, size, 5, time).await?;
            println!("{:>61.2} times as many", five / one);
        }
    }
    Ok(())
}

/// Records per second.
async fn run(delay: u64, size: usize, in_flight: usize, time: Duration) -> Result<f64, Failure> {
    let cluster = Cluster::builder().topic("one", 1).start().await?;
    let client = Client::builder(&cluster.bootstrap()).connect().await?;
    let producer = client.producer().max_in_flight(in_flight).build()?;
    let value = vec![b'x'; size];
    producer
        .send(Record::to("one").value(&value))
        .await?
        .await?;
    let answer = Duration::from_millis(delay);
    let slow = Fault::delay(answer).on(ApiKey::PRODUCE).always();
    cluster.faults().push(slow);
    let alone = alone(&client, &value).await?;

    // What is under way at the beginning, and what is left at the end, is not counted.
    let count = || {
        let audit = cluster.audit();
        let one = audit.partitions.iter().find(|p| p.topic == "one");
        one.map_or((0, 0), |one| {
            (one.acknowledged, cluster.request_count(ApiKey::PRODUCE))
        })
    };
    let sending = async {
        loop {
            drop(producer.send(Record::to("one").value(&value)).await?);
        }
        #[expect(unreachable_code, reason = "gives the block its type")]
        Ok::<(), Failure>(())
    };
    let measuring = async {
        tokio::time::sleep(10 * answer).await;
        let (before, begun) = (count(), Instant::now());
        tokio::time::sleep(time).await;
        (begun.elapsed(), before, count())
    };
    let (elapsed, before, after) = tokio::select! {
        sent = sending => return sent.map(|()| 0.0),
        measured = measuring => measured,
    };
    let (records, requests) = ((after.0 - before.0) as f64, (after.1 - before.1) as f64);
    let rate = records / elapsed.as_secs_f64();
    let of_bound = |answer: Duration| {
        let bound = in_flight as f64 * (records / requests) / answer.as_secs_f64();
        100.0 * rate / bound
    };
    println!(
        "{delay:>3} ms  {size:>4} B  {in_flight:>9}  {rate:>10.0}  {:>13.1}  {:>10.0} %  {:>5.2} ms  {:>5.0} %",
        records / requests,
        of_bound(answer),
        1000.0 * alone.as_secs_f64(),
        of_bound(alone)
    );
    cluster.shutdown().await;
    Ok(rate)
}

/// What the answer to one record takes when nothing else is sent: the median.
async fn alone(client: &Client, value: &[u8]) -> Result<Duration, Failure> {
    let producer = client.producer().linger(Duration::ZERO).build()?;
    let mut took = Vec::new();
    for _ in 0..21 {
        let begun = Instant::now();
        producer.send(Record::to("one").value(value)).await?.await?;
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    Ok(took[took.len() / 2])
}
