//! Arbitrary records through the builder, and back through the reader.

use bytes::{Bytes, BytesMut};
use milena_codec::{
    BatchBuilder, Batches, Compression, CompressionType, Compressor, Decompressor, Fault,
    HEADER_LEN, HeaderRef, LINK_THRESHOLD, Limits, Payload, RecordRef, SealedBatch, Stamp,
    sequence_add,
};

use crate::input::Input;

/// Records enough for any path, few enough for speed.
const MAX_RECORDS: usize = 64;
/// Payloads above the linking threshold, which are slow.
const MAX_LARGE: usize = 3;

/// Limit, codec, ratio, stamp; then records, each with how its chunks are handed in.
///
/// A batch keeps its limit, a record costs what was said, and the reader gives back what was written, whatever the
/// chunks, the codec and the stamp; the exact size is enough of a limit for decompression, and one byte less is not.
pub fn builder(data: &[u8]) {
    let mut input = Input::new(data);
    let limit = usize::from(input.u16());
    let codec = CompressionType::ALL[input.below(CompressionType::ALL.len())];
    let ratio = match input.byte() {
        0 => None,
        ratio => Some(f32::from(ratio) / 128.0),
    };
    let stamp = Stamp {
        producer_id: input.i64(),
        producer_epoch: input.u16().cast_signed(),
        base_sequence: input.u32().cast_signed(),
        transactional: input.bit(),
    };
    let mut compressor = Compressor::new(Compression::of(codec)).expect("all codecs are built in");
    let new = || {
        ratio.map_or_else(
            || BatchBuilder::new(limit),
            |ratio| BatchBuilder::with_ratio(limit, ratio),
        )
    };

    let mut open = new();
    let mut written: Vec<Owned> = Vec::new();
    let (mut records, mut large) = (0, 0);
    while !input.is_empty() && records < MAX_RECORDS {
        records += 1;
        let record = Owned::read(&mut input, &mut large);
        let headers = record.headers();
        let borrowed = record.borrow(&headers);
        if !open.has_room(&open.cost(&borrowed)) {
            assert!(!written.is_empty(), "the first record always fits");
            let full = std::mem::replace(&mut open, new());
            check(
                full.seal(),
                &std::mem::take(&mut written),
                stamp,
                &mut compressor,
            );
        }
        append(&mut open, &borrowed, &mut input);
        assert!(
            ratio.is_some() || open.count() == 1 || open.len() <= limit,
            "{} bytes, limit {limit}",
            open.len()
        );
        written.push(record);
    }
    check(open.seal(), &written, stamp, &mut compressor);
}

fn append(builder: &mut BatchBuilder, record: &RecordRef<'_>, input: &mut Input<'_>) {
    let (before, count) = (builder.len(), builder.count());
    let cost = builder.cost(record);
    let (bytes, chunk, linked) = (cost.bytes, cost.chunk, cost.linked);
    assert!(chunk + linked <= bytes);
    // Enough in one piece, enough in several, too little, or none: what is missing, the builder allocates.
    match input.below(4) {
        0 if chunk > 0 => builder.add_chunk(BytesMut::with_capacity(chunk)),
        1 => {
            let size = 1 + input.below(64);
            for _ in 0..chunk.div_ceil(size).min(300) {
                builder.add_chunk(BytesMut::with_capacity(size));
            }
        }
        2 => builder.add_chunk(BytesMut::with_capacity(input.below(256))),
        _ => {}
    }
    assert_eq!(builder.append(cost), Ok(count));
    assert_eq!(builder.len(), before + bytes);
    assert_eq!(builder.count(), count + 1);
    assert!(record.upper_bound() >= HEADER_LEN + bytes);
}

fn check(mut sealed: SealedBatch, written: &[Owned], stamp: Stamp, compressor: &mut Compressor) {
    if written.is_empty() {
        return;
    }
    let plain_len = sealed.records_len();
    let plain = sealed.encode(Stamp::NONE).concat();
    let compressed = sealed.compress(compressor).expect("the codec works");
    assert!(compressed.freed.iter().all(BytesMut::is_empty));
    assert!(sealed.records_len() <= plain_len);
    assert_eq!(sealed.uncompressed_len(), plain_len);
    read_back(&plain.into(), written, Stamp::NONE, plain_len);

    let wire: Bytes = sealed.encode(stamp).concat().into();
    assert_eq!(wire.len(), sealed.wire_len());
    read_back(&wire, written, stamp, plain_len);
    let other = sealed.encode(Stamp::NONE).concat();
    assert_eq!(
        other[HEADER_LEN..],
        wire[HEADER_LEN..],
        "the stamp is in the header"
    );
    assert!(sealed.recycle().all(|chunk| chunk.is_empty()));
}

