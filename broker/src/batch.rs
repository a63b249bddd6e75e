//! Whether a produced batch may enter a log: Kafka's checks, in Kafka's order.
//!
//! In one thing this broker is stricter than Apache Kafka: offset deltas must count 0, 1, 2, … in every batch, where
//! Kafka stores wrong ones as they are (uncompressed) or silently rewrites the batch (compressed). A client under test
//! should hear of it.

use bytes::Bytes;
use milena_codec::{
    BatchHeader, CompressionType, Decompressor, HEADER_LEN, TimestampType as Stamped, sequence_add,
};
use milena_protocol::{ErrorCode, Records};

use crate::producers::Stamp;
use crate::records::{self, Defect};
use crate::topic_config::{TimestampType, TopicConfig};

/// A batch that passed every check that does not depend on the log.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) header: BatchHeader,
    pub(crate) codec: CompressionType,
    /// `None` without idempotence.
    pub(crate) stamp: Option<Stamp>,
    /// What follows the header, as it came.
    pub(crate) records: Bytes,
}

/// Why a batch may not enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
    /// The records to blame, by their place in the batch.
    pub(crate) records: Vec<(i32, String)>,
}

impl Refused {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            records: Vec::new(),
        }
    }

    fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::INVALID_RECORD, message)
    }
}

/// Offset of the magic byte, in every version of the format.
const MAGIC_AT: usize = 16;
const MAGIC: u8 = 2;
/// Base offset and length, which the length does not count.
const LENGTH_OVERHEAD: usize = 12;
/// Produce versions below this know no zstd (KIP-110).
const ZSTD_FROM_VERSION: i16 = 7;
/// What a batch may be once decompressed.
pub(crate) const MAX_DECOMPRESSED: usize = 256 << 20;

/// Checks the record set of one partition in a produce request of `version`, at time `now` (ms).
pub(crate) fn admit(
    set: Option<Records>,
    version: i16,
    config: &TopicConfig,
    now: i64,
    decompressor: &mut Decompressor,
) -> Result<Admitted, Refused> {
    let batch = set.unwrap_or_default().into_bytes();
    let header = header_of(&batch)?;
    let codec = header.attributes.codec().map_err(|bits| {
        Refused::invalid(format!(
            "the batch names compression type {bits}, which does not exist"
        ))
    })?;
    if codec == CompressionType::Zstd && version < ZSTD_FROM_VERSION {
        return Err(Refused::new(
            ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
            format!("zstd needs a produce request of version {ZSTD_FROM_VERSION}, not {version}"),
        ));
    }
    let records = batch.slice(HEADER_LEN..);
    check_crc(&header, &batch, &records)?;
    check_sizes(batch.len(), config)?;
    let stamp = check_header(&header)?;
    let plain = decompressor.decompress(codec, &records).map_err(|error| {
        // Kafka's answer to a blob that its checksum matches and its codec does not read.
        Refused::new(
            ErrorCode::UNKNOWN_SERVER_ERROR,
            format!("the records cannot be decompressed: {error}"),
        )
    })?;
    check_records(&header, &plain, config, now)?;
    Ok(Admitted {
        header,
        codec,
        stamp,
        records,
    })
}

/// The header of the one batch that `batch` must be.
fn header_of(batch: &Bytes) -> Result<BatchHeader, Refused> {
    if batch.is_empty() {
        return Err(Refused::invalid(
            "the record set is empty; one batch is expected",
        ));
    }
    if let Some(magic) = batch.get(MAGIC_AT).filter(|magic| **magic != MAGIC) {
        return Err(Refused::invalid(format!(
            "the batch has magic {magic}; only magic {MAGIC} is accepted"
        )));
    }
    let Some(header) = BatchHeader::parse(batch) else {
        return Err(Refused::new(
            ErrorCode::CORRUPT_MESSAGE,
            format!("the batch has {} bytes, fewer than its header", batch.len()),
        ));
    };
    let length = usize::try_from(header.batch_length)
        .ok()
        .map(|length| length + LENGTH_OVERHEAD);
    match length {
        Some(length) if length == batch.len() => Ok(header),
        Some(length) if length < HEADER_LEN => Err(Refused::new(
            ErrorCode::CORRUPT_MESSAGE,
            format!("the batch gives its size as {length} bytes, fewer than its header"),
        )),
        Some(length) if length < batch.len() => Err(Refused::invalid(format!(
            "{} bytes follow the first batch; one is expected",
            batch.len() - length
        ))),
        _ => Err(Refused::invalid(format!(
            "the batch gives its length as {}, but {} bytes came in all",
            header.batch_length,
            batch.len()
        ))),
    }
}

