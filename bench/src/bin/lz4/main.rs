//! Our lz4 levels beside the C library's: size, and speed by CPU time.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml --bin lz4 [ROUNDS [LEVEL...]]
//! ```
//!
//! Both compress the same record sections in turns, cut into independent blocks of 64 KiB as Kafka's frame has them. At
//! each of Kafka's levels, the C library does what it does for the Java producer: that is its fast compressor at 9. Its
//! high compressor at 9, which Kafka does not use, is compared with our level 8.
//!
//! What we wrote is decoded by the C library and compared. The exit code says whether all of it was read, and no size
//! is more than 3 % above the C library's.

mod payload;

use std::{env, fmt, process::ExitCode, time::Duration};

use lz4::block::{CompressionMode, compress_bound, compress_to_buffer, decompress_to_buffer};
use milena_bench::{Failure, median, thread_cpu};
use milena_codec::{Compression, Compressor};
use payload::Payload;

const BLOCK: usize = 64 * 1024;
/// A frame's header and end mark.
const FRAME: usize = 7 + 4;
/// Our size over the C library's, at most.
const ALLOWED: f64 = 1.03;

fn main() -> Result<ExitCode, Failure> {
    let mut args = env::args().skip(1);
    let rounds: usize = args.next().map_or(Ok(5), |rounds| rounds.parse())?;
    let levels = args
        .map(|level| level.parse())
        .collect::<Result<Vec<i32>, _>>()?;
    let pairs = Pair::all().filter(|pair| levels.is_empty() || levels.contains(&pair.ours));
    let mut sound = true;
    for payload in payload::all() {
        let (count, len) = (payload.batches.len(), payload.len());
        println!(
            "\n{}: {count} batches of {} bytes",
            payload.name,
            len / count
        );
        println!("level   size ours      size C   ours/C   MB/s ours   MB/s C   ours/C");
        for pair in pairs.clone() {
            sound &= compare(&payload, pair, rounds)?;
        }
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// A level of ours, and of the C library's high compressor, or none of it.
#[derive(Clone, Copy)]
struct Pair {
    ours: i32,
    high: Option<i32>,
}

impl Pair {
    fn all() -> impl Iterator<Item = Self> + Clone {
        let same = |ours| Self {
            ours,
            high: (ours != 9).then_some(ours),
        };
        let nine = Self {
            ours: 8,
            high: Some(9),
        };
        (1..=8).map(same).chain([nine]).chain((9..=13).map(same))
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.high {
            None => f.pad(&format!("{} fast", self.ours)),
            Some(high) if high == self.ours => f.pad(&high.to_string()),
            Some(high) => f.pad(&format!("{}/{high}", self.ours)),
        }
    }
}

/// Prints one row; false if it is not as it should be.
fn compare(payload: &Payload, pair: Pair, rounds: usize) -> Result<bool, Failure> {
    let mut ours = Compressor::new(Compression::lz4(pair.ours)?)?;
    let mode = pair
        .high
        .map_or(CompressionMode::DEFAULT, CompressionMode::HIGHCOMPRESSION);
    let (mut frame, mut block) = (Vec::new(), vec![0; compress_bound(BLOCK)?]);
    let (mut our_speeds, mut c_speeds, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut our_size, mut c_size, mut read) = (0, 0, true);
    // The first round warms caches up, and checks.
    for round in 0..=rounds {
        (our_size, c_size) = (0, 0);
        let (mut our_time, mut c_time) = (Duration::ZERO, Duration::ZERO);
        for batch in &payload.batches {
            let start = thread_cpu()?;
            frame.clear();
            ours.compress([&batch[..]].into_iter(), &mut frame)?;
            let middle = thread_cpu()?;
            c_size += FRAME;
            for input in batch.chunks(BLOCK) {
                let len = compress_to_buffer(input, Some(mode), false, &mut block)?;
                c_size += 4 + len.min(input.len());
            }
            let end = thread_cpu()?;
            our_size += frame.len();
            our_time += middle - start;
            c_time += end - middle;
            if round == 0 {
                read &= is_read_by_c(&frame, batch)?;
            }
        }
        if round > 0 {
            let speed = |time: Duration| payload.len() as f64 / time.as_secs_f64() / 1e6;
            our_speeds.push(speed(our_time));
            c_speeds.push(speed(c_time));
            ratios.push(speed(our_time) / speed(c_time));
        }
    }
    let size = our_size as f64 / c_size as f64;
    let complaint = match (read, size <= ALLOWED) {
        (false, _) => "  NOT READ BY C",
        (true, false) => "  TOO LARGE",
        (true, true) => "",
    };
    println!(
        "{pair:6} {our_size:10} {c_size:11} {size:8.4} {:11.1} {:8.1} {:8.2}{complaint}",
        median(&mut our_speeds),
        median(&mut c_speeds),
        median(&mut ratios),
    );
    Ok(complaint.is_empty())
}

/// Whether the C library makes the batch of the blocks in our frame.
fn is_read_by_c(frame: &[u8], batch: &[u8]) -> Result<bool, Failure> {
    let mut rest = frame.get(7..).ok_or("no header")?;
    let mut decoded = Vec::new();
    let mut plain = vec![0; BLOCK];
    loop {
        let (field, blocks) = rest.split_first_chunk().ok_or("no end mark")?;
        let field = u32::from_le_bytes(*field);
        let (block, after) = blocks
            .split_at_checked((field & !(1 << 31)) as usize)
            .ok_or("no whole block")?;
        rest = after;
        match field {
            0 => return Ok(decoded == batch && rest.is_empty()),
            _ if field >> 31 == 1 => decoded.extend_from_slice(block),
            _ => {
                let Ok(len) = decompress_to_buffer(block, Some(BLOCK as i32), &mut plain) else {
                    return Ok(false);
                };
                decoded.extend_from_slice(&plain[..len]);
            }
        }
    }
}
