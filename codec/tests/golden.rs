//! Batches written out field by field, against what the crate builds and reads.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests"
)]

use bytes::{Bytes, BytesMut};
use milena_codec::{
    BatchBuilder, Batches, ControlType, Decompressor, EndTransaction, HeaderRef, Payload, Record,
    RecordBatch, RecordRef, SealedBatch, Stamp, TimestampType,
};

/// Two records: a key, an empty value, four headers; then nulls and an earlier timestamp.
const RECORDS: &[u8] = &[
    46, // 23 bytes
    0, 0, 0, // attributes, timestamp delta 0, offset delta 0
    4, b'k', b'1', // key
    0,    // value: empty
    8,    // four headers
    2, b'a', 6, b'o', b'n', b'e', // a: one
    2, b'a', 1, // a again: null
    4, 0xc3, 0xa4, 0, // ä: empty
    0, 0,  // the empty name: empty
    12, // 6 bytes
    0, 5, 2, // attributes, timestamp delta -3, offset delta 1
    1, 1, // key and value: null
    0, // no headers
];

const HEADER: &[u8] = &[
    0, 0, 0, 0, 0, 0, 0, 0, // base offset
    0, 0, 0, 80, // length: 49 + 31
    0xff, 0xff, 0xff, 0xff, // partition leader epoch
    2,    // magic
    0xea, 0xfe, 0xd5, 0x32, // CRC-32C of all that follows
    0, 0x10, // attributes: transactional
    0, 0, 0, 1, // last offset delta
    0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0, // base timestamp
    0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0, // max timestamp
    0, 0, 0, 0, 0, 0, 0x03, 0xe8, // producer id
    0, 7, // producer epoch
    0, 0, 0, 42, // base sequence
    0, 0, 0, 2, // records
];

const STAMP: Stamp = Stamp {
    producer_id: 1000,
    producer_epoch: 7,
    base_sequence: 42,
    transactional: true,
};

const BASE: i64 = 1_700_000_000_000;

fn built() -> SealedBatch {
    let headers = [
        HeaderRef {
            key: "a",
            value: Some(b"one".into()),
        },
        HeaderRef {
            key: "a",
            value: None,
        },
        HeaderRef {
            key: "ä",
            value: Some(Payload::Slice(&[])),
        },
        HeaderRef {
            key: "",
            value: Some(Payload::Slice(&[])),
        },
    ];
    let first = RecordRef {
        timestamp: BASE,
        key: Some(b"k1".into()),
        value: Some(Payload::Slice(&[])),
        headers: &headers,
    };
    let second = RecordRef {
        timestamp: BASE - 3,
        ..RecordRef::default()
    };
    let mut batch = BatchBuilder::new(1000);
    batch.add_chunk(BytesMut::with_capacity(1000));
    for (index, record) in [first, second].iter().enumerate() {
        assert_eq!(batch.append(batch.cost(record)), Ok(index as u32));
    }
    assert_eq!(
        (batch.base_timestamp(), batch.max_timestamp()),
        (BASE, BASE)
    );
    batch.seal()
}

/// The only batch in `bytes`.
fn batch(bytes: impl Into<Bytes>) -> RecordBatch {
    let mut batches = Batches::exact(bytes.into());
    let batch = batches.next().unwrap().unwrap();
    assert!(batches.next().is_none());
    batch.into_current().unwrap()
}

fn read(bytes: impl Into<Bytes>) -> Vec<Record> {
    let batch = batch(bytes);
    let records = batch.records(&mut Decompressor::default()).unwrap();
    records.map(Result::unwrap).collect()
}

#[test]
fn a_batch_is_built_byte_by_byte_as_specified() {
    let segments = built().encode(STAMP);
    assert_eq!(segments[0], HEADER);
    assert_eq!(segments[1..].concat(), RECORDS);
}

