//! Record sets that nobody has seen, made by our builder.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use milena_codec::{
    BatchBuilder, Batches, Compression, CompressionType, Compressor, HeaderRef, Payload, RecordRef,
    SealedBatch, Stamp, sequence_add,
};
use serde_json::{Value, json};

use super::describe::record;
use super::to_hex;

const MAX_RECORDS: usize = 400;
/// Bytes of keys, values and headers in a batch.
const MAX_BYTES: usize = 1 << 20;
/// The same where a level is slow.
const MAX_BYTES_OF_SLOW: usize = 1 << 16;
/// A time that looks like one.
const TIME: i64 = 1_700_000_000_000;
const WORDS: [&str; 12] = [
    "status",
    "active",
    "offset",
    "\"user\":",
    "order",
    "12",
    "apples",
    "Praha",
    "železnice",
    "{",
    "}",
    "retry",
];

/// A record set, and what it is to be read as.
#[derive(Clone, Debug)]
pub struct RandomSet {
    /// Its number, and the codecs in it.
    pub name: String,
    /// The bytes.
    pub set: Bytes,
    /// What Java ought to say about it.
    pub batches: Value,
}

impl RandomSet {
    /// As many as `cases`, all decided by the seed. The first ones go through every level that there is.
    pub fn all(seed: u64, cases: usize) -> impl Iterator<Item = Self> {
        let mut seeds = Rng::with_seed(seed);
        let levels = levels();
        (0..cases).map(move |number| Maker(seeds.fork()).set(number, &levels))
    }

    /// A line for Java to read: the name and the bytes.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}\n", self.name, to_hex(&self.set))
    }
}

/// Every codec at every level that it has, but for most of zstd's 131,072 below 0.
fn levels() -> Vec<Compression> {
    let of = |codec: CompressionType, levels: Range<i32>| {
        levels.filter_map(move |level| Compression::of(codec).with_level(level).ok())
    };
    [Compression::NONE, Compression::SNAPPY, Compression::GZIP]
        .into_iter()
        .chain(of(CompressionType::Gzip, 1..10))
        .chain(of(CompressionType::Lz4, 1..18))
        .chain(of(CompressionType::Zstd, -131_072..-131_071))
        .chain(of(CompressionType::Zstd, -7..23))
        .collect()
}

fn is_slow(compression: Compression) -> bool {
    match compression.codec() {
        CompressionType::Zstd => compression.level() > 9,
        CompressionType::Lz4 => compression.level() > 9,
        _ => false,
    }
}

/// A record that owns its parts; `true` asks for a shared payload.
struct Owned {
    timestamp: i64,
    key: Option<(bool, Bytes)>,
    value: Option<(bool, Bytes)>,
    headers: Vec<(String, Option<(bool, Bytes)>)>,
}

fn payload(part: &Option<(bool, Bytes)>) -> Option<Payload<'_>> {
    part.as_ref().map(|(shared, bytes)| match shared {
        true => Payload::Shared(bytes),
        false => Payload::Slice(bytes),
    })
}

fn bytes(part: &Option<(bool, Bytes)>) -> Option<Bytes> {
    part.as_ref().map(|(_, bytes)| bytes.clone())
}

struct Maker(Rng);

impl Maker {
    fn set(mut self, number: usize, levels: &[Compression]) -> RandomSet {
        let count = if self.one_in(3) {
            self.0.usize(1..5)
        } else {
            1
        };
        let bits = self.0.u32(1..62);
        let mut offset = self.0.i64(0..1 << bits) * i64::from(self.one_in(2));
        let mut name = format!("ours/{number}");
        let (mut set, mut batches) = (BytesMut::new(), Vec::new());
        for index in 0..count {
            let level = match levels.get(number) {
                Some(level) if index == 0 => *level,
                _ => self.0.choice(levels).copied().unwrap_or_default(),
            };
            name += &format!("{}{level}", if index == 0 { '/' } else { '+' });
            let records = self.records(level);
            let mut sealed = self.build(&records);
            if let Ok(mut compressor) = Compressor::new(level) {
                // A batch that does not compress is a mismatch of its own: Java is told to expect a smaller one.
                let _ = sealed.compress(&mut compressor);
            }
            let (stamp, leader_epoch) = (self.stamp(), self.0.i32(-1..1000));
            let wire = placed(&sealed, stamp, offset, leader_epoch);
            batches.push(expected(
                &sealed,
                &wire,
                stamp,
                offset,
                leader_epoch,
                &records,
            ));
            set.extend_from_slice(&wire);
            offset += records.len() as i64 + self.0.i64(0..1000) * i64::from(self.one_in(2));
        }
        RandomSet {
            name,
            set: set.freeze(),
            batches: Value::Array(batches),
        }
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.0.u32(0..chances) == 0
    }

    /// A number below `limit`, small as likely as large.
    fn size(&mut self, limit: usize) -> usize {
        let bits = self.0.u32(0..=limit.ilog2());
        self.0.usize(0..1 << bits)
    }

    fn stamp(&mut self) -> Stamp {
        if self.one_in(2) {
            return Stamp::NONE;
        }
        let wraps = self.one_in(4);
        Stamp {
            producer_id: self.0.i64(0..=i64::MAX),
            producer_epoch: self.0.i16(0..=i16::MAX),
            base_sequence: self.0.i32(if wraps { i32::MAX - 9 } else { 0 }..=i32::MAX),
            transactional: self.one_in(2),
        }
    }