fn check_crc(header: &BatchHeader, batch: &Bytes, records: &Bytes) -> Result<(), Refused> {
    // Everything else in the header is as it came, so the headers differ in the CRC alone.
    if batch.get(..HEADER_LEN) == Some(&header.encode_with_crc([records.as_ref()])[..]) {
        Ok(())
    } else {
        Err(Refused::new(
            ErrorCode::CORRUPT_MESSAGE,
            "the batch does not match its CRC",
        ))
    }
}

fn check_sizes(size: usize, config: &TopicConfig) -> Result<(), Refused> {
    if size > config.max_message_bytes {
        return Err(Refused::new(
            ErrorCode::MESSAGE_TOO_LARGE,
            format!(
                "the batch has {size} bytes; max.message.bytes is {}",
                config.max_message_bytes
            ),
        ));
    }
    if size > config.segment_bytes {
        return Err(Refused::new(
            ErrorCode::RECORD_LIST_TOO_LARGE,
            format!(
                "the batch has {size} bytes; segment.bytes is {}",
                config.segment_bytes
            ),
        ));
    }
    Ok(())
}

fn check_header(header: &BatchHeader) -> Result<Option<Stamp>, Refused> {
    if header.base_offset != 0 {
        return Err(Refused::invalid(format!(
            "the batch has base offset {}; 0 is expected",
            header.base_offset
        )));
    }
    if header.records_count <= 0
        || header.last_offset_delta.checked_add(1) != Some(header.records_count)
    {
        return Err(Refused::invalid(format!(
            "the batch counts {} records, and its last offset delta is {}",
            header.records_count, header.last_offset_delta
        )));
    }
    if header.attributes.is_control() {
        return Err(Refused::invalid("clients may not write control batches"));
    }
    if header.attributes.timestamp_type() == Stamped::LogAppendTime {
        return Err(Refused::new(
            ErrorCode::INVALID_TIMESTAMP,
            "clients may not set the timestamp type to LogAppendTime",
        ));
    }
    if header.producer_id < 0 {
        return if header.attributes.is_transactional() {
            Err(Refused::invalid(
                "a transactional batch needs a producer id",
            ))
        } else {
            Ok(None)
        };
    }
    if header.base_sequence < 0 || header.producer_epoch < 0 {
        return Err(Refused::invalid(format!(
            "the batch of producer {} has epoch {} and base sequence {}",
            header.producer_id, header.producer_epoch, header.base_sequence
        )));
    }
    Ok(Some(Stamp {
        producer_id: header.producer_id,
        epoch: header.producer_epoch,
        first: header.base_sequence,
        last: sequence_add(
            header.base_sequence,
            header.last_offset_delta.unsigned_abs(),
        ),
    }))
}

/// Looks at each record, as far as Kafka does.
fn check_records(
    header: &BatchHeader,
    plain: &[u8],
    config: &TopicConfig,
    now: i64,
) -> Result<(), Refused> {
    let dated_by_client = config.timestamp_type == TimestampType::CreateTime;
    let earliest = now.saturating_sub(config.timestamp_before_max_ms);
    let latest = now.saturating_add(config.timestamp_after_max_ms);
    let mut misdated = Vec::new();
    let mut keyless = Vec::new();
    records::walk(plain, header.records_count, |record| {
        if record.offset_delta != record.index {
            return Err(Defect {
                index: record.index,
                what: "its offset delta is not its place in the batch",
            });
        }
        let timestamp = header.base_timestamp.wrapping_add(record.timestamp_delta);
        if dated_by_client && !(earliest..=latest).contains(&timestamp) {
            misdated.push((
                record.index,
                format!("timestamp {timestamp} is not within {earliest} and {latest}"),
            ));
        }
        if config.compacted && !record.has_key {
            keyless.push((
                record.index,
                "a compacted topic takes no record without a key".to_owned(),
            ));
        }
        Ok(())
    })
    .map_err(|defect| Refused::invalid(format!("malformed batch: {defect}")))?;
    for (code, blamed) in [
        (ErrorCode::INVALID_RECORD, keyless),
        (ErrorCode::INVALID_TIMESTAMP, misdated),
    ] {
        if let Some((index, what)) = blamed.first() {
            let message = format!(
                "{} records are refused; the first is record {index}: {what}",
                blamed.len()
            );
            return Err(Refused {
                code,
                message,
                records: blamed,
            });
        }
    }
    Ok(())
}
