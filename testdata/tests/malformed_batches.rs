//! Record sets that are none: each kind of damage has its own error, which says where it is.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use bytes::Bytes;
use milena_codec::{
    Attributes, BatchError, BatchHeader, Batches, Compression, CompressionType, Compressor,
    Decompressor, HEADER_LEN, LENGTH_OVERHEAD, Limits, Record,
};
use milena_testdata::table;

/// What is wrong, and a record set in which it is.
struct Case(String, Vec<u8>);

fn case(what: impl Into<String>, set: Vec<u8>) -> Case {
    Case(what.into(), set)
}

/// Bytes that one batch may have once decompressed.
const LIMIT: usize = 1 << 20;

/// A record with the value "abc" and no more, its offset delta left open.
const fn record(offset_delta: u8) -> [u8; 10] {
    [18, 0, 0, 2 * offset_delta, 1, 6, b'a', b'b', b'c', 0]
}

/// A batch of offset 42 with these records, and a CRC that matches.
fn batch(codec: CompressionType, count: i32, records: &[u8]) -> Vec<u8> {
    batch_with(records, |header| {
        header.attributes = Attributes::new(codec, false);
        header.records_count = count;
    })
}

fn batch_with(records: &[u8], change: impl FnOnce(&mut BatchHeader)) -> Vec<u8> {
    let mut header = BatchHeader {
        base_offset: 42,
        batch_length: (HEADER_LEN - LENGTH_OVERHEAD + records.len()) as i32,
        partition_leader_epoch: 7,
        crc: 0,
        attributes: Attributes::default(),
        last_offset_delta: 2,
        base_timestamp: 1_700_000_000_000,
        max_timestamp: 1_700_000_000_000,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        records_count: 3,
    };
    change(&mut header);
    [&header.encode_with_crc([records])[..], records].concat()
}

fn plain(count: i32, records: &[u8]) -> Vec<u8> {
    batch(CompressionType::None, count, records)
}

/// Three sound records.
fn records() -> Vec<u8> {
    [record(0), record(1), record(2)].concat()
}

/// A sound batch of three records.
fn sound() -> Vec<u8> {
    plain(3, &records())
}

fn compressed(codec: CompressionType, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut compressor = Compressor::new(Compression::of(codec)).unwrap();
    compressor.compress([bytes].into_iter(), &mut out).unwrap();
    out
}

/// A message of an older format: with a null key, and a CRC that matches.
fn message(magic: u8, offset: i64, attributes: u8, value: Option<&[u8]>) -> Vec<u8> {
    let len = value.map_or(-1, |value| value.len() as i32);
    let fields = [
        &(-1i32).to_be_bytes()[..],
        &len.to_be_bytes(),
        value.unwrap_or_default(),
    ];
    message_of(magic, offset, attributes, &fields.concat())
}

/// A message with these bytes behind its attributes and, in format 1, its timestamp.
fn message_of(magic: u8, offset: i64, attributes: u8, fields: &[u8]) -> Vec<u8> {
    let timestamp = if magic == 0 { &[][..] } else { &[0; 8] };
    let covered = [&[magic, attributes], timestamp, fields].concat();
    let mut crc = flate2::Crc::new();
    crc.update(&covered);
    let length = covered.len() as i32 + 4;
    [
        &offset.to_be_bytes()[..],
        &length.to_be_bytes(),
        &crc.sum().to_be_bytes(),
        &covered,
    ]
    .concat()
}

/// A compressed message of offset 42 whose value holds these bytes.
fn wrapper(magic: u8, set: &[u8]) -> Vec<u8> {
    let codec = CompressionType::Gzip;
    message(magic, 42, codec as u8, Some(&compressed(codec, set)))
}

fn changed(mut bytes: Vec<u8>, at: usize, to: &[u8]) -> Vec<u8> {
    bytes[at..at + to.len()].copy_from_slice(to);
    bytes
}