    fn records(&mut self, level: Compression) -> Vec<Owned> {
        let limit = if is_slow(level) {
            MAX_BYTES_OF_SLOW
        } else {
            MAX_BYTES
        };
        let mut left = 1 + self.size(limit);
        let mut time = self.time();
        let count = 1 + self.size(MAX_RECORDS);
        let record = |_| {
            let of = if self.one_in(20) { 100 } else { 5 };
            let headers = if self.one_in(3) {
                self.0.usize(0..of)
            } else {
                0
            };
            let headers = (0..headers).map(|_| (self.header_key(), self.content(&mut left)));
            let headers = headers.collect();
            time = match self.0.u8(0..8) {
                0 => self.time(),
                1 => (time - self.0.i64(0..1000)).max(0),
                _ => time.saturating_add(self.0.i64(0..3)),
            };
            Owned {
                timestamp: time,
                key: self.content(&mut left),
                value: self.content(&mut left),
                headers,
            }
        };
        (0..count).map(record).collect()
    }

    fn time(&mut self) -> i64 {
        match self.0.u8(0..6) {
            0 => self.0.i64(0..=i64::MAX),
            1 => self.0.i64(-1..2),
            _ => TIME + i64::from(self.0.i32(..)),
        }
    }

    fn header_key(&mut self) -> String {
        let len = if self.one_in(30) {
            self.0.usize(0..300)
        } else {
            self.0.usize(0..12)
        };
        let ascii = !self.one_in(4);
        let char = |_| match ascii {
            true => char::from(self.0.u8(0..0x80)),
            false => self.0.char(..),
        };
        (0..len).map(char).collect()
    }

    fn content(&mut self, left: &mut usize) -> Option<(bool, Bytes)> {
        if *left == 0 || self.one_in(6) {
            return self.one_in(2).then(|| (false, Bytes::new()));
        }
        let size = self.size(MAX_BYTES).min(*left);
        *left -= size;
        let mut content = Vec::with_capacity(size + 16);
        match self.0.u8(0..4) {
            0 => content.extend((0..size).map(|_| self.0.u8(..))),
            1 => {
                let unit = format!("unit {} ", self.0.u32(..));
                content.extend(unit.bytes().cycle().take(size));
            }
            _ => {
                while content.len() < size {
                    match self.0.choice(WORDS) {
                        Some(word) if !self.one_in(8) => content.extend(word.bytes()),
                        _ => content.extend(self.0.u32(..).to_string().bytes()),
                    }
                    content.push(b' ');
                }
                content.truncate(size);
            }
        }
        Some((self.one_in(2), content.into()))
    }

    /// Builds the batch in chunks of any size.
    fn build(&mut self, records: &[Owned]) -> SealedBatch {
        let mut builder = BatchBuilder::new(BatchBuilder::MAX_LEN);
        for owned in records {
            let headers: Vec<_> = owned
                .headers
                .iter()
                .map(|(key, value)| HeaderRef {
                    key,
                    value: payload(value),
                })
                .collect();
            let record = RecordRef {
                timestamp: owned.timestamp,
                key: payload(&owned.key),
                value: payload(&owned.value),
                headers: &headers,
            };
            while builder.cost(&record).chunk > 0 {
                builder.add_chunk(BytesMut::with_capacity(1 + self.size(1 << 16)));
            }
            // There is no limit that a record could meet.
            let _ = builder.append(builder.cost(&record));
        }
        builder.seal()
    }
}

/// The batch as it stands in a log.
fn placed(sealed: &SealedBatch, stamp: Stamp, base_offset: i64, leader_epoch: i32) -> Vec<u8> {
    let wire: Bytes = sealed.encode(stamp).concat().into();
    let batch = Batches::exact(wire).next().and_then(Result::ok);
    let batch = batch.and_then(|batch| batch.into_current().ok());
    batch.map_or_else(Vec::new, |batch| {
        batch.placed(base_offset, leader_epoch).concat()
    })
}

/// What Java ought to read: from what went into the batch, not from what came out.
fn expected(
    sealed: &SealedBatch,
    wire: &[u8],
    stamp: Stamp,
    base_offset: i64,
    leader_epoch: i32,
    records: &[Owned],
) -> Value {
    let last = records.len() as i64 - 1;
    let crc = wire
        .get(17..)
        .and_then(|crc| crc.first_chunk())
        .copied()
        .unwrap_or_default();
    let timestamps = records.iter().map(|record| record.timestamp);
    let described = records.iter().zip(base_offset..).map(|(owned, offset)| {
        let headers = owned.headers.iter();
        Value::Array(record(
            offset,
            owned.timestamp,
            bytes(&owned.key).as_deref(),
            bytes(&owned.value).as_deref(),
            headers.map(|(key, value)| (key.clone(), bytes(value))),
        ))
    });
    json!({
        "magic": 2,
        "size": sealed.wire_len(),
        "crc": u32::from_be_bytes(crc),
        "codec": sealed.codec().name(),
        "timestampType": "CreateTime",
        "maxTimestamp": timestamps.max(),
        "lastOffset": base_offset + last,
        "nextOffset": base_offset + last + 1,
        "baseOffset": base_offset,
        "baseTimestamp": records.first().map(|record| record.timestamp),
        "leaderEpoch": leader_epoch,
        "producerId": stamp.producer_id,
        "producerEpoch": stamp.producer_epoch,
        "baseSequence": stamp.base_sequence,
        "lastSequence": match stamp.base_sequence {
            -1 => -1,
            base => sequence_add(base, last as u32),
        },
        "count": records.len(),
        "transactional": u8::from(stamp.transactional),
        "control": 0,
        "deleteHorizon": null,
        "records": described.collect::<Value>(),
    })
}
