//! Records as they are read, whatever their format.

use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;
use std::str::Utf8Error;

use bytes::Bytes;

use super::batch::BatchRecords;
use super::cursor::Cursor;
use super::error::BatchError;
use super::message::Messages;

/// A record as it was read; everything in it is a handle on the batch's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since the epoch, by the producer's clock or the broker's: see
    /// [`Batch::timestamp_type`](super::Batch::timestamp_type). -1 in format 0, which has none.
    pub timestamp: i64,
    /// `None` is null, which is not empty.
    pub key: Option<Bytes>,
    /// `None` is null: a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// In the order in which they were written; keys may repeat. None in formats 0 and 1.
    pub headers: Headers,
}

/// The headers of a record. They are checked when the record is read, and taken apart when asked
/// for.
///
/// ```
/// # use milena_codec::*;
/// # let headers = [HeaderRef { key: "trace", value: Some(b"1".into()) }, HeaderRef { key: "trace", value: None }];
/// # let mut batch = BatchBuilder::new(1024);
/// # let record = RecordRef { headers: &headers, ..Default::default() };
/// # batch.append(batch.cost(&record))?;
/// # let wire = batch.seal().encode(Stamp::NONE).concat();
/// # let batch = Batches::exact(wire.into()).next().unwrap()?;
/// # let record = batch.records(&mut Decompressor::default())?.next().unwrap()?;
/// assert_eq!(record.headers.len(), 2);
/// for header in &record.headers {
///     println!("{}: {:?}", header.key(), header.value);
/// }
/// let last = record.headers.iter().filter(|header| header.key() == "trace").last();
/// assert_eq!(last.and_then(|header| header.value), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers {
    count: usize,
    bytes: Bytes,
}

impl Headers {
    /// So many of them, which were checked to be in `bytes`.
    pub(super) const fn new(count: usize, bytes: Bytes) -> Self {
        Self { count, bytes }
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// None at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// One after another, in order.
    #[must_use]
    pub fn iter(&self) -> HeaderIter {
        HeaderIter {
            left: self.count,
            bytes: self.bytes.clone(),
            at: 0,
        }
    }
}

impl IntoIterator for &Headers {
    type Item = Header;
    type IntoIter = HeaderIter;

    fn into_iter(self) -> HeaderIter {
        self.iter()
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// One header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name's bytes: UTF-8 by the specification, though nobody checks it on the way.
    pub key_bytes: Bytes,
    /// `None` is null, which is not empty.
    pub value: Option<Bytes>,
}

impl Header {
    /// The name, with a replacement character for what is not UTF-8, as Kafka's consumer has it.
    #[must_use]
    pub fn key(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.key_bytes)
    }

    /// The name, or where it is not UTF-8.
    ///
    /// # Errors
    /// What stands where in the name's bytes.
    pub fn try_key(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.key_bytes)
    }
}

/// Iterator over [`Headers`].
#[derive(Clone, Debug)]
pub struct HeaderIter {
    left: usize,
    bytes: Bytes,
    at: usize,
}

impl Iterator for HeaderIter {
    type Item = Header;

    fn next(&mut self) -> Option<Header> {
        self.left = self.left.checked_sub(1)?;
        let mut cursor = Cursor::new(&self.bytes, self.at);
        // They were checked when the record was read.
        let (key, value) = super::batch::header(&mut cursor).ok()?;
        self.at = cursor.at;
        Some(Header {
            key_bytes: self.bytes.slice(key),
            value: value.map(|span| self.bytes.slice(span)),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for HeaderIter {}
impl FusedIterator for HeaderIter {}

/// The records of one batch, in order. After an error, nothing more comes.
#[derive(Clone, Debug)]
pub struct RecordIter(Source);

#[derive(Clone, Debug)]
enum Source {
    Batch(BatchRecords),
    Messages(Messages),
}

impl From<BatchRecords> for RecordIter {
    fn from(records: BatchRecords) -> Self {
        Self(Source::Batch(records))
    }
}

impl From<Messages> for RecordIter {
    fn from(messages: Messages) -> Self {
        Self(Source::Messages(messages))
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, BatchError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Batch(records) => records.next(),
            Source::Messages(messages) => messages.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let most = match &self.0 {
            Source::Batch(records) => records.left(),
            Source::Messages(messages) => messages.left(),
        };
        (0, Some(most))
    }
}

impl FusedIterator for RecordIter {}
