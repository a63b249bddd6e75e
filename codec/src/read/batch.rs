//! Batches of format 2.

use std::fmt;

use bytes::Bytes;

use super::cursor::{Cursor, FieldFault, Span};
use super::error::{BatchError, BatchFault, Layout, RecordField, RecordProblem};
use super::record::{Headers, Record, RecordIter};
use crate::header::{Attributes, BatchHeader, HEADER_LEN, MAGIC, TimestampType, crc_of};
use crate::{CompressionType, Decompressor, sequence_add};

/// A batch of format 2 as it stands in a record set: its header is read, its records are not.
#[derive(Clone)]
pub struct RecordBatch {
    header: BatchHeader,
    bytes: Bytes,
    position: usize,
}

impl RecordBatch {
    /// The batch that `bytes` are, from `position` of their record set on.
    pub(super) fn new(bytes: Bytes, position: usize) -> Option<Self> {
        Some(Self {
            header: BatchHeader::parse(&bytes)?,
            bytes,
            position,
        })
    }

    /// The header, field by field.
    #[must_use]
    pub const fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The whole batch, header included.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The records section as it stands, compressed or not.
    #[must_use]
    pub fn records_section(&self) -> Bytes {
        self.bytes.slice(HEADER_LEN..)
    }

    /// Where the batch begins in its record set, in bytes.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Bytes of the batch, header included.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "no batch is shorter than its header"
    )]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Records in the batch, as the header says; 0 where compaction removed all of them.
    #[must_use]
    pub const fn count(&self) -> i32 {
        self.header.records_count
    }

    /// Offset of the first record.
    #[must_use]
    pub const fn base_offset(&self) -> i64 {
        self.header.base_offset
    }

    /// Offset of the last record, whether or not compaction removed it.
    #[must_use]
    pub const fn last_offset(&self) -> i64 {
        self.header
            .base_offset
            .wrapping_add(self.header.last_offset_delta as i64)
    }

    /// The offset after this batch.
    #[must_use]
    pub const fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// Sequence of the last record; -1 without idempotence.
    #[must_use]
    pub const fn last_sequence(&self) -> i32 {
        match self.header.base_sequence {
            sequence if sequence < 0 => sequence,
            sequence => sequence_add(sequence, self.header.last_offset_delta.cast_unsigned()),
        }
    }

    /// Codec, timestamp type and flags.
    #[must_use]
    pub const fn attributes(&self) -> Attributes {
        self.header.attributes
    }

    /// The codec of the records section.
    ///
    /// # Errors
    /// [`BatchFault::Codec`] when the attribute bits name none.
    pub fn codec(&self) -> Result<CompressionType, BatchError> {
        let codec = self.header.attributes.codec();
        codec.map_err(|bits| self.error(BatchFault::Codec(bits)))
    }

    /// Who set the timestamps.
    #[must_use]
    pub const fn timestamp_type(&self) -> TimestampType {
        self.header.attributes.timestamp_type()
    }

    /// Part of a transaction.
    #[must_use]
    pub const fn is_transactional(&self) -> bool {
        self.header.attributes.is_transactional()
    }

    /// For consumers' bookkeeping, not for the application.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        self.header.attributes.is_control()
    }

    /// Checks the CRC over everything from the attributes on.
    ///
    /// # Errors
    /// [`BatchFault::Crc`] with both values.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let computed = crc_of(&self.bytes, []);
        if computed == self.header.crc {
            Ok(())
        } else {
            Err(self.error(BatchFault::Crc {
                stored: self.header.crc,
                computed,
            }))
        }
    }

    /// Checks the CRC, decompresses, and gives the records one by one. Keys, values and headers are
    /// handles on the batch's bytes, or on its decompressed bytes.
    ///
    /// # Errors
    /// [`BatchFault::Crc`], [`BatchFault::Codec`], [`BatchFault::Decompress`] and
    /// [`BatchFault::Count`] here; what is wrong with a single record when its turn comes.
    pub fn records(&self, decompressor: &mut Decompressor) -> Result<RecordIter, BatchError> {
        self.verify_crc()?;
        self.records_without_crc(decompressor)
    }

    /// As [`records`](Self::records), for a caller who has checked the CRC or need not.
    ///
    /// # Errors
    /// As [`records`](Self::records), but for the CRC.
    pub fn records_without_crc(
        &self,
        decompressor: &mut Decompressor,
    ) -> Result<RecordIter, BatchError> {
        let codec = self.codec()?;
        let records = decompressor
            .decompress(codec, &self.records_section())
            .map_err(|error| self.error(BatchFault::Decompress(error)))?;
        let records = BatchRecords::new(&self.header, self.layout(), records);
        records.map(Into::into).map_err(|fault| self.error(fault))
    }

    /// The batch as a log has it once its place is known, as header and records: base offset and
    /// leader epoch stand outside the CRC, and the records are shared.
    #[must_use]
    pub fn placed(&self, base_offset: i64, partition_leader_epoch: i32) -> [Bytes; 2] {
        let header = BatchHeader {
            base_offset,
            partition_leader_epoch,
            ..self.header
        };
        [
            Bytes::copy_from_slice(&header.encode()),
            self.records_section(),
        ]
    }

    fn layout(&self) -> Layout {
        Layout {
            base_offset: Some(self.header.base_offset),
            position: self.position,
            magic: MAGIC,
            records_at: HEADER_LEN,
            is_compressed: self.header.attributes.codec() != Ok(CompressionType::None),
        }
    }

    fn error(&self, fault: BatchFault) -> BatchError {
        self.layout().error(fault)
    }
}

