//! Formats 0 and 1: messages written out field by field, against what the crate reads.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use allocation_counter::measure;
use bytes::Bytes;
use milena_codec::{
    Batch, BatchError, BatchFault, Batches, Compression, CompressionType, Compressor, Decompressor,
    Fault, LegacyRecordBatch, Limits, Record, RecordField, RecordProblem, TimestampType,
};

const LOG_APPEND_TIME: u8 = 8;

/// A message to be written.
#[derive(Clone, Copy)]
struct Message<'a> {
    magic: u8,
    offset: i64,
    attributes: u8,
    timestamp: i64,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

/// Of format 1, with a value alone.
const PLAIN: Message<'_> = Message {
    magic: 1,
    offset: 0,
    attributes: 0,
    timestamp: 0,
    key: None,
    value: Some(b"value"),
};

impl Message<'_> {
    fn write(&self) -> Vec<u8> {
        let nullable = |bytes: Option<&[u8]>| match bytes {
            None => (-1i32).to_be_bytes().to_vec(),
            Some(bytes) => [&(bytes.len() as i32).to_be_bytes()[..], bytes].concat(),
        };
        let mut covered = vec![self.magic, self.attributes];
        if self.magic > 0 {
            covered.extend(self.timestamp.to_be_bytes());
        }
        covered.extend(nullable(self.key));
        covered.extend(nullable(self.value));
        let length = covered.len() as i32 + 4;
        [
            &self.offset.to_be_bytes()[..],
            &length.to_be_bytes(),
            &crc32(&covered).to_be_bytes(),
            &covered,
        ]
        .concat()
    }
}

/// CRC-32, a bit at a time.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

fn compressed(codec: CompressionType, set: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut compressor = Compressor::new(Compression::of(codec)).unwrap();
    compressor.compress([set].into_iter(), &mut out).unwrap();
    out
}

/// A message that holds `inner` messages, compressed.
fn wrapper(outer: Message<'_>, codec: CompressionType, inner: &[Message<'_>]) -> Vec<u8> {
    let set: Vec<u8> = inner.iter().flat_map(Message::write).collect();
    Message {
        attributes: outer.attributes | codec as u8,
        value: Some(&compressed(codec, &set)),
        ..outer
    }
    .write()
}

fn only(wire: impl Into<Bytes>) -> LegacyRecordBatch {
    let mut batches = Batches::exact(wire.into());
    let Batch::Legacy(batch) = batches.next().unwrap().unwrap() else {
        panic!("a batch of an older format");
    };
    assert!(batches.next().is_none());
    batch
}

fn read(wire: impl Into<Bytes>) -> Result<Vec<Record>, BatchError> {
    only(wire).records(&mut Decompressor::default())?.collect()
}

fn codecs() -> impl Iterator<Item = CompressionType> {
    [
        CompressionType::Gzip,
        CompressionType::Snappy,
        CompressionType::Lz4,
    ]
    .into_iter()
    .filter(|codec| codec.is_available())
}

fn offsets(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.offset).collect()
}

fn timestamps(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.timestamp).collect()
}

#[test]
fn single_messages_read_as_specified() {
    for magic in [0, 1] {
        for key in [None, Some(&b""[..]), Some(b"key")] {
            for value in [None, Some(&b""[..]), Some(b"value")] {
                let message = Message {
                    magic,
                    offset: 7,
                    timestamp: 1_000,
                    key,
                    value,
                    ..PLAIN
                };
                let batch = only(message.write());
                assert_eq!(batch.magic(), magic as i8);
                assert_eq!((batch.last_offset(), batch.next_offset()), (7, 8));
                assert_eq!(batch.codec(), Ok(CompressionType::None));
                let records = read(message.write()).unwrap();
                assert_eq!(records.len(), 1);
                let record = &records[0];
                assert_eq!((record.offset, record.headers.len()), (7, 0));
                assert_eq!(record.key.as_deref(), key);
                assert_eq!(record.value.as_deref(), value);
                let (timestamp, kind) = match magic {
                    0 => (-1, None),
                    _ => (1_000, Some(TimestampType::CreateTime)),
                };
                assert_eq!(
                    (record.timestamp, batch.timestamp_type()),
                    (timestamp, kind)
                );
            }
        }
    }
    let appended = Message {
        attributes: LOG_APPEND_TIME,
        timestamp: 5,
        ..PLAIN
    };
    assert_eq!(
        only(appended.write()).timestamp_type(),
        Some(TimestampType::LogAppendTime)
    );
    assert_eq!(timestamps(&read(appended.write()).unwrap()), [5]);
}

