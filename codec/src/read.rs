//! Reading batches: a header at a time, records on demand, nothing copied.

mod batch;
mod cursor;
mod error;
mod legacy;
mod message;
mod record;

use bytes::Bytes;

pub use batch::RecordBatch;
use error::Layout;
pub use error::{BatchError, BatchFault, RecordField, RecordProblem};
pub use legacy::LegacyRecordBatch;
pub use record::{Header, Headers, Record, RecordIter};

use crate::header::{HEADER_LEN, LENGTH_OVERHEAD, MAGIC, MAGIC_AT, TimestampType};
use crate::{CompressionType, Decompressor};

/// The batches of a record set, in order.
///
/// Only lengths are looked at on the way: a batch's CRC and its records are checked when
/// [`Batch::records`] is called. After an error, nothing more comes.
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

    fn split_next(&mut self) -> Result<Option<Batch>, BatchFault> {
        let available = self.left.len();
        // Up to the magic byte all record formats are alike.
        let magic = self.left.get(MAGIC_AT).map(|magic| magic.cast_signed());
        let least = match magic {
            Some(MAGIC) => HEADER_LEN,
            magic => LegacyRecordBatch::least_len(magic.unwrap_or_default())?,
        };
        let Some(length) = length_of(&self.left) else {
            return self.partial(LENGTH_OVERHEAD, available);
        };
        let len = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_add(LENGTH_OVERHEAD))
            .filter(|&len| len >= least)
            .ok_or(BatchFault::Length {
                length,
                least: (least - LENGTH_OVERHEAD) as i32,
            })?;
        if len > available {
            return self.partial(len, available);
        }
        let bytes = self.left.split_to(len);
        let position = self.position;
        self.position += len;
        // The length was checked to be that of a header at least.
        Ok(match magic {
            Some(MAGIC) => RecordBatch::new(bytes, position).map(Batch::Current),
            _ => LegacyRecordBatch::new(bytes, position).map(Batch::Legacy),
        })
    }

    fn partial(&mut self, needed: usize, available: usize) -> Result<Option<Batch>, BatchFault> {
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
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let layout = Layout {
            base_offset: base_offset_of(&self.left),
            position: self.position,
            magic: MAGIC,
            records_at: 0,
            is_compressed: false,
        };
        let next = self.split_next().map_err(|fault| {
            self.left.clear();
            layout.error(fault)
        });
        next.transpose()
    }
}

impl std::iter::FusedIterator for Batches {}

/// One batch as it stands in a record set, in any of Kafka's record formats: its header is read, its
/// records are not.
///
/// What all formats have in common is here. Who needs more asks for one of them; who takes the
/// current one alone, as brokers do, says [`into_current`](Self::into_current).
///
/// ```
/// # use milena_codec::*;
/// // Format 0: offset 5, 17 bytes, their CRC-32; magic, attributes, null key, value "abc".
/// let message = b"\0\0\0\0\0\0\0\x05\0\0\0\x11\x43\xdc\x3f\xaf\0\0\xff\xff\xff\xff\0\0\0\x03abc";
/// let batch = Batches::exact(message[..].into()).next().unwrap()?;
/// assert_eq!((batch.magic(), batch.next_offset()), (0, 6));
/// let record = batch.records(&mut Decompressor::default())?.next().unwrap()?;
/// assert_eq!((record.offset, record.value.as_deref()), (5, Some(&b"abc"[..])));
/// assert!(batch.into_current().is_err());
/// # Ok::<(), BatchError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Of format 2: Kafka 0.11 and later.
    Current(RecordBatch),
    /// Of format 0 or 1: messages that a client or broker before 0.11 wrote.
    Legacy(LegacyRecordBatch),
}

/// Calls the same method on either.
macro_rules! either {
    ($batch:expr, $method:ident($($argument:expr),*)) => {
        match $batch {
            Self::Current(batch) => batch.$method($($argument),*),
            Self::Legacy(batch) => batch.$method($($argument),*),
        }
    };
}

impl Batch {
    /// The record format: 0, 1 or 2.
    #[must_use]
    pub const fn magic(&self) -> i8 {
        match self {
            Self::Current(_) => MAGIC,
            Self::Legacy(batch) => batch.magic(),
        }
    }

    /// The batch, if it is of format 2.
    ///
    /// # Errors
    /// [`BatchFault::Legacy`] if it is not.
    pub fn into_current(self) -> Result<RecordBatch, BatchError> {
        match self {
            Self::Current(batch) => Ok(batch),
            Self::Legacy(batch) => Err(batch.error(BatchFault::Legacy(batch.magic()))),
        }
    }

    /// The batch, if it is of format 2.
    #[must_use]
    pub const fn as_current(&self) -> Option<&RecordBatch> {
        match self {
            Self::Current(batch) => Some(batch),
            Self::Legacy(_) => None,
        }
    }

    /// The whole batch, header included.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        either!(self, bytes())
    }

    /// Where the batch begins in its record set, in bytes.
    #[must_use]
    pub const fn position(&self) -> usize {
        either!(self, position())
    }

    /// Bytes of the batch, header included.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "no batch is shorter than its header"
    )]
    pub const fn len(&self) -> usize {
        either!(self, len())
    }

    /// Offset of the last record, whether or not compaction removed it. Where the first one is, the
    /// header of an older format does not say.
    #[must_use]
    pub const fn last_offset(&self) -> i64 {
        either!(self, last_offset())
    }

    /// The offset after this batch.
    #[must_use]
    pub const fn next_offset(&self) -> i64 {
        self.last_offset().wrapping_add(1)
    }

    /// The codec of the records.
    ///
    /// # Errors
    /// [`BatchFault::Codec`] when the attribute bits name none, [`BatchFault::CodecOfFormat`] when
    /// the record format is older than the codec.
    pub fn codec(&self) -> Result<CompressionType, BatchError> {
        either!(self, codec())
    }

    /// Who set the timestamps; `None` in format 0, which has none.
    #[must_use]
    pub const fn timestamp_type(&self) -> Option<TimestampType> {
        match self {
            Self::Current(batch) => Some(batch.timestamp_type()),
            Self::Legacy(batch) => batch.timestamp_type(),
        }
    }

    /// Part of a transaction, which the older formats do not have.
    #[must_use]
    pub const fn is_transactional(&self) -> bool {
        matches!(self, Self::Current(batch) if batch.is_transactional())
    }

    /// For consumers' bookkeeping, not for the application; the older formats do not have it.
    #[must_use]
    pub const fn is_control(&self) -> bool {
        matches!(self, Self::Current(batch) if batch.is_control())
    }

    /// Checks the CRC.
    ///
    /// # Errors
    /// [`BatchFault::Crc`] with both values.
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        either!(self, verify_crc())
    }

    /// Checks the CRC, decompresses, and gives the records one by one. Keys, values and headers are
    /// handles on the batch's bytes, or on its decompressed bytes.
    ///
    /// # Errors
    /// What is wrong with the batch as a whole, and with its codec; what is wrong with a single
    /// record when its turn comes.
    pub fn records(&self, decompressor: &mut Decompressor) -> Result<RecordIter, BatchError> {
        either!(self, records(decompressor))
    }

    /// As [`records`](Self::records), for a caller who has checked the CRC or need not.
    ///
    /// # Errors
    /// As [`records`](Self::records), but for the CRC.
    pub fn records_without_crc(
        &self,
        decompressor: &mut Decompressor,
    ) -> Result<RecordIter, BatchError> {
        either!(self, records_without_crc(decompressor))
    }
}
