//! Control batches that end transactions.

use bytes::Bytes;
use milena_codec::{
    Attributes, BatchHeader, CompressionType, ControlType, EndTransaction, HEADER_LEN,
};

use crate::log::{Membership, Stored};

/// Attribute bit 5 of a batch: it is for consumers' bookkeeping.
const CONTROL: i16 = 1 << 5;
/// Base offset and length, which the length does not count.
const LENGTH_OVERHEAD: usize = 12;

/// The batch that ends a transaction of a producer in one partition, dated `now` (ms).
pub(crate) fn marker(
    end: EndTransaction,
    producer_id: i64,
    epoch: i16,
    base_offset: i64,
    leader_epoch: i32,
    now: i64,
) -> Stored {
    let records = record(end);
    let transactional = Attributes::new(CompressionType::None, true);
    let header = BatchHeader {
        base_offset,
        batch_length: i32::try_from(HEADER_LEN - LENGTH_OVERHEAD + records.len()).unwrap_or(0),
        partition_leader_epoch: leader_epoch,
        crc: 0,
        attributes: Attributes(transactional.0 | CONTROL),
        last_offset_delta: 0,
        base_timestamp: now,
        max_timestamp: now,
        producer_id,
        producer_epoch: epoch,
        base_sequence: -1,
        records_count: 1,
    };
    let encoded = header.encode_with_crc([&records[..]]);
    Stored {
        base_offset,
        last_offset: base_offset,
        leader_epoch,
        max_timestamp: now,
        appended_at: now,
        codec: CompressionType::None,
        crc: BatchHeader::parse(&encoded).map_or(0, |header| header.crc),
        serial: 0,
        producer_id,
        membership: Membership::Marker {
            committed: end.committed,
        },
        header: Bytes::copy_from_slice(&encoded),
        records: Bytes::copy_from_slice(&records),
    }
}

/// The one record of the batch: version and type as its key, version and coordinator epoch as its value.
fn record(end: EndTransaction) -> [u8; 17] {
    let kind = match end.committed {
        true => ControlType::Commit,
        false => ControlType::Abort,
    };
    let [kind_high, kind_low] = kind.number().to_be_bytes();
    let [e1, e2, e3, e4] = end.coordinator_epoch.to_be_bytes();
    // Lengths are zig-zag varints: 16 bytes follow the first, 4 the key's and 6 the value's.
    const LENGTH: u8 = 2 * 16;
    const KEY: u8 = 2 * 4;
    const VALUE: u8 = 2 * 6;
    [
        LENGTH, 0, 0, 0, KEY, 0, 0, kind_high, kind_low, VALUE, 0, 0, e1, e2, e3, e4, 0,
    ]
}

#[cfg(test)]
mod tests {
    use milena_codec::{Batches, Decompressor};

    use super::*;

    #[test]
    fn a_marker_reads_as_one() {
        for committed in [true, false] {
            let end = EndTransaction {
                committed,
                coordinator_epoch: 70_000,
            };
            let stored = marker(end, 7, 3, 41, 5, 1_000_000);
            let bytes = [&stored.header[..], &stored.records].concat();
            let mut batches = Batches::exact(bytes.into());
            let batch = batches.next().unwrap().unwrap().into_current().unwrap();
            assert!(batches.next().is_none());
            let header = batch.header();
            assert!(header.attributes.is_control() && header.attributes.is_transactional());
            assert_eq!((header.producer_id, header.producer_epoch), (7, 3));
            assert_eq!(header.crc, stored.crc);
            let mut records = batch.records(&mut Decompressor::default()).unwrap();
            let record = records.next().unwrap().unwrap();
            assert_eq!((record.offset, record.timestamp), (41, 1_000_000));
            assert_eq!(EndTransaction::parse(&record), Some(end));
            assert!(records.next().is_none());
        }
    }
}