#[test]
fn formats_may_follow_one_another() {
    let old = Message { magic: 0, ..PLAIN };
    let mut set = old.write();
    set.extend(PLAIN.write());
    let current = milena_codec::BatchHeader {
        base_offset: 9,
        batch_length: 49,
        partition_leader_epoch: -1,
        crc: 0,
        attributes: Default::default(),
        last_offset_delta: -1,
        base_timestamp: 0,
        max_timestamp: 0,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        records_count: 0,
    };
    set.extend(current.encode_with_crc([]));
    let whole = set.len();
    set.extend(&PLAIN.write()[..30]);

    let mut batches = Batches::new(set.clone().into());
    let magics: Vec<i8> = batches
        .by_ref()
        .map(|batch| batch.unwrap())
        .inspect(|batch| batch.verify_crc().unwrap())
        .map(|batch| batch.magic())
        .collect();
    assert_eq!((magics, batches.position()), (vec![0, 1, 2], whole));
    let exact = Batches::exact(set.into()).last().unwrap().unwrap_err();
    assert_eq!(exact.position, whole);
    assert!(matches!(
        exact.fault,
        BatchFault::Truncated {
            needed: 39,
            available: 30
        }
    ));
}

#[test]
fn format_0_has_absolute_offsets_within() {
    let inner = [3, 5, 6].map(|offset| Message {
        magic: 0,
        offset,
        ..PLAIN
    });
    let outer = Message {
        magic: 0,
        offset: 6,
        ..PLAIN
    };
    for codec in codecs() {
        let records = read(wrapper(outer, codec, &inner)).unwrap();
        assert_eq!(offsets(&records), [3, 5, 6]);
        assert_eq!(timestamps(&records), [-1; 3]);
        assert!(
            records
                .iter()
                .all(|record| record.value.as_deref() == Some(b"value"))
        );
    }
}

#[test]
fn format_1_has_relative_offsets_within() {
    let inner = [(0, 30), (2, 10), (3, 20)].map(|(offset, timestamp)| Message {
        offset,
        timestamp,
        ..PLAIN
    });
    let at = |offset, attributes| Message {
        offset,
        attributes,
        timestamp: 40,
        ..PLAIN
    };
    for codec in codecs() {
        // The last one has the wrapper's offset, which others are relative to.
        let records = read(wrapper(at(103, 0), codec, &inner)).unwrap();
        assert_eq!(offsets(&records), [100, 102, 103]);
        assert_eq!(timestamps(&records), [30, 10, 20]);
        // The broker's time is the wrapper's.
        let records = read(wrapper(at(103, LOG_APPEND_TIME), codec, &inner)).unwrap();
        assert_eq!(timestamps(&records), [40; 3]);
        // A producer's wrapper need not say anything.
        let records = read(wrapper(at(0, 0), codec, &inner)).unwrap();
        assert_eq!(offsets(&records), [0, 2, 3]);
        // One that does must not be too small.
        let fault = read(wrapper(at(2, 0), codec, &inner)).unwrap_err().fault;
        assert_eq!(fault, BatchFault::WrapperOffset { last: 3 });
    }
}