fn cut(bytes: &[u8], len: usize) -> Vec<u8> {
    bytes[..len].to_vec()
}

/// The batch as a whole.
fn headers() -> Vec<Case> {
    let long = sound().len() as i32;
    vec![
        case("cut off before its length", cut(&sound(), 9)),
        case("cut off within its header", cut(&sound(), 40)),
        case("cut off within its records", cut(&sound(), 80)),
        case(
            "cut off, behind a sound one",
            [sound(), cut(&sound(), 70)].concat(),
        ),
        case(
            "a length that is negative",
            changed(sound(), 8, &(-1i32).to_be_bytes()),
        ),
        case(
            "a length shorter than a header",
            changed(sound(), 8, &48i32.to_be_bytes()),
        ),
        case(
            "a length beyond the end",
            changed(sound(), 8, &long.to_be_bytes()),
        ),
        case(
            "a length within the records",
            changed(sound(), 8, &(long - 20).to_be_bytes()),
        ),
        case(
            "a record format that there is not",
            changed(sound(), 16, &[3]),
        ),
        case("a changed byte", changed(sound(), 70, b"A")),
        case(
            "a codec that there is not",
            batch_with(&records(), |header| header.attributes.0 = 7),
        ),
        case("a negative record count", plain(-1, &records())),
        case(
            "a record count that the bytes cannot hold",
            plain(1_000_000, &records()),
        ),
        case("no records, and bytes for them", plain(0, &records())),
        case("fewer records than there are", plain(2, &records())),
        case("more records than there are", plain(4, &records())),
        case(
            "bytes behind the last record",
            plain(3, &[&records()[..], &[0; 5]].concat()),
        ),
    ]
}

/// The second of three records.
fn fields() -> Vec<Case> {
    let second = |bytes: &[u8]| plain(3, &[&record(0)[..], bytes, &record(2)].concat());
    // Length, attributes, timestamp delta, offset delta, null key, null value, no headers.
    vec![
        case(
            "a record's length that does not end",
            plain(2, &[&record(0)[..], &[0x80; 4], &[]].concat()),
        ),
        case(
            "a record's length of too many bits",
            second(&[0x80, 0x80, 0x80, 0x80, 0x80, 1]),
        ),
        case(
            "a record's length that is negative",
            second(&[1, 0, 0, 2, 1, 1, 0]),
        ),
        case(
            "a record longer than the rest",
            second(&[126, 0, 0, 2, 1, 1, 0]),
        ),
        case("a record without anything", second(&[0, 0, 0, 2, 1, 1, 0])),
        case(
            "a record cut off within its timestamp",
            second(&[4, 0, 0x80, 2, 1, 1, 0]),
        ),
        case(
            "a timestamp of too many bits",
            second(&[&[32, 0][..], &[0xff; 10], &[2, 1, 1, 0]].concat()),
        ),
        case(
            "an offset of too many bits",
            second(&[22, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 1, 0, 0]),
        ),
        case(
            "a key's length that is negative and not null",
            second(&[12, 0, 0, 2, 3, 1, 0]),
        ),
        case(
            "a key longer than the record",
            second(&[12, 0, 0, 2, 20, 1, 0]),
        ),
        case(
            "a value longer than the record",
            second(&[12, 0, 0, 2, 1, 8, 0]),
        ),
        case(
            "a record without a count of headers",
            second(&[10, 0, 0, 2, 1, 1]),
        ),
        case(
            "a negative count of headers",
            second(&[12, 0, 0, 2, 1, 1, 1]),
        ),
        case(
            "more headers than the record can hold",
            second(&[16, 0, 0, 2, 1, 1, 6, 0, 1]),
        ),
        case(
            "a header's key that is null",
            second(&[16, 0, 0, 2, 1, 1, 2, 1, 0]),
        ),
        case(
            "a header's key longer than the record",
            second(&[16, 0, 0, 2, 1, 1, 2, 10, b'k']),
        ),
        case(
            "a header's value longer than the record",
            second(&[18, 0, 0, 2, 1, 1, 2, 2, b'k', 10]),
        ),
        case(
            "a record that its fields do not fill",
            second(&[14, 0, 0, 2, 1, 1, 0, 0]),
        ),
    ]
}