#[test]
fn a_batch_reads_as_specified() {
    let batch = batch([HEADER, RECORDS].concat());
    let header = batch.header();
    assert_eq!(
        (
            batch.base_offset(),
            batch.last_offset(),
            batch.next_offset()
        ),
        (0, 1, 2)
    );
    assert_eq!(
        (batch.count(), batch.len(), header.partition_leader_epoch),
        (2, 92, -1)
    );
    assert_eq!((header.base_timestamp, header.max_timestamp), (BASE, BASE));
    assert_eq!((header.producer_id, header.producer_epoch), (1000, 7));
    assert_eq!((header.base_sequence, batch.last_sequence()), (42, 43));
    assert_eq!(header.crc, 0xeafe_d532);
    assert!(batch.is_transactional() && !batch.is_control());
    assert_eq!(batch.timestamp_type(), TimestampType::CreateTime);

    let records = read([HEADER, RECORDS].concat());
    assert_eq!(records.len(), 2);
    assert_eq!((records[0].offset, records[0].timestamp), (0, BASE));
    assert_eq!(records[0].key.as_deref(), Some(&b"k1"[..]));
    assert_eq!(records[0].value.as_deref(), Some(&b""[..]));
    let headers: Vec<_> = records[0]
        .headers
        .iter()
        .map(|h| (h.key().into_owned(), h.value))
        .collect();
    let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    assert_eq!(
        headers,
        [
            ("a".into(), text("one")),
            ("a".into(), None),
            ("ä".into(), text("")),
            (String::new(), text("")),
        ]
    );
    assert_eq!((records[1].offset, records[1].timestamp), (1, BASE - 3));
    assert_eq!((&records[1].key, &records[1].value), (&None, &None));
    assert!(records[1].headers.is_empty());
}

#[test]
fn another_stamp_changes_the_header_alone() {
    let sealed = built();
    let first = sealed.encode(STAMP);
    let bumped = Stamp {
        producer_epoch: 8,
        base_sequence: 0,
        transactional: false,
        ..STAMP
    };
    let second = sealed.encode(bumped);
    assert_eq!(first[1].as_ptr(), second[1].as_ptr());
    assert_ne!(first[0], second[0]);
    let batch = batch(second.concat());
    batch.verify_crc().unwrap();
    assert_eq!(
        (batch.header().producer_epoch, batch.header().base_sequence),
        (8, 0)
    );
    assert!(!batch.is_transactional());
    assert_eq!(sealed.encode(STAMP), first);
}

#[test]
fn log_append_time_is_every_records_timestamp() {
    let [header, records] = rewritten(|attributes| attributes | 8, 5_000);
    let records = read([header, records].concat());
    assert!(records.iter().all(|record| record.timestamp == 5_000));
}

#[test]
fn the_log_places_a_batch_without_a_new_crc() {
    let batch = batch([HEADER, RECORDS].concat());
    let placed = batch.placed(1 << 40, 9);
    assert_eq!(placed[1].as_ptr(), batch.records_section().as_ptr());
    let batch = self::batch(placed.concat());
    assert_eq!(
        (batch.base_offset(), batch.header().partition_leader_epoch),
        (1 << 40, 9)
    );
    let records = batch.records(&mut Decompressor::default()).unwrap();
    let offsets: Vec<i64> = records.map(|record| record.unwrap().offset).collect();
    assert_eq!(offsets, [1 << 40, (1 << 40) + 1]);
}

#[test]
fn the_end_of_a_transaction_is_recognised() {
    let marker = |kind| {
        let key = [0, 0, 0, kind];
        let value = [0, 0, 0, 0, 0, 17];
        let mut batch = BatchBuilder::new(1000);
        let record = RecordRef {
            key: Some((&key).into()),
            value: Some((&value).into()),
            ..RecordRef::default()
        };
        batch.append(batch.cost(&record)).unwrap();
        batch.seal().encode(STAMP).concat()
    };
    for (kind, control, committed) in [
        (0, ControlType::Abort, Some(false)),
        (1, ControlType::Commit, Some(true)),
        (2, ControlType::LeaderChange, None),
    ] {
        let record = &read(marker(kind))[0];
        assert_eq!(
            ControlType::parse(record.key.as_deref().unwrap()),
            Some(control)
        );
        let end = EndTransaction::parse(record);
        assert_eq!(
            end.map(|end| (end.committed, end.coordinator_epoch)),
            committed.map(|c| (c, 17))
        );
    }
    let [header, records] = rewritten(|attributes| attributes | 0x20, 0);
    let batch = batch([header, records].concat());
    assert!(batch.is_control() && batch.is_transactional());
}

/// The golden batch with other attributes and another max timestamp, and the CRC to match.
fn rewritten(attributes: impl FnOnce(i16) -> i16, max_timestamp: i64) -> [Vec<u8>; 2] {
    let mut header = milena_codec::BatchHeader::parse(HEADER).unwrap();
    header.attributes.0 = attributes(header.attributes.0);
    header.max_timestamp = max_timestamp;
    [header.encode_with_crc([RECORDS]).to_vec(), RECORDS.to_vec()]
}
