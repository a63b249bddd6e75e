//! Batches of formats 0 and 1: messages.

use std::fmt;

use bytes::Bytes;

use super::cursor::Span;
use super::error::{BatchError, BatchFault, Layout};
use super::message::{self, Messages};
use super::record::RecordIter;
use crate::header::{Attributes, LENGTH_OVERHEAD, MAGIC_AT, TimestampType};
use crate::{CompressionType, Decompressor};

/// A message of format 0 or 1 as it stands in a record set: one record, or a wrapper whose value is
/// a compressed set of such messages.
///
/// Kafka before 0.10 wrote format 0, and before 0.11 format 1. Brokers up to 3.x convert what they
/// have to what a client asks for; a log of that time may still hold them. This crate reads them and
/// does not write them.
///
/// The offset of a wrapper is that of the last message in it. In format 0 the messages within have
/// offsets of their own; in format 1 they count from 0, so that a broker need not compress them
/// again to give them offsets. A wrapper whose broker set the timestamp sets it for all of them.
#[derive(Clone)]
pub struct LegacyRecordBatch {
    offset: i64,
    crc: u32,
    magic: i8,
    attributes: u8,
    timestamp: i64,
    bytes: Bytes,
    position: usize,
}

impl LegacyRecordBatch {
    /// The least that a message of the format takes, with offset and length.
    pub(super) const fn least_len(magic: i8) -> Result<usize, BatchFault> {
        match message::least_length(magic) {
            Some(length) => Ok(LENGTH_OVERHEAD + length as usize),
            None => Err(BatchFault::Magic(magic)),
        }
    }

    /// The message that `bytes` are, from `position` of their record set on; `None` when they are
    /// fewer than its header.
    pub(super) fn new(bytes: Bytes, position: usize) -> Option<Self> {
        let timestamp = bytes.get(MAGIC_AT + 2..)?.first_chunk()?;
        let magic = bytes.get(MAGIC_AT)?.cast_signed();
        Some(Self {
            offset: i64::from_be_bytes(*bytes.first_chunk()?),
            crc: u32::from_be_bytes(*bytes.get(LENGTH_OVERHEAD..)?.first_chunk()?),
            magic,
            attributes: *bytes.get(MAGIC_AT + 1)?,
            timestamp: match magic {
                0 => message::NO_TIMESTAMP,
                _ => i64::from_be_bytes(*timestamp),
            },
            bytes,
            position,
        })
    }

    /// The record format: 0 or 1.
    #[must_use]
    pub const fn magic(&self) -> i8 {
        self.magic
    }

    /// The message's offset; that of the last message in it, if it is compressed. 0 from a producer.
    #[must_use]
    pub const fn last_offset(&self) -> i64 {
        self.offset
    }

    /// The offset after this batch.
    #[must_use]
    pub const fn next_offset(&self) -> i64 {
        self.offset.wrapping_add(1)
    }

    /// What the message says its CRC-32 is.
    #[must_use]
    pub const fn crc(&self) -> u32 {
        self.crc
    }

    /// The message's timestamp in ms; the greatest in it, if it is compressed. -1 in format 0.
    #[must_use]
    pub const fn max_timestamp(&self) -> i64 {
        self.timestamp
    }

    /// Who set the timestamps; `None` in format 0, which has none.
    #[must_use]
    pub const fn timestamp_type(&self) -> Option<TimestampType> {
        match self.magic {
            0 => None,
            _ => Some(self.attributes().timestamp_type()),
        }
    }

    /// The message's codec.
    ///
    /// # Errors
    /// [`BatchFault::Codec`] when the attribute bits name none; [`BatchFault::CodecOfFormat`] for
    /// zstd, which is younger than these formats.
    pub fn codec(&self) -> Result<CompressionType, BatchError> {
        match self.attributes().codec() {
            Ok(codec @ CompressionType::Zstd) => Err(self.error(BatchFault::CodecOfFormat {
                codec,
                magic: self.magic,
            })),
            codec => codec.map_err(|bits| self.error(BatchFault::Codec(bits))),
        }
    }

