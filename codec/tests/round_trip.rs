//! What is built is what is read, for all records, chunk sizes, codecs and limits.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use bytes::{Bytes, BytesMut};
use milena_codec::{
    BatchBuilder, Batches, Compression, CompressionType, Compressor, Decompressor, HeaderRef,
    LINK_THRESHOLD, Payload, Record, RecordRef, SealedBatch, Stamp, sequence_add,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// A record that owns its parts. `true` asks for a shared payload.
#[derive(Clone, Debug)]
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

fn bytes_of(part: &Option<(bool, Bytes)>) -> Option<Bytes> {
    part.as_ref().map(|(_, bytes)| bytes.clone())
}

impl Owned {
    fn with_ref<T>(&self, then: impl FnOnce(&RecordRef<'_>) -> T) -> T {
        let headers: Vec<HeaderRef<'_>> = self
            .headers
            .iter()
            .map(|(key, value)| HeaderRef {
                key,
                value: payload(value),
            })
            .collect();
        then(&RecordRef {
            timestamp: self.timestamp,
            key: payload(&self.key),
            value: payload(&self.value),
            headers: &headers,
        })
    }

    fn assert_read_as(&self, record: &Record) {
        assert_eq!(record.timestamp, self.timestamp);
        assert_eq!(record.key, bytes_of(&self.key));
        assert_eq!(record.value, bytes_of(&self.value));
        let headers: Vec<_> = record
            .headers
            .iter()
            .map(|h| (h.key().into_owned(), h.value))
            .collect();
        let expected: Vec<_> = self
            .headers
            .iter()
            .map(|(key, value)| (key.clone(), bytes_of(value)))
            .collect();
        assert_eq!(headers, expected);
    }
}

fn data() -> impl Strategy<Value = (bool, Bytes)> {
    let repeated = (
        any::<u8>(),
        prop_oneof![
            4 => 0..300usize,
            1 => LINK_THRESHOLD - 2..LINK_THRESHOLD + 3,
            1 => 0..3 * LINK_THRESHOLD,
        ],
    );
    let bytes = prop_oneof![
        3 => vec(any::<u8>(), 0..200).prop_map(Bytes::from),
        1 => repeated.prop_map(|(byte, len)| Bytes::from(vec![byte; len])),
    ];
    (any::<bool>(), bytes)
}

fn timestamp() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 1_700_000_000_000..1_700_000_010_000i64,
        1 => any::<i64>(),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
    ]
}

fn record() -> impl Strategy<Value = Owned> {
    let headers = vec((".{0,12}", option::of(data())), 0..4);
    (timestamp(), option::of(data()), option::of(data()), headers).prop_map(
        |(timestamp, key, value, headers)| Owned {
            timestamp,
            key,
            value,
            headers,
        },
    )
}

fn records() -> impl Strategy<Value = Vec<Owned>> {
    vec(record(), 1..12)
}

fn chunk_size() -> impl Strategy<Value = usize> {
    prop_oneof![1..40usize, 40..400usize, Just(16 * 1024), Just(64 * 1024)]
}

/// All records in one batch, written into chunks of `chunk` bytes.
fn build(records: &[Owned], chunk: usize) -> SealedBatch {
    let mut batch = BatchBuilder::new(usize::MAX);
    for (index, record) in records.iter().enumerate() {
        record.with_ref(|record| {
            let before = batch.len();
            let bound = record.upper_bound();
            let cost = batch.cost(record);
            let mut missing = cost.chunk;
            while missing > 0 {
                batch.add_chunk(BytesMut::with_capacity(chunk));
                missing = missing.saturating_sub(chunk);
            }
            assert_eq!(batch.cost(record).chunk, 0);
            assert_eq!(batch.append(batch.cost(record)), Ok(index as u32));
            assert_eq!(batch.len(), before + cost.bytes);
            assert!(61 + cost.bytes <= bound);
        });
    }
    batch.seal()
}

