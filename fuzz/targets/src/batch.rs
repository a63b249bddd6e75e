//! Arbitrary bytes as a record set.

use bytes::Bytes;
use milena_codec::{
    Batch, BatchBuilder, BatchError, BatchHeader, Batches, CompressionType, Decompressor,
    EndTransaction, HEADER_LEN, HeaderRef, LegacyRecordBatch, Limits, Payload, Record, RecordBatch,
    RecordRef, Stamp,
};

use crate::input::Input;
use crate::memory::{Bound, measured};

/// A record set: flags (1: as in a produce request, 2: without looking at the CRC), limit as a power of two, bytes.
///
/// The iteration advances, ends at an error, and accounts for every byte; a batch gives as many records as its header
/// says, and a message of an older format one at least, or an error; no more bytes come out than the limit allows, and
/// no more memory is held on the way than follows from it; what was read can be built again.
pub fn batch(data: &[u8]) {
    let mut input = Input::new(data);
    let flags = input.byte();
    let (exact, without_crc) = (flags & 1 != 0, flags & 2 != 0);
    let limits = Limits {
        max_decompressed: 1 << input.below(21),
    };
    let mut decompressor = Decompressor::new(limits);
    let set = Bytes::copy_from_slice(input.rest());
    let mut batches = if exact {
        Batches::exact(set.clone())
    } else {
        Batches::new(set.clone())
    };
    let (mut position, mut failed) = (0, false);
    while let Some(next) = batches.next() {
        assert!(!failed, "a batch after an error");
        match next {
            Ok(batch) => {
                assert_eq!(batch.bytes()[..], set[position..position + batch.len()]);
                assert_eq!(batch.position(), position);
                position += batch.len();
                assert_eq!(batches.position(), position);
                match &batch {
                    Batch::Current(batch) => header(batch),
                    Batch::Legacy(batch) => message(batch),
                }
                records(&batch, without_crc, &mut decompressor);
            }
            Err(error) => {
                told(&error, set.len());
                failed = true;
            }
        }
    }
    assert_eq!(batches.position(), position);
    assert!(!exact || failed || position == set.len(), "bytes left over");
}

/// An error has words, and is in the batch that it is about, which goes no further than to `end`.
fn told(error: &BatchError, end: usize) {
    let within = error.position..=end;
    assert!(
        error.byte.is_none_or(|byte| within.contains(&byte)),
        "{error}"
    );
    assert!(!error.to_string().is_empty());
}

fn header(batch: &RecordBatch) {
    let bytes = batch.bytes();
    assert_eq!(BatchHeader::parse(bytes).as_ref(), Some(batch.header()));
    assert_eq!(batch.header().encode()[..], bytes[..HEADER_LEN]);
    let placed = Batches::exact(batch.placed(1 << 40, 7).concat().into()).next();
    let Some(Ok(Batch::Current(placed))) = placed else {
        panic!("a placed batch cannot be read: {placed:?}");
    };
    assert_eq!(placed.base_offset(), 1 << 40);
    assert_eq!(placed.verify_crc().is_ok(), batch.verify_crc().is_ok());
}

fn message(batch: &LegacyRecordBatch) {
    let bytes = batch.bytes();
    assert_eq!(bytes[..8], batch.last_offset().to_be_bytes());
    assert_eq!(bytes[16], batch.magic().cast_unsigned());
    assert!(matches!(batch.magic(), 0 | 1), "{batch:?}");
    assert_eq!(batch.timestamp_type().is_none(), batch.magic() == 0);
    let _ = batch.verify_crc();
}

fn records(batch: &Batch, without_crc: bool, decompressor: &mut Decompressor) {
    let open = |decompressor: &mut Decompressor| {
        if without_crc {
            batch.records_without_crc(decompressor)
        } else {
            batch.records(decompressor)
        }
    };
    if let Ok(codec) = batch.codec() {
        let limits = decompressor.limits();
        let (_, peak) = measured(|| open(&mut Decompressor::new(limits)).map(Iterator::count));
        Bound::of_decompression(codec, limits).hold(peak, batch.len(), || format!("{batch:?}"));
    }
    let records = open(decompressor);
    let mut records = match records {
        Ok(records) => records,
        Err(error) => {
            told(&error, batch.position() + batch.len());
            return;
        }
    };
    let mut read = Vec::new();
    let mut failed = false;
    for record in &mut records {
        assert!(!failed, "a record after an error");
        match record {
            Ok(record) => read.push(record),
            Err(error) => {
                told(&error, batch.position() + batch.len());
                failed = true;
            }
        }
    }
    assert!(records.next().is_none(), "a record after the end");
    match batch {
        Batch::Current(batch) => {
            let count = usize::try_from(batch.count()).expect("records came of it");
            assert!(read.len() == count || failed, "{} of {count}", read.len());
        }
        Batch::Legacy(_) => {
            assert!(!read.is_empty() || failed, "a message without a record");
            assert!(read.iter().all(|record| record.headers.is_empty()));
        }
    }
    let room = match batch.codec() {
        Ok(CompressionType::None) => batch.len(),
        _ => decompressor.limits().max_decompressed,
    };
    let bytes: usize = read.iter().map(payload).sum();
    assert!(bytes <= room, "{bytes} bytes of records from {room}");
    for record in &read {
        let _ = EndTransaction::parse(record);
    }
    if !failed {
        rebuild(&read);
    }
}

fn payload(record: &Record) -> usize {
    let of = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
    let headers: Vec<_> = record.headers.iter().collect();
    assert_eq!(headers.len(), record.headers.len());
    let of_headers: usize = headers
        .iter()
        .map(|header| header.key_bytes.len() + of(&header.value))
        .sum();
    of(&record.key) + of(&record.value) + of_headers
}

/// Builds a batch of the same records and reads it.
fn rebuild(records: &[Record]) {
    let mut builder = BatchBuilder::new(usize::MAX);
    for record in records {
        let headers: Vec<_> = record.headers.iter().collect();
        let mut refs = Vec::new();
        for header in &headers {
            let Ok(key) = header.try_key() else {
                // Others may write it; the builder does not.
                return;
            };
            refs.push(HeaderRef {
                key,
                value: header.value.as_ref().map(Payload::Shared),
            });
        }
        let record = RecordRef {
            timestamp: record.timestamp,
            key: record.key.as_ref().map(Payload::Shared),
            value: record.value.as_ref().map(Payload::Shared),
            headers: &refs,
        };
        let cost = builder.cost(&record);
        builder.append(cost).expect("there is no limit");
    }
    let sealed = builder.seal();
    if sealed.count() == 0 {
        return;
    }
    let wire = sealed.encode(Stamp::NONE).concat();
    let batch = Batches::exact(wire.into()).next();
    let batch = batch.expect("a batch").expect("a whole batch");
    let again = batch
        .records(&mut Decompressor::default())
        .expect("a sound batch");
    for ((index, record), again) in (0..).zip(records).zip(again) {
        let offset = index;
        let expected = Record {
            offset,
            ..record.clone()
        };
        // Headers are compared as they were written: lengths may have been written longer than needed.
        let again = again.expect("a sound record");
        assert_eq!(
            (again.offset, again.timestamp, &again.key, &again.value),
            (
                expected.offset,
                expected.timestamp,
                &expected.key,
                &expected.value
            )
        );
        assert!(again.headers.iter().eq(expected.headers.iter()));
    }
}