/// Compressed records.
fn codecs() -> Vec<Case> {
    use CompressionType::{Gzip, Lz4, None, Snappy, Zstd};
    let bomb = vec![0; 2 * LIMIT];
    let mut cases = Vec::new();
    for codec in [Gzip, Snappy, Lz4, Zstd] {
        let good = compressed(codec, &records());
        let cut = cut(&good, good.len() - 2);
        cases.push(case(format!("{codec} data cut off"), batch(codec, 3, &cut)));
        let other = if codec == Gzip { Lz4 } else { Gzip };
        let other = compressed(other, &records());
        cases.push(case(
            format!("other data where {codec} data should be"),
            batch(codec, 3, &other),
        ));
        cases.push(case(
            format!("{codec} data of 2 MiB, with a limit of 1 MiB"),
            batch(codec, 3, &compressed(codec, &bomb)),
        ));
        let behind = [&good[..], &[0; 4]].concat();
        cases.push(case(
            format!("bytes behind {codec} data"),
            batch(codec, 3, &behind),
        ));
    }
    let within = |codec, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        batch(codec, 3, &change(compressed(codec, &records())))
    };
    let gzip_len = compressed(Gzip, &records()).len();
    let of_gzip = |at: usize, to: &'static [u8]| within(Gzip, &|data| changed(data, at, to));
    cases.push(case("a gzip header that is none", of_gzip(2, &[9])));
    cases.push(case("a deflate block of no kind", of_gzip(10, &[7])));
    cases.push(case(
        "gzip data of another checksum",
        of_gzip(gzip_len - 8, &[0]),
    ));
    cases.push(case(
        "gzip data of another length",
        of_gzip(gzip_len - 4, &[0]),
    ));
    let of_snappy = |at: usize, to: &'static [u8]| within(Snappy, &|data| changed(data, at, to));
    cases.push(case(
        "a xerial framing of version 0",
        of_snappy(8, &[0, 0, 0, 0]),
    ));
    cases.push(case(
        "a snappy block longer than the rest",
        of_snappy(16, &[0, 1]),
    ));
    cases.push(case(
        "a snappy block that claims too much",
        of_snappy(20, &[0xff, 0xff, 0x7f]),
    ));
    cases.push(case(
        "a snappy block that copies from before its start",
        of_snappy(21, &[0x05, 0xff]),
    ));
    let of_lz4 = |at: usize, to: &'static [u8]| within(Lz4, &|data| changed(data, at, to));
    cases.push(case("an lz4 frame of another version", of_lz4(4, &[0xa0])));
    cases.push(case(
        "lz4 blocks that depend on one another",
        of_lz4(4, &[0x40]),
    ));
    cases.push(case("a reserved bit in an lz4 header", of_lz4(5, &[0x41])));
    cases.push(case("an lz4 frame with a dictionary", of_lz4(4, &[0x61])));
    cases.push(case("lz4 blocks of an unknown size", of_lz4(5, &[0x30])));
    cases.push(case("an lz4 header of another checksum", of_lz4(6, &[0])));
    cases.push(case(
        "an lz4 block longer than allowed",
        of_lz4(7, &[0, 0, 2, 0]),
    ));
    cases.push(case(
        "an lz4 block that is none",
        of_lz4(11, &[0x0f, 0xff, 0xff]),
    ));
    let frame = |flags: u8, size: &[u8], tail: &[u8]| {
        let described = [&[flags, 0x40], size].concat();
        let records = records();
        let stored = (records.len() as u32 | 1 << 31).to_le_bytes();
        let checksum = (xxh32(&described) >> 8) as u8;
        let head = [
            &[0x04, 0x22, 0x4d, 0x18][..],
            &described,
            &[checksum],
            &stored,
        ];
        batch(Lz4, 3, &[&head.concat()[..], &records, tail].concat())
    };
    cases.push(case(
        "an lz4 block of another checksum",
        frame(0x70, &[], &[0; 8]),
    ));
    cases.push(case(
        "lz4 content of another checksum",
        frame(0x64, &[], &[0; 8]),
    ));
    cases.push(case(
        "lz4 content of another length",
        frame(0x68, &[9, 0, 0, 0, 0, 0, 0, 0], &[0; 4]),
    ));
    let of_zstd = |at: usize, to: &'static [u8]| within(Zstd, &|data| changed(data, at, to));
    cases.push(case("a zstd frame that is none", of_zstd(0, &[0])));
    cases.push(case("a zstd block of no kind", of_zstd(6, &[0xff])));
    let window = [
        0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x19, 0, 0, b'a', b'b', b'c',
    ];
    cases.push(case("a zstd window of 2 GiB", batch(Zstd, 3, &window)));

    let short = [&record(0)[..], &[12, 0, 0, 2, 1, 8, 0]].concat();
    for codec in [None, Gzip] {
        let records = compressed(codec, &short);
        let name = if codec == None {
            "a value too long"
        } else {
            "the same, compressed"
        };
        cases.push(case(name, batch(codec, 2, &records)));
    }
    cases.push(case("compressed, and fewer records than there are", {
        batch(Gzip, 2, &compressed(Gzip, &records()))
    }));
    cases
}

