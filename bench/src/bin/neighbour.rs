//! Does a partition that fails hold up its healthy neighbour?
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml --bin neighbour [SECONDS]
//! ```
//!
//! Records go to partition 0 one at a time, each acknowledged before the next: first while all is well, then for as long
//! again while every request's part for partition 1 of the same broker is refused, and partition 1 is sent to all the while.

use std::time::{Duration, Instant};

use milena::{Client, Producer, Record};
use milena_bench::Failure;
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let seconds = std::env::args().nth(1).map_or(Ok(10), |arg| arg.parse())?;
    let time = Duration::from_secs(seconds);
    for (what, fault) in [
        (
            "too few replicas",
            Fault::error(ErrorCode::NOT_ENOUGH_REPLICAS),
        ),
        ("no leader", Fault::error(ErrorCode::LEADER_NOT_AVAILABLE)),
        (
            "a lost sequence",
            Fault::error(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER),
        ),
        (
            "records too large",
            Fault::error(ErrorCode::MESSAGE_TOO_LARGE),
        ),
    ] {
        let cluster = Cluster::builder().topic("two", 2).start().await?;
        let client = Client::builder(&cluster.bootstrap()).connect().await?;
        let producer = client.producer().linger(Duration::ZERO).build()?;
        latencies(&producer, time / 10).await?;
        let well = latencies(&producer, time).await?;
        // The same load beside it, which is stored.
        let beside = with_neighbour(&producer, time).await?;
        cluster
            .faults()
            .push(fault.on(ApiKey::PRODUCE).partition(1).always());
        let failing = with_neighbour(&producer, time).await?;
        println!("{what}:");
        for (state, sorted) in [
            ("alone", &well),
            ("neighbour well", &beside),
            ("neighbour fails", &failing),
        ] {
            let at = |share: f64| {
                sorted[((sorted.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6
            };
            println!(
                "  {state:<16} {:>7} records, 50 % within {:>6.0} us, 99 % {:>6.0} us, 99.9 % {:>6.0} us",
                sorted.len(),
                at(0.5),
                at(0.99),
                at(0.999)
            );
        }
        cluster.shutdown().await;
    }
    Ok(())
}

/// A record to partition 1 every millisecond, whatever becomes of it.
async fn with_neighbour(producer: &Producer, time: Duration) -> Result<Vec<Duration>, Failure> {
    let other = producer.clone();
    let neighbour = tokio::spawn(async move {
        loop {
            let _ = other.try_send(Record::to("two").partition(1).value(&[b'x'; 100]));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    let latencies = latencies(producer, time).await;
    neighbour.abort();
    latencies
}

/// From the call of `send` to the acknowledgement, in order of length.
async fn latencies(producer: &Producer, time: Duration) -> Result<Vec<Duration>, Failure> {
    let (begun, mut latencies) = (Instant::now(), Vec::new());
    while begun.elapsed() < time {
        let sent = Instant::now();
        producer
            .send(Record::to("two").partition(0).value(&[b'x'; 100]))
            .await?
            .await?;
        latencies.push(sent.elapsed());
    }
    latencies.sort();
    Ok(latencies)
}
