//! Messages of formats 0 and 1, alone or decompressed out of a wrapper.

use bytes::Bytes;

use super::cursor::{Cursor, FieldFault, Span};
use super::error::{BatchError, BatchFault, Layout, RecordField, RecordProblem};
use super::legacy::LegacyRecordBatch;
use super::record::{Headers, Record};
use crate::CompressionType;
use crate::header::{Attributes, TimestampType};

/// The timestamp of a record that has none.
pub(super) const NO_TIMESTAMP: i64 = -1;

/// The least that the length of a message says: CRC, magic, attributes, in format 1 a timestamp, and
/// the lengths of key and value. `None` when messages have no such format.
pub(super) const fn least_length(magic: i8) -> Option<i32> {
    match magic {
        0 => Some(14),
        1 => Some(22),
        _ => None,
    }
}

/// The CRC-32 that a message says it has, and the one that it has: of everything after it.
pub(super) fn crcs(message: &[u8]) -> (u32, u32) {
    let (stored, covered) = message.split_first_chunk().unwrap_or((&[0; 4], &[]));
    (u32::from_be_bytes(*stored), crc32fast::hash(covered))
}

/// What stands in front of a message, its offset and its length, and where the message itself is.
struct Frame {
    offset: i64,
    length_at: usize,
    length: i32,
    message: Span,
}

impl Frame {
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, FieldFault> {
        let offset = cursor.fixed(RecordField::Offset).map(i64::from_be_bytes)?;
        let length_at = cursor.at;
        let length = cursor.int32(RecordField::Length)?;
        Ok(Self {
            offset,
            length_at,
            length,
            message: cursor.take(length, RecordField::Length, length_at)?,
        })
    }
}

/// One message, taken apart.
struct Message {
    attributes: Attributes,
    attributes_at: usize,
    /// Format 0 has none.
    timestamp: Option<i64>,
    key: Option<Span>,
    value: Option<Span>,
}

impl Message {
    fn read(bytes: &[u8], frame: &Frame) -> Result<Self, FieldFault> {
        let mut cursor = Cursor::new(bytes, 0).within(frame.message.clone());
        let _crc = cursor.int32(RecordField::Crc)?;
        let magic_at = cursor.at;
        let [magic] = cursor.fixed(RecordField::Magic)?.map(u8::cast_signed);
        let Some(least) = least_length(magic) else {
            return Err(FieldFault {
                field: RecordField::Magic,
                problem: RecordProblem::Magic(magic),
                at: magic_at,
            });
        };
        if frame.length < least {
            return Err(FieldFault {
                field: RecordField::Length,
                problem: RecordProblem::TooShort {
                    len: frame.length,
                    least,
                },
                at: frame.length_at,
            });
        }
        let attributes_at = cursor.at;
        let [attributes] = cursor.fixed(RecordField::Attributes)?;
        let timestamp = match magic {
            0 => None,
            _ => Some(i64::from_be_bytes(cursor.fixed(RecordField::Timestamp)?)),
        };
        let key = nullable(&mut cursor, RecordField::Key)?;
        let value = nullable(&mut cursor, RecordField::Value)?;
        cursor.finish(frame.length_at)?;
        Ok(Self {
            attributes: Attributes(i16::from(attributes)),
            attributes_at,
            timestamp,
            key,
            value,
        })
    }
}

/// The value of the message that `bytes` are.
pub(super) fn value_of(bytes: &[u8]) -> Result<Option<Span>, FieldFault> {
    let frame = Frame::read(&mut Cursor::new(bytes, 0))?;
    Message::read(bytes, &frame).map(|message| message.value)
}

fn nullable(cursor: &mut Cursor<'_>, field: RecordField) -> Result<Option<Span>, FieldFault> {
    let start = cursor.at;
    let len = cursor.int32(field)?;
    cursor.nullable_of(len, field, start)
}

