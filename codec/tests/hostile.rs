//! Truncated, altered, lying and random bytes: an error that says what, or the same records; never a
//! panic, and no memory to speak of.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use milena_codec::{
    BatchBuilder, BatchError, BatchFault, BatchHeader, Batches, Compression, CompressionType,
    Compressor, Decompressor, HEADER_LEN, HeaderRef, Limits, Record, RecordField, RecordRef, Stamp,
};
use proptest::prelude::*;

fn wire(codec: CompressionType, records: usize) -> Vec<u8> {
    let headers = [
        HeaderRef {
            key: "name",
            value: Some(b"value".into()),
        },
        HeaderRef {
            key: "null",
            value: None,
        },
    ];
    let mut batch = BatchBuilder::new(usize::MAX);
    batch.add_chunk(BytesMut::with_capacity(4096));
    for index in 0..records {
        let record = RecordRef {
            timestamp: 1000 + index as i64,
            key: Some(b"key key key key key".into()),
            value: Some(b"value value value value value".into()),
            headers: &headers,
        };
        batch.append(batch.cost(&record)).unwrap();
    }
    let mut sealed = batch.seal();
    sealed
        .compress(&mut Compressor::new(Compression::of(codec)).unwrap())
        .unwrap();
    assert_eq!(sealed.codec(), codec);
    sealed.encode(Stamp::NONE).concat()
}

fn codecs() -> impl Iterator<Item = CompressionType> {
    CompressionType::ALL
        .into_iter()
        .filter(|codec| codec.is_available())
}

fn read_all(batches: Batches) -> Result<Vec<Record>, BatchError> {
    let mut decompressor = Decompressor::new(Limits {
        max_decompressed: 1 << 20,
    });
    let mut records = Vec::new();
    for batch in batches {
        for record in batch?.records(&mut decompressor)? {
            let record = record?;
            assert_eq!(record.headers.iter().count(), record.headers.len());
            records.push(record);
        }
    }
    Ok(records)
}

fn read_exact(bytes: Vec<u8>) -> Result<Vec<Record>, BatchError> {
    read_all(Batches::exact(bytes.into()))
}

/// The batch with its header changed, and a CRC to match.
fn with_header(wire: &[u8], change: impl FnOnce(&mut BatchHeader)) -> Vec<u8> {
    let mut header = BatchHeader::parse(wire).unwrap();
    change(&mut header);
    let records = &wire[HEADER_LEN..];
    [&header.encode_with_crc([records])[..], records].concat()
}

#[test]
fn every_truncation() {
    for codec in codecs() {
        let one = wire(codec, 4);
        let two = [&one[..], &one].concat();
        let expected = read_exact(one.clone()).unwrap();
        for len in 0..two.len() {
            let cut = Bytes::copy_from_slice(&two[..len]);
            // In a fetch response what is whole is read.
            let mut batches = Batches::new(cut.clone());
            let whole = batches.by_ref().map(Result::unwrap).count();
            assert_eq!(
                (whole, batches.position()),
                (len / one.len(), len / one.len() * one.len())
            );
            let read = read_all(Batches::new(cut.clone())).unwrap();
            assert_eq!(read.len(), expected.len() * whole);
            // Elsewhere the rest is an error.
            let exact = read_all(Batches::exact(cut));
            match exact {
                Ok(_) => assert_eq!(len % one.len(), 0),
                Err(error) => {
                    assert_eq!(error.position, whole * one.len(), "{error}");
                    let available = len - whole * one.len();
                    let needed = if available < 12 { 12 } else { one.len() };
                    assert_eq!(error.fault, BatchFault::Truncated { needed, available });
                }
            }
        }
    }
}