/// XXH32 of less than 16 bytes, with seed 0.
fn xxh32(bytes: &[u8]) -> u32 {
    const P: [u32; 5] = [
        0x9e37_79b1,
        0x85eb_ca77,
        0xc2b2_ae3d,
        0x27d4_eb2f,
        0x1656_67b1,
    ];
    let mut hash = P[4].wrapping_add(bytes.len() as u32);
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        let word = u32::from_le_bytes(*word).wrapping_mul(P[2]);
        hash = hash.wrapping_add(word).rotate_left(17).wrapping_mul(P[3]);
    }
    for byte in rest {
        let byte = u32::from(*byte).wrapping_mul(P[4]);
        hash = hash.wrapping_add(byte).rotate_left(11).wrapping_mul(P[0]);
    }
    hash = (hash ^ hash >> 15).wrapping_mul(P[1]);
    hash = (hash ^ hash >> 13).wrapping_mul(P[2]);
    hash ^ hash >> 16
}

/// Messages of formats 0 and 1.
fn messages() -> Vec<Case> {
    let good = || message(1, 42, 0, Some(b"value"));
    let null = (-1i32).to_be_bytes();
    let first = message(1, 0, 0, Some(b"value"));
    let second = |bytes: Vec<u8>| wrapper(1, &[first.clone(), bytes].concat());
    let twice = wrapper(1, &first);
    vec![
        case("a message cut off", cut(&good(), 30)),
        case(
            "a message of format 0 that is too short",
            changed(message(0, 42, 0, None), 8, &13i32.to_be_bytes()),
        ),
        case(
            "a message of format 1 that is too short",
            changed(good(), 8, &21i32.to_be_bytes()),
        ),
        case("a changed byte in a message", changed(good(), 35, b"V")),
        case("a message with zstd", message(1, 42, 4, Some(b"value"))),
        case(
            "a message with a codec that there is not",
            message(1, 42, 6, Some(b"value")),
        ),
        case("a message whose key's length is negative and not null", {
            message_of(1, 42, 0, &[(-2i32).to_be_bytes(), null].concat())
        }),
        case("a message whose value is longer than the rest", {
            message_of(1, 42, 0, &[null, 9i32.to_be_bytes()].concat())
        }),
        case(
            "bytes behind a message's value",
            message_of(1, 42, 0, &[null, null, [0; 4]].concat()),
        ),
        case(
            "a compressed message whose value is null",
            message(1, 42, 1, None),
        ),
        case("a compressed message with nothing in it", wrapper(1, &[])),
        case("a compressed message whose offset is too small", {
            wrapper(1, &message(1, 43, 0, None))
        }),
        case(
            "a compressed message that does not decompress",
            message(1, 42, 1, Some(b"value")),
        ),
        case("a compressed message of 2 MiB, with a limit of 1 MiB", {
            wrapper(1, &message(1, 0, 0, Some(&vec![0; 2 * LIMIT])))
        }),
        case("an lz4 header of another checksum, in format 1", {
            let data = changed(compressed(CompressionType::Lz4, &first), 6, &[0]);
            message(1, 42, CompressionType::Lz4 as u8, Some(&data))
        }),
        case("a message within cut off", second(cut(&first, 30))),
        case(
            "a message within of another CRC",
            second(changed(message(1, 1, 0, None), 12, &[0; 4])),
        ),
        case(
            "a message within of format 2",
            second(message(2, 1, 0, None)),
        ),
        case(
            "a message within that is too short",
            second({
                // The CRC of format 1, attributes and half a timestamp.
                let bytes = message_of(0, 1, 0, &[0; 8]);
                let mut crc = flate2::Crc::new();
                crc.update(&[&[1][..], &bytes[17..]].concat());
                changed(changed(bytes, 16, &[1]), 12, &crc.sum().to_be_bytes())
            }),
        ),
        case(
            "compressed within compressed",
            second(changed(twice, 0, &1i64.to_be_bytes())),
        ),
    ]
}

