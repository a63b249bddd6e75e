//! A record as the caller has it, before it is written into a batch.

use bytes::Bytes;

use crate::header::HEADER_LEN;
use crate::varint::length_len;

/// Bytes of a key, value or header value: borrowed and copied once into the batch, or shared and,
/// from [`LINK_THRESHOLD`](crate::LINK_THRESHOLD) on, linked into the batch without a copy.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// Copied into the batch.
    Slice(&'a [u8]),
    /// Linked into the batch when large, copied when small.
    Shared(&'a Bytes),
}

impl<'a> Payload<'a> {
    /// The bytes, wherever they are.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &'a [u8] {
        match self {
            Self::Slice(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// How many bytes.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// No bytes: empty, which is not null.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The buffer to link instead of copying, when that pays.
    #[inline]
    pub(crate) fn linkable(&self) -> Option<&'a Bytes> {
        match self {
            Self::Shared(bytes) if bytes.len() >= crate::LINK_THRESHOLD => Some(bytes),
            _ => None,
        }
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Slice(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Self::Slice(bytes)
    }
}

impl<'a> From<&'a str> for Payload<'a> {
    fn from(text: &'a str) -> Self {
        Self::Slice(text.as_bytes())
    }
}

impl<'a> From<&'a Vec<u8>> for Payload<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Slice(bytes)
    }
}

impl<'a> From<&'a Bytes> for Payload<'a> {
    fn from(bytes: &'a Bytes) -> Self {
        Self::Shared(bytes)
    }
}

/// One header of a record. Keys may repeat; their order is kept.
#[derive(Clone, Copy, Debug)]
pub struct HeaderRef<'a> {
    /// The name, possibly empty. A [`Header`](crate::Header) that was read may have one that is not UTF-8, and so no place here.
    pub key: &'a str,
    /// `None` is null, which is not empty.
    pub value: Option<Payload<'a>>,
}

/// One record to append to a batch; everything is borrowed.
///
/// ```
/// use milena_codec::RecordRef;
///
/// let record = RecordRef {
///     timestamp: 1_700_000_000_000,
///     key: Some("user-1".into()),
///     value: Some(b"hello".into()),
///     ..RecordRef::default()
/// };
/// assert_eq!(record.upper_bound(), 61 + 21 + (1 + 6) + (1 + 5) + 1);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct RecordRef<'a> {
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    /// `None` is null, which is not empty.
    pub key: Option<Payload<'a>>,
    /// `None` is null: a tombstone in a compacted topic.
    pub value: Option<Payload<'a>>,
    /// In order; keys may repeat.
    pub headers: &'a [HeaderRef<'a>],
}

/// The most that a record takes besides key, value and headers with their lengths, as Kafka counts
/// it: length, attributes, timestamp and offset deltas.
const MAX_RECORD_OVERHEAD: usize = 21;

impl RecordRef<'_> {
    /// Upper bound, in bytes, of a batch that holds this record alone, as Kafka's producer computes
    /// it to compare with `max.request.size` and `buffer.memory`.
    #[must_use]
    pub fn upper_bound(&self) -> usize {
        let key = optional_len(self.key);
        let value = optional_len(self.value);
        [
            HEADER_LEN,
            MAX_RECORD_OVERHEAD,
            key,
            value,
            self.headers_len(),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Bytes of the headers section: their count and each of them.
    #[inline]
    pub(crate) fn headers_len(&self) -> usize {
        self.headers
            .iter()
            .fold(length_len(self.headers.len()), |sum, header| {
                let key = length_len(header.key.len()) + header.key.len();
                sum.saturating_add(key)
                    .saturating_add(optional_len(header.value))
            })
    }
}

/// Bytes of a nullable field with its length in front.
#[inline]
pub(crate) fn optional_len(payload: Option<Payload<'_>>) -> usize {
    payload.map_or(1, |payload| length_len(payload.len()) + payload.len())
}
