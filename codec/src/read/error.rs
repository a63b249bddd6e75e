//! What can be wrong with a batch.

use std::fmt;

use crate::CodecError;

/// A batch that cannot be read, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchError {
    /// The batch's base offset, as far as there are bytes for it.
    pub base_offset: Option<i64>,
    /// Where the batch begins in its record set, in bytes, when the error came up there.
    pub position: Option<usize>,
    /// What is wrong.
    pub fault: BatchFault,
}

impl fmt::Display for BatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("record batch")?;
        if let Some(offset) = self.base_offset {
            write!(f, " of offset {offset}")?;
        }
        if let Some(position) = self.position {
            write!(f, " at byte {position}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for BatchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}

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
    #[error("length {0}, where a batch has 49 at least")]
    Length(i32),
    /// Another record format: 0 and 1 are those of Kafka before 0.11.
    #[error("record format {0}, where only 2 is supported")]
    Magic(i8),
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
    /// The records do not decompress.
    #[error("records do not decompress")]
    Decompress(#[source] CodecError),
    /// The record count cannot be.
    #[error("{count} records in {len} bytes")]
    Count {
        /// What the header says.
        count: i32,
        /// Bytes of the records section, uncompressed.
        len: usize,
    },
    /// A record is malformed.
    #[error("record {index} of {count}: {field} {problem}")]
    Record {
        /// Which record, from 0.
        index: i32,
        /// How many the header says there are.
        count: i32,
        /// Which field of the record.
        field: RecordField,
        /// What about it.
        problem: &'static str,
    },
    /// The records end before their section does.
    #[error("{len} bytes follow the last of {count} records")]
    TrailingBytes {
        /// How many records the header says there are.
        count: i32,
        /// Bytes behind them.
        len: usize,
    },
}

/// A field of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordField {
    /// Bytes of the record.
    Length,
    /// The attributes, of which there are none so far.
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
        })
    }
}