#[test]
fn formats_may_be_mixed_within() {
    let old = Message { magic: 0, ..PLAIN };
    let new = Message {
        offset: 1,
        timestamp: 5,
        ..PLAIN
    };
    for codec in codecs() {
        let outer = Message {
            offset: 11,
            timestamp: 9,
            attributes: LOG_APPEND_TIME,
            ..PLAIN
        };
        let records = read(wrapper(outer, codec, &[old, new])).unwrap();
        assert_eq!(
            (offsets(&records), timestamps(&records)),
            (vec![10, 11], vec![-1, 9])
        );
        let outer = Message { magic: 0, ..outer };
        let records = read(wrapper(outer, codec, &[old, new])).unwrap();
        assert_eq!(
            (offsets(&records), timestamps(&records)),
            (vec![0, 1], vec![-1, 5])
        );
    }
}

#[test]
fn nothing_is_compressed_twice() {
    for codec in codecs() {
        let within = wrapper(PLAIN, codec, &[PLAIN]);
        let outer = Message {
            attributes: codec as u8,
            value: Some(&compressed(codec, &[&PLAIN.write()[..], &within].concat())),
            ..PLAIN
        };
        let mut decompressor = Decompressor::default();
        let mut records = only(outer.write()).records(&mut decompressor).unwrap();
        assert!(records.next().unwrap().is_ok());
        let error = records.next().unwrap().unwrap_err();
        assert!(
            matches!(
                error.fault,
                BatchFault::Record {
                    index: 1,
                    count: Some(2),
                    field: RecordField::Attributes,
                    problem: RecordProblem::Nested(bits),
                    at: 56,
                } if bits == codec as u8
            ),
            "{error}"
        );
        assert!(records.next().is_none());
    }
}

#[test]
fn a_bomb_costs_no_more_than_the_limit() {
    const LIMIT: usize = 1 << 17;
    let zeros = vec![0; 4 * LIMIT];
    for codec in codecs() {
        for magic in [0, 1] {
            let bomb = Message {
                magic,
                value: Some(&zeros),
                ..PLAIN
            };
            let batch = only(wrapper(Message { magic, ..PLAIN }, codec, &[bomb]));
            let mut decompressor = Decompressor::new(Limits {
                max_decompressed: LIMIT,
            });
            let info = measure(|| {
                let fault = batch.records(&mut decompressor).unwrap_err().fault;
                assert!(
                    matches!(&fault, BatchFault::Decompress(error) if error.fault == Fault::TooLarge { limit: LIMIT }),
                    "{fault}"
                );
            });
            assert!(info.bytes_max < 4 * LIMIT as u64, "{codec}: {info:?}");
        }
    }
}

#[test]
#[cfg(feature = "lz4")]
fn format_0_does_not_look_at_the_checksum_of_an_lz4_header() {
    let set = Message { magic: 0, ..PLAIN }.write();
    let mut frame = compressed(CompressionType::Lz4, &set);
    // As clients of that time had it: over the magic number too.
    frame[6] = (twox_hash::XxHash32::oneshot(0, &frame[..6]) >> 8) as u8;
    let message = |magic| {
        Message {
            magic,
            attributes: CompressionType::Lz4 as u8,
            value: Some(&frame),
            ..PLAIN
        }
        .write()
    };
    assert_eq!(read(message(0)).unwrap().len(), 1);
    let fault = read(message(1)).unwrap_err().fault;
    assert!(
        fault.to_string().contains("does not match its checksum"),
        "{fault}"
    );
}