#[test]
fn every_byte_flipped() {
    for codec in codecs() {
        let good = wire(codec, 4);
        let expected = read_exact(good.clone()).unwrap();
        for at in 0..good.len() {
            for bit in [0x01, 0x10, 0x80] {
                let mut bad = good.clone();
                bad[at] ^= bit;
                // Base offset and leader epoch are the broker's to change, outside the CRC.
                if at < 8 || (12..16).contains(&at) {
                    let read = read_exact(bad).unwrap();
                    assert_eq!(read.len(), expected.len());
                    assert!(read.iter().zip(&expected).all(|(a, b)| a.value == b.value));
                } else {
                    assert!(read_exact(bad).is_err(), "{codec}: byte {at}");
                }
            }
        }
    }
}

#[test]
fn every_byte_changed_under_a_crc_that_matches() {
    for codec in codecs() {
        let good = wire(codec, 4);
        for at in HEADER_LEN..good.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff, good[at].wrapping_add(2)] {
                let mut bad = good.clone();
                bad[at] = byte;
                let bad = with_header(&bad, |_| ());
                if let Ok(records) = read_exact(bad) {
                    assert_eq!(records.len(), 4, "{codec}: byte {at}");
                }
            }
        }
    }
}

#[test]
fn lying_counts() {
    for codec in codecs() {
        let good = wire(codec, 4);
        let read = |count| read_exact(with_header(&good, |header| header.records_count = count));
        assert_eq!(read(4).unwrap().len(), 4);
        for count in [-1, i32::MIN, i32::MAX, 1000] {
            let fault = read(count).unwrap_err().fault;
            assert!(
                matches!(fault, BatchFault::Count { count: c, .. } if c == count),
                "{fault}"
            );
        }
        for count in [0, 1, 3] {
            let fault = read(count).unwrap_err().fault;
            assert!(matches!(fault, BatchFault::TrailingBytes { count: c, .. } if c == count));
        }
        let fault = read(5).unwrap_err().fault;
        assert!(
            matches!(
                fault,
                BatchFault::Record {
                    index: 4,
                    field: RecordField::Length,
                    ..
                }
            ),
            "{fault}"
        );
    }
}

#[test]
fn headers_that_cannot_be() {
    let good = wire(CompressionType::None, 1);
    let set = |at: usize, bytes: &[u8]| {
        let mut bad = good.clone();
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        read_exact(bad).unwrap_err()
    };
    for length in [-1i32, 0, 48, i32::MIN] {
        assert_eq!(
            set(8, &length.to_be_bytes()).fault,
            BatchFault::Length { length, least: 49 }
        );
    }
    for magic in [3, i8::MAX, -1, i8::MIN] {
        let error = set(16, &magic.to_be_bytes());
        assert_eq!(error.fault, BatchFault::Magic(magic));
        assert!(
            error
                .to_string()
                .contains("offset 0 at byte 0: record format"),
            "{error}"
        );
    }
    for bits in 5..8 {
        let bad = with_header(&good, |header| header.attributes.0 = bits);
        assert_eq!(
            read_exact(bad).unwrap_err().fault,
            BatchFault::Codec(bits as u8)
        );
    }
}

