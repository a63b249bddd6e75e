//! What can be wrong with a batch.

use std::fmt;

use crate::{CodecError, CompressionType};

/// A batch that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchError {
    /// The batch's base offset, as far as there are bytes for it; of an older format, the message's
    /// offset.
    pub base_offset: Option<i64>,
    /// Where the batch begins in its record set, in bytes.
    pub position: usize,
    /// Where in the record set the field begins that is wrong, or the bytes that are; in a batch that
    /// is cut off, the batch. `None` when it is in records that were compressed: the fault says
    /// where in them.
    pub byte: Option<usize>,
    /// What is wrong.
    pub fault: BatchFault,
}

/// What there is to know of a batch to find a byte in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) base_offset: Option<i64>,
    pub(super) position: usize,
    pub(super) magic: i8,
    /// Where the records begin, or what they are compressed to.
    pub(super) records_at: usize,
    pub(super) is_compressed: bool,
}

impl Layout {
    #[cold]
    pub(super) fn error(&self, fault: BatchFault) -> BatchError {
        let current = self.magic == crate::MAGIC;
        let within = match &fault {
            BatchFault::Truncated { .. } | BatchFault::WrapperOffset { .. } => Some(0),
            BatchFault::Length { .. } => Some(8),
            BatchFault::Magic(_) | BatchFault::Legacy(_) => Some(16),
            BatchFault::Crc { .. } => Some(if current { 17 } else { 12 }),
            // The low byte of two, or the only one.
            BatchFault::Codec(_) | BatchFault::CodecOfFormat { .. } => {
                Some(if current { 22 } else { 17 })
            }
            BatchFault::Count { .. } => Some(57),
            BatchFault::NullWrapper | BatchFault::EmptyWrapper => Some(self.records_at),
            BatchFault::Decompress(error) => {
                Some(self.records_at.saturating_add(error.position.unwrap_or(0)))
            }
            BatchFault::Record { .. } | BatchFault::TrailingBytes { .. } if self.is_compressed => {
                None
            }
            BatchFault::Record { at, .. } | BatchFault::TrailingBytes { at, .. } => {
                Some(self.records_at.saturating_add(*at))
            }
        };
        BatchError {
            base_offset: self.base_offset,
            position: self.position,
            byte: within.map(|within| self.position.saturating_add(within)),
            fault,
        }
    }
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("record batch")?;
        if let Some(offset) = self.base_offset {
            write!(f, " of offset {offset}")?;
        }
        write!(f, " at byte {}: {}", self.position, self.fault)?;
        match (self.byte, &self.fault) {
            (Some(byte), _) if byte == self.position => Ok(()),
            (Some(byte), _) => write!(f, ", at byte {byte}"),
            (None, BatchFault::Record { at, .. } | BatchFault::TrailingBytes { at, .. }) => {
                write!(f, ", at byte {at} of the decompressed records")
            }
            (None, _) => Ok(()),
        }
    }
}

impl std::error::Error for BatchError {}