fn read_back(wire: &Bytes, written: &[Owned], stamp: Stamp, plain_len: usize) {
    let mut batches = Batches::exact(wire.clone());
    let batch = batches.next().expect("a batch").expect("a whole batch");
    let batch = batch.into_current().expect("a batch of format 2");
    assert!(batches.next().is_none(), "one batch");
    let header = *batch.header();
    let count = u32::try_from(written.len()).expect("few records");
    assert_eq!(
        (
            header.producer_id,
            header.producer_epoch,
            header.base_sequence
        ),
        (stamp.producer_id, stamp.producer_epoch, stamp.base_sequence)
    );
    assert_eq!(batch.is_transactional(), stamp.transactional);
    assert!(!batch.is_control());
    assert_eq!(batch.count(), count.cast_signed());
    assert_eq!(batch.last_offset(), i64::from(count) - 1);
    if stamp.base_sequence >= 0 {
        assert_eq!(
            batch.last_sequence(),
            sequence_add(stamp.base_sequence, count - 1)
        );
    }
    let timestamps = written.iter().map(|record| record.timestamp);
    assert_eq!(Some(header.max_timestamp), timestamps.max());

    let exactly = |max_decompressed| Decompressor::new(Limits { max_decompressed });
    let records = batch
        .records(&mut exactly(plain_len))
        .expect("a sound batch");
    let mut read = 0;
    for ((offset, record), wrote) in (0_i64..).zip(records).zip(written) {
        let record = record.expect("a sound record");
        assert_eq!(record.offset, offset);
        assert_eq!(record.timestamp, wrote.timestamp);
        assert_eq!(record.key, wrote.key.as_ref().map(|key| key.bytes.clone()));
        assert_eq!(
            record.value,
            wrote.value.as_ref().map(|value| value.bytes.clone())
        );
        let headers = record
            .headers
            .iter()
            .map(|header| (header.key_bytes, header.value));
        let expected = wrote.headers.iter().map(|(key, value)| {
            (
                Bytes::from(key.clone()),
                value.as_ref().map(|value| value.bytes.clone()),
            )
        });
        assert!(headers.eq(expected), "headers of record {offset}");
        read += 1;
    }
    assert_eq!(read, written.len());
    if batch.codec() != Ok(CompressionType::None) {
        let section = batch.records_section();
        let codec = batch.codec().expect("a codec");
        let less = exactly(plain_len - 1).decompress(codec, &section);
        let fault = less.expect_err("one byte too few").fault;
        assert_eq!(
            fault,
            Fault::TooLarge {
                limit: plain_len - 1
            },
            "{codec}"
        );
    }
}

struct Owned {
    timestamp: i64,
    key: Option<Blob>,
    value: Option<Blob>,
    headers: Vec<(String, Option<Blob>)>,
}

/// A payload, and whether it is handed over shared.
struct Blob {
    bytes: Bytes,
    shared: bool,
}

impl Owned {
    fn read(input: &mut Input<'_>, large: &mut usize) -> Self {
        let timestamp = match input.byte() {
            255 => input.i64(),
            near => 1_700_000_000_000 + i64::from(near.cast_signed()),
        };
        let key = Blob::read(input, large);
        let value = Blob::read(input, large);
        let headers = (0..input.below(4))
            .map(|_| {
                let name = String::from_utf8_lossy(input.some()).into_owned();
                (name, Blob::read(input, large))
            })
            .collect();
        Self {
            timestamp,
            key,
            value,
            headers,
        }
    }

    fn headers(&self) -> Vec<HeaderRef<'_>> {
        let headers = self.headers.iter();
        headers
            .map(|(key, value)| HeaderRef {
                key,
                value: value.as_ref().map(Blob::payload),
            })
            .collect()
    }

    fn borrow<'a>(&'a self, headers: &'a [HeaderRef<'a>]) -> RecordRef<'a> {
        RecordRef {
            timestamp: self.timestamp,
            key: self.key.as_ref().map(Blob::payload),
            value: self.value.as_ref().map(Blob::payload),
            headers,
        }
    }
}

impl Blob {
    /// Null, some bytes, or so many that they are linked when shared.
    fn read(input: &mut Input<'_>, large: &mut usize) -> Option<Self> {
        let kind = input.byte();
        let shared = kind & 1 == 1;
        let bytes = match kind >> 1 {
            0 => return None,
            1 if *large < MAX_LARGE => {
                *large += 1;
                let len = LINK_THRESHOLD - 2 + input.below(5);
                Bytes::from(
                    input
                        .some()
                        .iter()
                        .copied()
                        .cycle()
                        .take(len)
                        .collect::<Vec<_>>(),
                )
            }
            _ => Bytes::copy_from_slice(input.some()),
        };
        Some(Self { bytes, shared })
    }

    fn payload(&self) -> Payload<'_> {
        if self.shared {
            Payload::Shared(&self.bytes)
        } else {
            Payload::Slice(&self.bytes)
        }
    }
}