/// The messages of one batch: itself, or those that were compressed in it.
#[derive(Clone, Debug)]
pub(super) struct Messages {
    bytes: Bytes,
    at: usize,
    /// What the offsets are relative to.
    base_offset: i64,
    /// The timestamp of all records, when the broker set it.
    append_time: Option<i64>,
    verify_crcs: bool,
    /// The messages were compressed in another.
    is_within: bool,
    count: usize,
    index: usize,
    layout: Layout,
}

impl Messages {
    /// The message itself.
    pub(super) fn single(batch: &LegacyRecordBatch) -> Self {
        Self {
            bytes: batch.bytes().clone(),
            at: 0,
            base_offset: 0,
            append_time: None,
            verify_crcs: false,
            is_within: false,
            count: 1,
            index: 0,
            layout: batch.layout(),
        }
    }

    /// The messages of `set`, which was compressed in the batch.
    pub(super) fn within(
        batch: &LegacyRecordBatch,
        layout: Layout,
        set: Bytes,
        verify_crcs: bool,
    ) -> Result<Self, BatchFault> {
        let (count, last) = survey(&set)?;
        let offset = batch.last_offset();
        let base_offset = match batch.magic() {
            0 => 0,
            // A producer's wrapper may have offset 0, whatever is in it.
            _ if offset == 0 => 0,
            _ if offset < last => return Err(BatchFault::WrapperOffset { last }),
            _ => offset.wrapping_sub(last),
        };
        Ok(Self {
            bytes: set,
            base_offset,
            append_time: match batch.timestamp_type() {
                Some(TimestampType::LogAppendTime) => Some(batch.max_timestamp()),
                _ => None,
            },
            verify_crcs,
            is_within: true,
            count,
            layout,
            ..Self::single(batch)
        })
    }

    pub(super) fn next(&mut self) -> Option<Result<Record, BatchError>> {
        if self.index == self.count {
            return None;
        }
        let record = self.read().map_err(|fault| {
            let fault = fault.of_record(self.index, Some(self.count));
            self.index = self.count - 1;
            self.layout.error(fault)
        });
        self.index += 1;
        Some(record)
    }

    /// Records that may still come.
    pub(super) const fn left(&self) -> usize {
        self.count - self.index
    }

    fn read(&mut self) -> Result<Record, FieldFault> {
        let mut cursor = Cursor::new(&self.bytes, self.at);
        let frame = Frame::read(&mut cursor)?;
        if self.verify_crcs {
            let (stored, computed) = crcs(cursor.get(&frame.message));
            if stored != computed {
                return Err(FieldFault {
                    field: RecordField::Crc,
                    problem: RecordProblem::Crc { stored, computed },
                    at: frame.message.start,
                });
            }
        }
        let message = Message::read(&self.bytes, &frame)?;
        let codec = message.attributes.codec();
        if self.is_within && codec != Ok(CompressionType::None) {
            return Err(FieldFault {
                field: RecordField::Attributes,
                problem: RecordProblem::Nested(codec.map_or_else(|bits| bits, |codec| codec as u8)),
                at: message.attributes_at,
            });
        }
        self.at = frame.message.end;
        Ok(Record {
            offset: self.base_offset.wrapping_add(frame.offset),
            timestamp: message
                .timestamp
                .map_or(NO_TIMESTAMP, |own| self.append_time.unwrap_or(own)),
            key: message.key.map(|span| self.bytes.slice(span)),
            value: message.value.map(|span| self.bytes.slice(span)),
            headers: Headers::default(),
        })
    }
}

/// How many messages there are, and the offset of the last one. Looks at nothing else.
fn survey(set: &[u8]) -> Result<(usize, i64), BatchFault> {
    let mut cursor = Cursor::new(set, 0);
    let (mut count, mut last) = (0, None);
    while cursor.left() > 0 {
        let frame = Frame::read(&mut cursor).map_err(|fault| fault.of_record(count, None))?;
        last = Some(frame.offset);
        count += 1;
    }
    let last = last.ok_or(BatchFault::EmptyWrapper)?;
    Ok((count, last))
}