/// What is wrong in a [`BatchError`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchFault {
    /// The record set ends inside the batch.
    #[error("truncated: {needed} bytes, of which {available} are there")]
    Truncated {
        /// Bytes of the batch, or of its header's start when even that is not there.
        needed: usize,
        /// Bytes that are there.
        available: usize,
    },
    /// The length field cannot be.
    #[error("length {length}, where {least} is the least")]
    Length {
        /// What it says.
        length: i32,
        /// The least that it can be in its record format.
        least: i32,
    },
    /// The magic byte is no record format's.
    #[error("record format {0}, where there are 0, 1 and 2")]
    Magic(i8),
    /// A record format that Kafka knows and the caller does not take.
    #[error("record format {0}, where only 2 is accepted")]
    Legacy(i8),
    /// The bytes are not what was written.
    #[error("CRC {computed:#010x}, where the header says {stored:#010x}")]
    Crc {
        /// What the header says.
        stored: u32,
        /// What the bytes come to.
        computed: u32,
    },
    /// The attributes name no codec.
    #[error("codec number {0}, which is none")]
    Codec(u8),
    /// The attributes name a codec that the record format does not have.
    #[error("{codec}, which record format {magic} does not have")]
    CodecOfFormat {
        /// The codec.
        codec: CompressionType,
        /// The record format.
        magic: i8,
    },
    /// The records do not decompress.
    #[error("records do not decompress: {}: {}", .0.codec, .0.fault)]
    Decompress(CodecError),
    /// The record count cannot be.
    #[error("{count} records in {len} bytes")]
    Count {
        /// What the header says.
        count: i32,
        /// Bytes of the records section, uncompressed.
        len: usize,
    },
    /// A compressed message of an older format has null where its messages should be.
    #[error("a compressed message whose value is null")]
    NullWrapper,
    /// A compressed message of an older format has no messages in it.
    #[error("a compressed message without messages in it")]
    EmptyWrapper,
    /// The offset of a compressed message of format 1 is below that of the last message in it,
    /// which counts from 0.
    #[error("a compressed message whose offset is below that of the last message in it, {last}")]
    WrapperOffset {
        /// The relative offset of the last message.
        last: i64,
    },
    /// A record is malformed.
    #[error("record {index}{}: {field} {problem}", Of(.count))]
    Record {
        /// Which record, from 0.
        index: usize,
        /// How many there are, when that is known.
        count: Option<usize>,
        /// Which field of the record.
        field: RecordField,
        /// What about it.
        problem: RecordProblem,
        /// Where the field begins, in bytes from the start of the records once decompressed; of an
        /// uncompressed message of an older format, from its own start.
        at: usize,
    },
    /// The records end before their section does.
    #[error("{len} bytes follow the last of {count} records")]
    TrailingBytes {
        /// How many records the header says there are.
        count: i32,
        /// Bytes behind them.
        len: usize,
        /// Where they begin, in bytes from the start of the records once decompressed.
        at: usize,
    },
}

struct Of<'a>(&'a Option<usize>);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |count| write!(f, " of {count}"))
    }
}

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordField {
    /// Bytes of the record.
    Length,
    /// The attributes: in format 2 there are none so far.
    Attributes,
    /// Timestamp less base timestamp.
    TimestampDelta,
    /// Offset less base offset.
    OffsetDelta,
    /// Key.
    Key,
    /// Value.
    Value,
    /// Number of headers.
    HeaderCount,
    /// Key of a header.
    HeaderKey,
    /// Value of a header.
    HeaderValue,
    /// The offset, in format 0 and 1.
    Offset,
    /// The CRC-32, in format 0 and 1.
    Crc,
    /// The record format, in format 0 and 1.
    Magic,
    /// The timestamp, in format 1.
    Timestamp,
}

impl fmt::Display for RecordField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "length",
            Self::Attributes => "attributes",
            Self::TimestampDelta => "timestamp delta",
            Self::OffsetDelta => "offset delta",
            Self::Key => "key",
            Self::Value => "value",
            Self::HeaderCount => "header count",
            Self::HeaderKey => "header key",
            Self::HeaderValue => "header value",
            Self::Offset => "offset",
            Self::Crc => "CRC",
            Self::Magic => "magic",
            Self::Timestamp => "timestamp",
        })
    }
}

/// What is wrong with a field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordProblem {
    /// The record ends inside the field.
    #[error("cut off")]
    Truncated,
    /// A varint with more bits than its type holds.
    #[error("of too many bits")]
    Overflow,
    /// A length that is negative, or more than there is.
    #[error("of {len} bytes, where {left} are left")]
    Length {
        /// What it says.
        len: i32,
        /// Bytes that are left.
        left: usize,
    },
    /// A length that the record's fields do not fill.
    #[error("is {left} more than the fields take")]
    TooLong {
        /// Bytes that no field takes.
        left: usize,
    },
    /// A length that is too short for the format.
    #[error("is {len}, where {least} is the least")]
    TooShort {
        /// What it says.
        len: i32,
        /// The least that it can be.
        least: i32,
    },
    /// A number of fields that is negative, or more than the bytes left can hold.
    #[error("is {count}, where {left} bytes are left")]
    Count {
        /// What it says.
        count: i32,
        /// Bytes that are left.
        left: usize,
    },
    /// Null, where null is not allowed.
    #[error("is null")]
    Null,
    /// The bytes are not what was written.
    #[error("is {stored:#010x}, where the bytes come to {computed:#010x}")]
    Crc {
        /// What the record says.
        stored: u32,
        /// What its bytes come to.
        computed: u32,
    },
    /// A message among compressed ones has a format other than 0 and 1.
    #[error("is {0}, where messages have 0 or 1")]
    Magic(i8),
    /// A message among compressed ones is compressed itself.
    #[error("name a codec, number {0}, among messages that are compressed already")]
    Nested(u8),
}