    /// The whole message, with offset and length in front.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Where the message begins in its record set, in bytes.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Bytes of the message, with offset and length in front.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "no message is shorter than its header"
    )]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Checks the CRC-32 of the message; if it is compressed, that covers all messages in it.
    ///
    /// # Errors
    /// [`BatchFault::Crc`] with both values.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let message = self.bytes.get(LENGTH_OVERHEAD..).unwrap_or_default();
        let (stored, computed) = message::crcs(message);
        if stored == computed {
            Ok(())
        } else {
            Err(self.error(BatchFault::Crc { stored, computed }))
        }
    }

    /// Checks the CRC, decompresses, and gives the records one by one. Keys and values are handles
    /// on the message's bytes, or on its decompressed bytes. The messages in a compressed one have
    /// CRCs of their own, which are checked when their turn comes.
    ///
    /// # Errors
    /// [`BatchFault::Crc`], and what is wrong with a compressed message: [`BatchFault::Codec`],
    /// [`BatchFault::CodecOfFormat`], [`BatchFault::NullWrapper`], [`BatchFault::EmptyWrapper`],
    /// [`BatchFault::Decompress`], [`BatchFault::WrapperOffset`]; also [`BatchFault::Record`] when
    /// it is not known where the messages in it begin. What is wrong with a single record comes when
    /// its turn comes; to be compressed once more is wrong as well.
    pub fn records(&self, decompressor: &mut Decompressor) -> Result<RecordIter, BatchError> {
        self.verify_crc()?;
        self.read(decompressor, true)
    }

    /// As [`records`](Self::records), for a caller who has checked the CRC or need not.
    ///
    /// # Errors
    /// As [`records`](Self::records), but for the CRCs.
    pub fn records_without_crc(
        &self,
        decompressor: &mut Decompressor,
    ) -> Result<RecordIter, BatchError> {
        self.read(decompressor, false)
    }

    fn read(
        &self,
        decompressor: &mut Decompressor,
        verify_crcs: bool,
    ) -> Result<RecordIter, BatchError> {
        let codec = self.codec()?;
        if codec == CompressionType::None {
            return Ok(Messages::single(self).into());
        }
        let value = message::value_of(&self.bytes)
            .map_err(|fault| self.error(fault.of_record(0, Some(1))))?;
        let layout = Layout {
            // A null value is a length alone, at the end.
            records_at: value.as_ref().map_or(self.len() - 4, |value| value.start),
            is_compressed: true,
            ..self.layout()
        };
        let set = match value {
            None => Err(BatchFault::NullWrapper),
            Some(value) => self.decompress(codec, value, decompressor),
        };
        set.and_then(|set| Messages::within(self, layout, set, verify_crcs))
            .map(Into::into)
            .map_err(|fault| layout.error(fault))
    }

    /// The set of messages that the message's value is.
    fn decompress(
        &self,
        codec: CompressionType,
        value: Span,
        decompressor: &mut Decompressor,
    ) -> Result<Bytes, BatchFault> {
        let value = self.bytes.slice(value);
        match self.magic {
            0 => decompressor.decompress_format_0(codec, &value),
            _ => decompressor.decompress(codec, &value),
        }
        .map_err(BatchFault::Decompress)
    }

    const fn attributes(&self) -> Attributes {
        Attributes(self.attributes as i16)
    }

    /// As of an uncompressed message, which is its own record.
    pub(super) const fn layout(&self) -> Layout {
        Layout {
            base_offset: Some(self.offset),
            position: self.position,
            magic: self.magic,
            records_at: 0,
            is_compressed: false,
        }
    }

    pub(super) fn error(&self, fault: BatchFault) -> BatchError {
        self.layout().error(fault)
    }
}

impl PartialEq for LegacyRecordBatch {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for LegacyRecordBatch {}

impl fmt::Debug for LegacyRecordBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyRecordBatch")
            .field("magic", &self.magic)
            .field("offset", &self.offset)
            .field("attributes", &self.attributes)
            .field("timestamp", &self.timestamp)
            .field("len", &self.bytes.len())
            .finish()
    }
}