#[test]
fn records_that_cannot_be() {
    use RecordField::*;
    // Attributes, timestamp delta, offset delta, key, value, headers: 0, 0, 0, null, null, none.
    let cases: &[(&[u8], RecordField)] = &[
        (&[0x80, 0x80, 0x80, 0x80, 0x80, 0, 0], Length),
        (&[1, 0, 0, 0, 1, 1, 0], Length),
        (&[16, 0, 0, 0, 1, 1, 0], Length),
        (&[0, 0, 0, 0, 1, 1, 0], Attributes),
        (&[4, 0, 0x80, 0, 0, 0, 0], TimestampDelta),
        (
            &[
                24, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0,
            ],
            TimestampDelta,
        ),
        (&[12, 0, 0, 0x80, 0x80, 0x80, 0x80], OffsetDelta),
        (&[14, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80], OffsetDelta),
        (&[12, 0, 0, 0, 3, 1, 0], Key),
        (&[12, 0, 0, 0, 12, 1, 0], Key),
        (&[12, 0, 0, 0, 1, 4, 0], Value),
        (&[10, 0, 0, 0, 1, 1, 0], HeaderCount),
        (&[12, 0, 0, 0, 1, 1, 1], HeaderCount),
        (&[12, 0, 0, 0, 1, 1, 2], HeaderCount),
        (&[16, 0, 0, 0, 1, 1, 2, 1, 0], HeaderKey),
        (&[16, 0, 0, 0, 1, 1, 2, 8, 0], HeaderKey),
        (&[16, 0, 0, 0, 1, 1, 2, 0, 2], HeaderValue),
        (&[14, 0, 0, 0, 1, 1, 0, 0], Length),
    ];
    for (records, expected) in cases {
        let template = wire(CompressionType::None, 1);
        let mut bytes = template[..HEADER_LEN].to_vec();
        bytes.extend_from_slice(records);
        let bytes = with_header(&bytes, |header| {
            header.batch_length = 49 + records.len() as i32
        });
        let error = read_exact(bytes).unwrap_err();
        match error.fault {
            BatchFault::Record {
                index: 0,
                count: Some(1),
                field,
                ..
            } => {
                assert_eq!(field, *expected, "{records:?}: {error}");
            }
            fault => panic!("{records:?}: {fault}"),
        }
        assert!(
            error
                .to_string()
                .contains(&format!("record 0 of 1: {expected}")),
            "{error}"
        );
    }
}

#[test]
fn many_tiny_headers_take_no_memory() {
    let count = 1_000_000;
    let mut record = vec![0, 0, 0, 1, 1];
    // 1_000_000 in zig-zag.
    record.extend([0x80, 0x89, 0x7a]);
    record.extend(std::iter::repeat_n([0, 1], count).flatten());
    // 2_000_008 in zig-zag.
    let records = [&[0x90, 0x92, 0xf4, 0x01][..], &record].concat();
    let mut bytes = wire(CompressionType::None, 1)[..HEADER_LEN].to_vec();
    bytes.extend_from_slice(&records);
    let bytes = with_header(&bytes, |header| {
        header.batch_length = 49 + records.len() as i32
    });
    let batch = Batches::exact(bytes.into()).next().unwrap().unwrap();
    let info = measure(|| {
        let mut records = batch.records(&mut Decompressor::default()).unwrap();
        assert_eq!(records.next().unwrap().unwrap().headers.len(), count);
    });
    assert!(info.bytes_max < 1024, "{info:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_record_sets(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_exact(bytes.clone());
        let _ = read_all(Batches::new(bytes.into()));
    }

    #[test]
    fn random_records_sections(
        bits in 0..8i16,
        count in 0..6i32,
        records in proptest::collection::vec(prop_oneof![any::<u8>(), 0..20u8], 0..200),
    ) {
        let mut bytes = wire(CompressionType::None, 1)[..HEADER_LEN].to_vec();
        bytes.extend_from_slice(&records);
        let bytes = with_header(&bytes, |header| {
            header.batch_length = 49 + records.len() as i32;
            header.attributes.0 = bits;
            header.records_count = count;
        });
        let _ = read_exact(bytes);
    }

    #[test]
    fn random_compressed_data(
        prefix in 0..24usize,
        data in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut decompressor = Decompressor::new(Limits { max_decompressed: 1 << 20 });
        for codec in codecs() {
            // Behind a start that is right, so that more than the magic number is tested.
            let good = &wire(codec, 4)[HEADER_LEN..];
            let input = [&good[..prefix.min(good.len())], &data].concat();
            let input = Bytes::from(input);
            let mut len = 0;
            let info = measure(|| {
                len = decompressor.decompress(codec, &input).map_or(0, |bytes| bytes.len());
            });
            prop_assert!(len <= 1 << 20 || codec == CompressionType::None);
            prop_assert!(info.bytes_max < 6 << 20, "{} {:?}", codec, info);
        }
    }
}