#[test]
fn wrappers_that_cannot_be() {
    for codec in codecs() {
        let outer = |value: Option<&[u8]>| {
            read(
                Message {
                    attributes: codec as u8,
                    value,
                    ..PLAIN
                }
                .write(),
            )
            .unwrap_err()
            .fault
        };
        assert_eq!(outer(None), BatchFault::NullWrapper);
        assert_eq!(
            outer(Some(&compressed(codec, b""))),
            BatchFault::EmptyWrapper
        );
        let fault = outer(Some(&compressed(codec, &PLAIN.write()[..38])));
        assert!(
            matches!(
                fault,
                BatchFault::Record {
                    index: 0,
                    count: None,
                    field: RecordField::Length,
                    problem: RecordProblem::Length { len: 27, left: 26 },
                    at: 8,
                }
            ),
            "{fault}"
        );
    }
    for (bits, expected) in [
        (
            4,
            BatchFault::CodecOfFormat {
                codec: CompressionType::Zstd,
                magic: 1,
            },
        ),
        (5, BatchFault::Codec(5)),
    ] {
        let message = Message {
            attributes: bits,
            ..PLAIN
        };
        assert_eq!(read(message.write()).unwrap_err().fault, expected);
    }
}

#[test]
fn every_crc_counts() {
    let good = PLAIN.write();
    for at in 12..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        // The magic byte also says whether it is such a message at all.
        if at != 16 {
            let fault = read(bad).unwrap_err().fault;
            assert!(
                matches!(fault, BatchFault::Crc { .. }),
                "byte {at}: {fault}"
            );
        }
    }
    for codec in codecs() {
        let mut set = [PLAIN.write(), PLAIN.write()].concat();
        let last = set.len() - 1;
        set[last] ^= 1;
        let outer = Message {
            attributes: codec as u8,
            value: Some(&compressed(codec, &set)),
            ..PLAIN
        };
        let batch = only(outer.write());
        let mut decompressor = Decompressor::default();
        let mut records = batch.records(&mut decompressor).unwrap();
        assert!(records.next().unwrap().is_ok());
        let error = records.next().unwrap().unwrap_err();
        assert!(
            matches!(
                error.fault,
                BatchFault::Record {
                    index: 1,
                    field: RecordField::Crc,
                    problem: RecordProblem::Crc { .. },
                    at: 51,
                    ..
                }
            ),
            "{error}"
        );
        let unchecked = batch.records_without_crc(&mut decompressor).unwrap();
        assert_eq!(unchecked.map(Result::unwrap).count(), 2);
    }
}

#[test]
fn every_truncation_and_every_byte_changed_under_crcs_that_match() {
    let inner = [0, 1, 2].map(|offset| Message { offset, ..PLAIN });
    let set: Vec<u8> = inner.iter().flat_map(Message::write).collect();
    let read_set = |set: &[u8]| {
        let outer = Message {
            attributes: CompressionType::Snappy as u8,
            offset: 2,
            value: Some(&compressed(CompressionType::Snappy, set)),
            ..PLAIN
        };
        only(outer.write())
            .records_without_crc(&mut Decompressor::default())?
            .collect::<Result<Vec<_>, _>>()
    };
    if !CompressionType::Snappy.is_available() {
        return;
    }
    assert_eq!(read_set(&set).unwrap().len(), 3);
    for len in 0..set.len() {
        assert_eq!(
            read_set(&set[..len]).is_ok(),
            len > 0 && len % 39 == 0,
            "{len}"
        );
    }
    for at in 0..set.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff, set[at].wrapping_add(2)] {
            let mut bad = set.clone();
            bad[at] = byte;
            if let Ok(records) = read_set(&bad) {
                assert_eq!(records.len(), 3, "byte {at}");
            }
        }
    }
}

#[test]
fn lengths_that_cannot_be() {
    for (magic, least) in [(0, 14), (1, 22)] {
        let good = Message { magic, ..PLAIN }.write();
        for length in [-1i32, 0, least - 1, i32::MIN] {
            let mut bad = good.clone();
            bad[8..12].copy_from_slice(&length.to_be_bytes());
            let error = Batches::new(bad.into()).next().unwrap().unwrap_err();
            assert_eq!(error.fault, BatchFault::Length { length, least });
        }
    }
}