impl PartialEq for RecordBatch {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for RecordBatch {}

impl fmt::Debug for RecordBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBatch")
            .field("header", &self.header)
            .field("len", &self.bytes.len())
            .finish()
    }
}

/// The least that a record takes: seven fields of one byte each.
const MIN_RECORD_LEN: usize = 7;
/// The least that a header takes.
const MIN_HEADER_LEN: usize = 2;

/// The records of a batch of format 2.
#[derive(Clone, Debug)]
pub(super) struct BatchRecords {
    bytes: Bytes,
    at: usize,
    base_offset: i64,
    base_timestamp: i64,
    /// The timestamp of all records, when the broker set it.
    append_time: Option<i64>,
    count: i32,
    index: i32,
    layout: Layout,
}

impl BatchRecords {
    fn new(header: &BatchHeader, layout: Layout, records: Bytes) -> Result<Self, BatchFault> {
        let (count, len) = (header.records_count, records.len());
        let least = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(MIN_RECORD_LEN));
        if least.is_none_or(|least| least > len) {
            return Err(BatchFault::Count { count, len });
        }
        if count == 0 && len > 0 {
            return Err(BatchFault::TrailingBytes { count, len, at: 0 });
        }
        Ok(Self {
            bytes: records,
            at: 0,
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            append_time: match header.attributes.timestamp_type() {
                TimestampType::CreateTime => None,
                TimestampType::LogAppendTime => Some(header.max_timestamp),
            },
            count,
            index: 0,
            layout,
        })
    }

    pub(super) fn next(&mut self) -> Option<Result<Record, BatchError>> {
        let (index, count) = (self.index, self.count);
        if index == count {
            return None;
        }
        match self.read() {
            Err(fault) => self.fail(fault.of_record(index as usize, Some(count as usize))),
            Ok(_) if index + 1 == count && self.at < self.bytes.len() => {
                let (at, len) = (self.at, self.bytes.len() - self.at);
                self.fail(BatchFault::TrailingBytes { count, len, at })
            }
            Ok(record) => {
                self.index += 1;
                Some(Ok(record))
            }
        }
    }

    /// Records that may still come.
    pub(super) const fn left(&self) -> usize {
        (self.count - self.index) as usize
    }

    fn read(&mut self) -> Result<Record, FieldFault> {
        let start = self.at;
        let mut cursor = Cursor::new(&self.bytes, start);
        let len = cursor.varint(RecordField::Length)?;
        let body = cursor.take(len, RecordField::Length, start)?;
        let mut body = cursor.within(body);
        self.at = body.end();
        let _attributes: [u8; 1] = body.fixed(RecordField::Attributes)?;
        let timestamp_delta = body.varlong(RecordField::TimestampDelta)?;
        let offset_delta = body.varint(RecordField::OffsetDelta)?;
        let key = body.nullable(RecordField::Key)?;
        let value = body.nullable(RecordField::Value)?;
        let (count, headers) = headers(&mut body)?;
        body.finish(start)?;
        let create_time = self.base_timestamp.wrapping_add(timestamp_delta);
        Ok(Record {
            offset: self.base_offset.wrapping_add(i64::from(offset_delta)),
            timestamp: self.append_time.unwrap_or(create_time),
            key: key.map(|span| self.bytes.slice(span)),
            value: value.map(|span| self.bytes.slice(span)),
            headers: match count {
                0 => Headers::default(),
                _ => Headers::new(count, self.bytes.slice(headers)),
            },
        })
    }

    fn fail(&mut self, fault: BatchFault) -> Option<Result<Record, BatchError>> {
        self.index = self.count;
        Some(Err(self.layout.error(fault)))
    }
}

/// The headers, and how many they are.
fn headers(cursor: &mut Cursor<'_>) -> Result<(usize, Span), FieldFault> {
    let start = cursor.at;
    let count = cursor.varint(RecordField::HeaderCount)?;
    let left = cursor.left();
    let Some(count) = usize::try_from(count)
        .ok()
        .filter(|&count| count <= left / MIN_HEADER_LEN)
    else {
        cursor.at = start;
        return cursor.fail(
            RecordField::HeaderCount,
            RecordProblem::Count { count, left },
        );
    };
    let start = cursor.at;
    for _ in 0..count {
        header(cursor)?;
    }
    Ok((count, start..cursor.at))
}

/// The key and the value of a header.
pub(super) fn header(cursor: &mut Cursor<'_>) -> Result<(Span, Option<Span>), FieldFault> {
    let start = cursor.at;
    let Some(key) = cursor.nullable(RecordField::HeaderKey)? else {
        cursor.at = start;
        return cursor.fail(RecordField::HeaderKey, RecordProblem::Null);
    };
    Ok((key, cursor.nullable(RecordField::HeaderValue)?))
}