fn read_back(sealed: &SealedBatch, records: &[Owned]) {
    let stamp = Stamp {
        producer_id: 1,
        producer_epoch: 2,
        base_sequence: i32::MAX - 1,
        transactional: true,
    };
    let wire = sealed.encode(stamp).concat();
    assert_eq!(wire.len(), sealed.wire_len());
    let mut batches = Batches::exact(wire.into());
    let batch = batches.next().unwrap().unwrap().into_current().unwrap();
    assert!(batches.next().is_none());
    assert_eq!(batch.codec().unwrap(), sealed.codec());
    assert_eq!(batch.count() as usize, records.len());
    assert_eq!(
        batch.last_sequence(),
        sequence_add(i32::MAX - 1, records.len() as u32 - 1)
    );
    let max = records.iter().map(|record| record.timestamp).max().unwrap();
    assert_eq!(batch.header().max_timestamp, max);
    let read: Vec<Record> = batch
        .records(&mut Decompressor::default())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert_eq!(read.len(), records.len());
    for (index, (record, expected)) in read.iter().zip(records).enumerate() {
        assert_eq!(record.offset, index as i64);
        expected.assert_read_as(record);
    }
}

fn available() -> impl Iterator<Item = Compression> {
    CompressionType::ALL
        .into_iter()
        .filter(|codec| codec.is_available())
        .map(Compression::of)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn uncompressed(records in records(), chunk in chunk_size()) {
        let sealed = build(&records, chunk);
        read_back(&sealed, &records);
        for buffer in sealed.recycle() {
            prop_assert!(buffer.is_empty());
            prop_assert!(buffer.capacity() >= chunk);
        }
    }

    #[test]
    fn compressed_by_every_codec(records in records(), chunk in chunk_size()) {
        for compression in available() {
            let mut compressor = Compressor::new(compression).unwrap();
            // The second batch meets contexts that were used before.
            for _ in 0..2 {
                let mut sealed = build(&records, chunk);
                let held = sealed.clone();
                let outcome = sealed.compress(&mut compressor).unwrap();
                prop_assert_eq!(outcome.codec, sealed.codec());
                if sealed.codec() == CompressionType::None {
                    prop_assert_eq!(sealed.records_len(), held.records_len());
                    prop_assert!(compression == Compression::NONE || outcome.to >= outcome.from);
                } else {
                    prop_assert!(sealed.records_len() < held.records_len());
                    prop_assert_eq!(sealed.uncompressed_len(), held.records_len());
                    prop_assert_eq!(outcome.to, sealed.records_len());
                    prop_assert!(sealed.compress(&mut compressor).unwrap().ratio().is_none());
                }
                read_back(&sealed, &records);
                read_back(&held, &records);
            }
        }
    }

    #[test]
    fn parts_hold_what_the_whole_held(records in records(), chunk in chunk_size(), limit in 0..3000usize) {
        for compression in available() {
            let mut sealed = build(&records, chunk);
            sealed.compress(&mut Compressor::new(compression).unwrap()).unwrap();
            let parts = sealed.split(limit).unwrap();
            let mut rest = &records[..];
            for part in &parts {
                let (these, others) = rest.split_at(part.count() as usize);
                read_back(part, these);
                rest = others;
                prop_assert_eq!(part.codec(), CompressionType::None);
                prop_assert!(part.wire_len() <= limit || part.count() == 1);
            }
            prop_assert!(rest.is_empty());
            // They are no more than it takes.
            for pair in parts.windows(2) {
                prop_assert!(pair[0].wire_len() + pair[1].records_len() + 16 > limit);
            }
        }
    }

    #[test]
    fn limits_hold(records in vec(record(), 1..40), limit in 0..6000usize, ratio in option::of(0.0f32..2.0)) {
        let new = || ratio.map_or_else(|| BatchBuilder::new(limit), |r| BatchBuilder::with_ratio(limit, r));
        let mut batch = new();
        let mut written: Vec<&Owned> = Vec::new();
        for owned in &records {
            let appended = owned.with_ref(|record| {
                let cost = batch.cost(record);
                let counted = match ratio {
                    None => batch.len(),
                    Some(ratio) => 61 + ((batch.len() - 61) as f64 * f64::from(ratio) * 1.05) as usize,
                };
                let fits = batch.has_room(&cost);
                // One byte of difference comes from the ratio as a fixed-point number.
                if counted.abs_diff(limit.saturating_sub(cost.bytes)) > 1 + batch.len() / 1000 {
                    assert_eq!(fits, batch.is_empty() || counted + cost.bytes <= limit);
                }
                assert_eq!(batch.append(cost).is_ok(), fits);
                fits
            });
            if !appended {
                let full = std::mem::replace(&mut batch, new());
                assert_eq!(full.count() as usize, written.len());
                if ratio.is_none() {
                    assert!(full.len() <= limit || full.count() == 1);
                }
                written.clear();
                owned.with_ref(|record| batch.append(batch.cost(record)).unwrap());
            }
            written.push(owned);
            assert_eq!(batch.is_full(), batch.estimated_len() >= limit);
        }
    }
}

