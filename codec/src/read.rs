//! Reading batches: a header at a time, records on demand, nothing copied.

mod error;
mod record;

use std::fmt;

use bytes::Bytes;

pub use error::{BatchError, BatchFault, RecordField};
pub use record::{Header, Headers, Record, RecordIter};

use crate::header::{
    Attributes, BatchHeader, HEADER_LEN, LENGTH_OVERHEAD, MAGIC, MAGIC_AT, TimestampType, crc_of,
};
use crate::{CompressionType, Decompressor, sequence_add};

/// The batches of a record set, in order.
///
/// Only lengths are looked at on the way: a batch's CRC and its records are checked when
/// [`RecordBatch::records`] is called. After an error, nothing more comes.
#[derive(Clone, Debug)]
pub struct Batches {
    left: Bytes,
    position: usize,
    partial_is_an_error: bool,
}

impl Batches {
    /// Of a fetch response, where the last batch may be cut off: it ends the iteration.
    #[must_use]
    pub const fn new(records: Bytes) -> Self {
        Self {
            left: records,
            position: 0,
            partial_is_an_error: false,
        }
    }

    /// Of a produce request or a log, where every batch is whole: a partial one is
    /// [`BatchFault::Truncated`].
    #[must_use]
    pub const fn exact(records: Bytes) -> Self {
        Self {
            left: records,
            position: 0,
            partial_is_an_error: true,
        }
    }

    /// Where the next batch begins, in bytes from the start of the record set. At the end of the
    /// iteration: where the partial batch begins, or the end.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    fn split_next(&mut self) -> Result<Option<RecordBatch>, BatchFault> {
        let available = self.left.len();
        // Up to the magic byte all record formats are alike.
        if let Some(&magic) = self.left.get(MAGIC_AT)
            && magic.cast_signed() != MAGIC
        {
            return Err(BatchFault::Magic(magic.cast_signed()));
        }
        let Some(length) = length_of(&self.left) else {
            return self.partial(LENGTH_OVERHEAD, available);
        };
        let len = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(LENGTH_OVERHEAD))
            .filter(|&len| len >= HEADER_LEN)
            .ok_or(BatchFault::Length(length))?;
        if len > available {
            return self.partial(len, available);
        }
        let bytes = self.left.split_to(len);
        self.position += len;
        // The length was checked to be that of a header at least.
        Ok(BatchHeader::parse(&bytes).map(|header| RecordBatch { header, bytes }))
    }

    fn partial(
        &mut self,
        needed: usize,
        available: usize,
    ) -> Result<Option<RecordBatch>, BatchFault> {
        if self.partial_is_an_error {
            return Err(BatchFault::Truncated { needed, available });
        }
        self.left.clear();
        Ok(None)
    }
}

fn length_of(bytes: &[u8]) -> Option<i32> {
    let field = bytes.get(8..LENGTH_OVERHEAD)?;
    field.try_into().ok().map(i32::from_be_bytes)
}

fn base_offset_of(bytes: &[u8]) -> Option<i64> {
    bytes.first_chunk().map(|field| i64::from_be_bytes(*field))
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let base_offset = base_offset_of(&self.left);
        let position = self.position;
        let next = self.split_next().map_err(|fault| {
            self.left.clear();
            BatchError {
                base_offset,
                position: Some(position),
                fault,
            }
        });
        next.transpose()
    }
}

impl std::iter::FusedIterator for Batches {}

/// One batch as it stands in a record set: its header is read, its records are not.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordBatch {
    header: BatchHeader,
    bytes: Bytes,
}

impl RecordBatch {
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
        RecordIter::new(&self.header, records).map_err(|fault| self.error(fault))
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

    fn error(&self, fault: BatchFault) -> BatchError {
        BatchError {
            base_offset: Some(self.header.base_offset),
            position: None,
            fault,
        }
    }
}

impl fmt::Debug for RecordBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordBatch")
            .field("header", &self.header)
            .field("len", &self.bytes.len())
            .finish()
    }
}
