//! Batches made anew from their records.

use bytes::{Bytes, BytesMut};
use milena_codec::{
    Attributes, BatchBuilder, BatchHeader, Batches, Compression, CompressionType, Compressor,
    Decompressor, HEADER_LEN, HeaderRef, Record, RecordBatch, RecordRef, SealedBatch,
    TimestampType,
};

/// Room for the builder at a time: little, so that records straddle chunks.
const CHUNK: usize = 1000;

/// Builds the batch from its records. The records section has to come out as Java wrote it before it compressed it, and
/// the header as Java wrote it. Compressed with the same codec by us, the records have to be readable.
pub(super) fn batch(batch: &RecordBatch) -> Result<(), String> {
    let codec = batch.codec().map_err(words)?;
    let section = Decompressor::default()
        .decompress(codec, &batch.records_section())
        .map_err(words)?;
    let records = as_created(batch, &section)?;
    let mut sealed = build(&records)?;
    let header = *batch.header();
    let stamp = header.stamp();
    let ours = sealed.encode(stamp).concat();
    let (ours, our_section) = ours.split_at(HEADER_LEN);
    same("the records section", &section, our_section)?;

    let ours = BatchHeader::parse(ours).ok_or("no header")?;
    // What the broker sets, and what the codec makes different.
    let mut attributes = Attributes::new(codec, batch.is_transactional());
    let mut max_timestamp = ours.max_timestamp;
    if batch.timestamp_type() == TimestampType::LogAppendTime {
        attributes.0 |= LOG_APPEND_TIME;
        max_timestamp = header.max_timestamp;
    }
    let (base_offset, partition_leader_epoch) = match header.partition_leader_epoch {
        // From a producer's hands.
        -1 if header.base_offset == 0 => (ours.base_offset, ours.partition_leader_epoch),
        epoch => (header.base_offset, epoch),
    };
    let ours = BatchHeader {
        base_offset,
        partition_leader_epoch,
        batch_length: match codec {
            CompressionType::None => ours.batch_length,
            _ => header.batch_length,
        },
        attributes,
        max_timestamp,
        ..ours
    };
    let ours = ours.encode_with_crc([&batch.records_section()[..]]);
    same(
        "the header",
        batch.bytes().get(..HEADER_LEN).unwrap_or_default(),
        &ours,
    )?;

    let mut compressor = Compressor::new(Compression::of(codec)).map_err(words)?;
    sealed.compress(&mut compressor).map_err(words)?;
    let again = read(sealed.encode(stamp).concat().into())?;
    // Offsets count from 0, and the broker's time is gone.
    let alike = again.len() == records.len()
        && records.iter().zip(&again).all(|(record, again)| {
            let offset = again.offset;
            *again
                == Record {
                    offset,
                    ..record.clone()
                }
        });
    alike
        .then_some(())
        .ok_or_else(|| format!("records that we compressed with {codec} are not what they were"))
}

const LOG_APPEND_TIME: i16 = 8;

/// Writes the header anew from its fields.
pub(super) fn header(batch: &RecordBatch) -> Result<(), String> {
    let ours = batch
        .header()
        .encode_with_crc([&batch.records_section()[..]]);
    same(
        "the header",
        batch.bytes().get(..HEADER_LEN).unwrap_or_default(),
        &ours,
    )
}

/// The records with the times that they were created with, which a broker's time hides.
fn as_created(batch: &RecordBatch, section: &Bytes) -> Result<Vec<Record>, String> {
    let header = BatchHeader {
        attributes: Attributes::default(),
        batch_length: (HEADER_LEN - milena_codec::LENGTH_OVERHEAD + section.len()) as i32,
        ..*batch.header()
    };
    read(
        [&header.encode_with_crc([&section[..]])[..], section]
            .concat()
            .into(),
    )
}

fn read(set: Bytes) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    for batch in Batches::exact(set) {
        let batch = batch.map_err(words)?;
        for record in batch.records(&mut Decompressor::default()).map_err(words)? {
            records.push(record.map_err(words)?);
        }
    }
    Ok(records)
}

fn build(records: &[Record]) -> Result<SealedBatch, String> {
    let mut builder = BatchBuilder::new(BatchBuilder::MAX_LEN);
    for record in records {
        let headers: Vec<_> = record.headers.iter().collect();
        let keys: Vec<_> = headers.iter().map(|header| header.key()).collect();
        let headers: Vec<_> = headers
            .iter()
            .zip(&keys)
            .map(|(header, key)| HeaderRef {
                key,
                value: header.value.as_ref().map(Into::into),
            })
            .collect();
        let record = RecordRef {
            timestamp: record.timestamp,
            key: record.key.as_ref().map(Into::into),
            value: record.value.as_ref().map(Into::into),
            headers: &headers,
        };
        let mut missing = builder.cost(&record).chunk;
        while missing > 0 {
            builder.add_chunk(BytesMut::with_capacity(CHUNK));
            missing = missing.saturating_sub(CHUNK);
        }
        builder.append(builder.cost(&record)).map_err(words)?;
    }
    Ok(builder.seal())
}

fn same(what: &str, java: &[u8], ours: &[u8]) -> Result<(), String> {
    if java == ours {
        return Ok(());
    }
    let at = java
        .iter()
        .zip(ours)
        .take_while(|(java, ours)| java == ours)
        .count();
    Err(format!(
        "{what} is not Java's from byte {at} on: Java has {} of {} bytes, we have {} of {}",
        super::to_hex(java.get(at..java.len().min(at + 8)).unwrap_or_default()),
        java.len(),
        super::to_hex(ours.get(at..ours.len().min(at + 8)).unwrap_or_default()),
        ours.len(),
    ))
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