#[test]
fn levels_round_trip() {
    let text: Vec<u8> = (0..200_000u32)
        .flat_map(|i| (i % 977 * i % 977).to_string().into_bytes())
        .collect();
    let records = [Owned {
        timestamp: 1,
        key: None,
        value: Some((false, text.into())),
        headers: vec![],
    }];
    let levels = [
        "gzip:1",
        "gzip:6",
        "gzip:9",
        "zstd:-131072",
        "zstd:-1",
        "zstd:1",
        "zstd:9",
        "zstd:19",
        "zstd:22",
    ];
    for level in levels {
        let compression: Compression = level.parse().unwrap();
        if compression.codec().is_available() {
            let mut sealed = build(&records, 16 * 1024);
            sealed
                .compress(&mut Compressor::new(compression).unwrap())
                .unwrap();
            read_back(&sealed, &records);
        }
    }
}

#[test]
fn a_cost_from_elsewhere_is_measured_anew() {
    let at = |timestamp| RecordRef {
        timestamp,
        value: Some(b"x".into()),
        ..RecordRef::default()
    };
    let (early, later, last) = (at(0), at(5), at(i64::MAX));
    let empty = BatchBuilder::new(1000);
    // As long as the batch under test, and begun at another time.
    let mut other = BatchBuilder::new(1000);
    other.append(other.cost(&later)).unwrap();

    let mut batch = BatchBuilder::new(1000);
    batch.append(empty.cost(&early)).unwrap();
    batch.append(other.cost(&last)).unwrap();
    let stale = batch.cost(&last);
    batch.append(stale).unwrap();
    batch.append(stale).unwrap();
    batch.append(empty.cost(&last)).unwrap();
    let wire = batch.seal().encode(Stamp::NONE).concat();
    let batch = Batches::exact(wire.into()).next().unwrap().unwrap();
    let records: Vec<Record> = batch
        .records(&mut Decompressor::default())
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let read: Vec<_> = records
        .iter()
        .map(|record| (record.offset, record.timestamp))
        .collect();
    let max = i64::MAX;
    assert_eq!(read, [(0, 0), (1, max), (2, max), (3, max), (4, max)]);
}

#[test]
fn what_does_not_shrink_goes_uncompressed() {
    for compression in available().filter(|&compression| compression != Compression::NONE) {
        let mut compressor = Compressor::new(compression).unwrap();
        let mut batch = BatchBuilder::new(1000);
        let record = RecordRef {
            value: Some(b"short".into()),
            ..RecordRef::default()
        };
        batch.append(batch.cost(&record)).unwrap();
        let mut sealed = batch.seal();
        let outcome = sealed.compress(&mut compressor).unwrap();
        assert_eq!(
            (outcome.codec, sealed.codec()),
            (CompressionType::None, CompressionType::None)
        );
        assert!(outcome.ratio().unwrap() >= 1.0);
    }
}