fn read(set: Vec<u8>) -> Result<Vec<Record>, BatchError> {
    let mut decompressor = Decompressor::new(Limits {
        max_decompressed: LIMIT,
    });
    let mut records = Vec::new();
    for batch in Batches::exact(set.into()) {
        for record in batch?.records(&mut decompressor)? {
            records.push(record?);
        }
    }
    Ok(records)
}

#[test]
fn what_is_sound_is_read() {
    assert_eq!(read(sound()).unwrap().len(), 3);
    let both = [message(0, 1, 0, None), message(1, 2, 0, Some(b"value"))].concat();
    assert_eq!(read(both.clone()).unwrap().len(), 2);
    assert_eq!(read(wrapper(1, &both)).unwrap().len(), 2);
}

#[test]
fn each_kind_of_damage_says_what_and_where() {
    let mut rows = vec![vec!["what is wrong".to_owned(), "the error".to_owned()]];
    for Case(what, set) in [headers(), fields(), codecs(), messages()]
        .into_iter()
        .flatten()
    {
        let len = set.len();
        let error = read(set).expect_err(&what);
        assert!(
            error.byte.is_none_or(|byte| byte <= len),
            "{what}: {error:?}"
        );
        rows.push(vec![what, format!("`{error}`")]);
    }
    table::check("ERRORS.md", "batches", &rows);
}

#[test]
fn a_format_that_is_not_taken_says_so() {
    let mut batches = Batches::exact(Bytes::from([sound(), message(1, 45, 0, None)].concat()));
    assert!(batches.next().unwrap().unwrap().into_current().is_ok());
    let error = batches.next().unwrap().unwrap().into_current().unwrap_err();
    assert_eq!(
        error.to_string(),
        "record batch of offset 45 at byte 91: record format 1, where only 2 is accepted, at byte 107"
    );
}

#[test]
fn a_header_key_that_is_not_text_is_read_and_can_be_refused() {
    let set = plain(1, &[18, 0, 0, 0, 1, 1, 2, 4, 0xc3, 0x28, 1]);
    let set = changed(set, HEADER_LEN, &[20]);
    let header = plain(1, &set[HEADER_LEN..]);
    let records = read(header).unwrap();
    let header = records[0].headers.iter().next().unwrap();
    assert_eq!(header.key(), "\u{fffd}(");
    let error = header.try_key().unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid utf-8 sequence of 1 bytes from index 0"
    );
}
