//! How many records a second one node takes: batches of 64 KiB, records of 100 bytes, six partitions.
//!
//! First the core alone, then a connection over loopback with five requests in flight. Batches are made beforehand, but
//! numbered and summed on the way, so that the broker's checks for idempotence and CRC all run.
//!
//! `cargo run --release -p milena-broker --example ingest`

use std::collections::VecDeque;
use std::error::Error;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use milena_broker::protocol::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use milena_broker::protocol::{Records, Segments, Str, encode_request};
use milena_broker::{Cluster, Reply};
use milena_codec::{BatchBuilder, RecordRef, SealedBatch, Stamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PARTITIONS: i32 = 6;
const RECORDS: u64 = 10_000_000;
const IN_FLIGHT: usize = 5;
const TIMESTAMP: i64 = 1;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// One batch per partition in every request, one sequence after the other.
struct Load {
    batch: SealedBatch,
    sequence: i32,
}

impl Load {
    fn new() -> Outcome<Self> {
        let value = [b'x'; 100];
        let record = RecordRef {
            timestamp: TIMESTAMP,
            value: Some((&value).into()),
            ..Default::default()
        };
        let mut batch = BatchBuilder::new(64 << 10);
        batch.add_chunk(BytesMut::with_capacity(64 << 10));
        loop {
            let cost = batch.cost(&record);
            if !batch.has_room(&cost) {
                return Ok(Self {
                    batch: batch.seal(),
                    sequence: 0,
                });
            }
            batch.append(cost)?;
        }
    }

    fn records_per_request(&self) -> u64 {
        u64::from(self.batch.count()) * u64::from(PARTITIONS.unsigned_abs())
    }

    fn request(&mut self) -> Outcome<Segments> {
        let stamp = Stamp {
            producer_id: 1,
            producer_epoch: 0,
            base_sequence: self.sequence,
            transactional: false,
        };
        self.sequence += i32::try_from(self.batch.count())?;
        let segments = self.batch.encode(stamp);
        let partition = |index| PartitionProduceData {
            index,
            records: Some(Records::from_segments(segments.clone())),
            ..Default::default()
        };
        let topic = TopicProduceData {
            name: Str::from_static("load"),
            partition_data: (0..PARTITIONS).map(partition).collect(),
            ..Default::default()
        };
        let request = ProduceRequest {
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![topic],
            ..Default::default()
        };
        Ok(encode_request(self.sequence, None, 9, &request)?)
    }
}

fn core() -> Outcome<()> {
    let mut state = Cluster::builder().topic("load", PARTITIONS).into_state()?;
    let mut load = Load::new()?;
    let (mut records, mut spent) = (0, Duration::ZERO);
    while records < RECORDS {
        let frame =
            Bytes::from(load.request()?.into_iter().collect::<Vec<_>>().concat()).slice(4..);
        let start = Instant::now();
        let reply = state.handle(1, 0, frame, TIMESTAMP);
        spent += start.elapsed();
        if !matches!(reply, Reply::Answer(_)) {
            return Err(format!("{reply:?}").into());
        }
        records += load.records_per_request();
    }
    report("core alone", records, spent);
    Ok(())
}

async fn loopback() -> Outcome<()> {
    let cluster = Cluster::builder().topic("load", PARTITIONS).start().await?;
    let mut stream = TcpStream::connect(cluster.bootstrap()).await?;
    stream.set_nodelay(true)?;
    let (mut from, mut to) = stream.split();
    let mut load = Load::new()?;
    let mut pending = VecDeque::new();
    let (mut sent, mut answer) = (0, Vec::new());
    let start = Instant::now();
    while sent < RECORDS || !pending.is_empty() {
        if sent < RECORDS && pending.len() < IN_FLIGHT {
            for segment in load.request()? {
                to.write_all(&segment).await?;
            }
            pending.push_back(());
            sent += load.records_per_request();
            continue;
        }
        answer.resize(usize::try_from(from.read_i32().await?)?, 0);
        from.read_exact(&mut answer).await?;
        pending.pop_front();
    }
    report("over loopback", sent, start.elapsed());
    let audit = cluster.audit();
    println!(
        "acknowledged {}, stored {}, lost {}",
        audit.acknowledged(),
        audit.stored(),
        audit.lost()
    );
    Ok(())
}

fn report(what: &str, records: u64, spent: Duration) {
    let seconds = spent.as_secs_f64();
    let rate = records as f64 / seconds / 1e6;
    println!(
        "{what}: {records} records in {seconds:.2} s, {rate:.1} million/s, {:.3} us each",
        1.0 / rate
    );
}

fn main() -> Outcome<()> {
    core()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(loopback())
}
