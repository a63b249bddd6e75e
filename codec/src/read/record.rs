//! Records out of a batch.

use std::borrow::Cow;
use std::fmt;
use std::iter::FusedIterator;
use std::ops::Range;

use bytes::Bytes;

use super::error::{BatchError, BatchFault, RecordField};
use crate::header::{BatchHeader, TimestampType};
use crate::varint::{VarintFault, take_i32, take_i64};

/// A record as it was read; everything in it is a handle on the batch's memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since the epoch, by the producer's clock or the broker's: see
    /// [`RecordBatch::timestamp_type`](super::RecordBatch::timestamp_type).
    pub timestamp: i64,
    /// `None` is null, which is not empty.
    pub key: Option<Bytes>,
    /// `None` is null: a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// In the order in which they were written; keys may repeat.
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
        let (key, value) = cursor.header().ok()?;
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

/// The least that a record takes: seven fields of one byte each.
const MIN_RECORD_LEN: usize = 7;
/// The least that a header takes.
const MIN_HEADER_LEN: usize = 2;

/// The records of one batch, in order. After an error, nothing more comes.
#[derive(Clone, Debug)]
pub struct RecordIter {
    bytes: Bytes,
    at: usize,
    base_offset: i64,
    base_timestamp: i64,
    /// The timestamp of all records, when the broker set it.
    append_time: Option<i64>,
    count: i32,
    index: i32,
}

type FieldFault = (RecordField, &'static str);

impl RecordIter {
    pub(super) fn new(header: &BatchHeader, records: Bytes) -> Result<Self, BatchFault> {
        let (count, len) = (header.records_count, records.len());
        let least = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(MIN_RECORD_LEN));
        if least.is_none_or(|least| least > len) {
            return Err(BatchFault::Count { count, len });
        }
        if count == 0 && len > 0 {
            return Err(BatchFault::TrailingBytes { count, len });
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
        })
    }

    fn read(&mut self) -> Result<Record, FieldFault> {
        let mut body = Cursor::new(&self.bytes, self.at).record()?;
        self.at = body.end;
        body.skip_attributes()?;
        let timestamp_delta = body.varint(RecordField::TimestampDelta, take_i64)?;
        let offset_delta = body.varint(RecordField::OffsetDelta, take_i32)?;
        let key = body.nullable(RecordField::Key)?;
        let value = body.nullable(RecordField::Value)?;
        let (count, headers) = body.headers()?;
        let create_time = self.base_timestamp.wrapping_add(timestamp_delta);
        Ok(Record {
            offset: self.base_offset.wrapping_add(i64::from(offset_delta)),
            timestamp: self.append_time.unwrap_or(create_time),
            key: key.map(|span| self.bytes.slice(span)),
            value: value.map(|span| self.bytes.slice(span)),
            headers: match count {
                0 => Headers::default(),
                _ => Headers {
                    count,
                    bytes: self.bytes.slice(headers),
                },
            },
        })
    }

    fn fail(&mut self, fault: BatchFault) -> Option<Result<Record, BatchError>> {
        self.index = self.count;
        Some(Err(BatchError {
            base_offset: Some(self.base_offset),
            position: None,
            fault,
        }))
    }
}

impl Iterator for RecordIter {
    type Item = Result<Record, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (index, count) = (self.index, self.count);
        if index == count {
            return None;
        }
        match self.read() {
            Err((field, problem)) => self.fail(BatchFault::Record {
                index,
                count,
                field,
                problem,
            }),
            Ok(_) if index + 1 == count && self.at < self.bytes.len() => {
                let len = self.bytes.len() - self.at;
                self.fail(BatchFault::TrailingBytes { count, len })
            }
            Ok(record) => {
                self.index += 1;
                Some(Ok(record))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.count - self.index).ok())
    }
}

impl FusedIterator for RecordIter {}

const TRUNCATED: &str = "is truncated";
const OVERFLOW: &str = "has too many bits";
const NEGATIVE: &str = "has a negative length";
const BEYOND: &str = "is longer than the bytes left";

/// Bytes of a field, from the start of the section.
type Span = Range<usize>;

/// Finds fields in a stretch of the records section, front to back.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Cursor<'a> {
    const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            end: bytes.len(),
        }
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..self.end).unwrap_or_default()
    }

    const fn left(&self) -> usize {
        self.end - self.at
    }

    fn take(&mut self, len: usize) -> Option<Span> {
        let end = self.at.checked_add(len).filter(|&end| end <= self.end)?;
        let span = self.at..end;
        self.at = end;
        Some(span)
    }

    #[inline]
    fn varint<T>(
        &mut self,
        field: RecordField,
        take: impl FnOnce(&mut &[u8]) -> Result<T, VarintFault>,
    ) -> Result<T, FieldFault> {
        let mut rest = self.rest();
        let value = take(&mut rest).map_err(|fault| match fault {
            VarintFault::Truncated => (field, TRUNCATED),
            VarintFault::Overflow => (field, OVERFLOW),
        })?;
        self.at = self.end - rest.len();
        Ok(value)
    }

    /// Bytes with their length in front, -1 for null.
    fn nullable(&mut self, field: RecordField) -> Result<Option<Span>, FieldFault> {
        match self.varint(field, take_i32)? {
            -1 => Ok(None),
            len => {
                let len = usize::try_from(len).map_err(|_| (field, NEGATIVE))?;
                self.take(len).ok_or((field, BEYOND)).map(Some)
            }
        }
    }

    /// The next record without its length.
    fn record(mut self) -> Result<Self, FieldFault> {
        let len = self.varint(RecordField::Length, take_i32)?;
        let len = usize::try_from(len).map_err(|_| (RecordField::Length, "is negative"))?;
        let body = self.take(len).ok_or((RecordField::Length, BEYOND))?;
        Ok(Self {
            bytes: self.bytes,
            at: body.start,
            end: body.end,
        })
    }

    fn skip_attributes(&mut self) -> Result<(), FieldFault> {
        self.take(1)
            .map(drop)
            .ok_or((RecordField::Attributes, TRUNCATED))
    }

    /// All that is left, which has to be headers.
    fn headers(&mut self) -> Result<(usize, Span), FieldFault> {
        let count = self.varint(RecordField::HeaderCount, take_i32)?;
        let count =
            usize::try_from(count).map_err(|_| (RecordField::HeaderCount, "is negative"))?;
        if count > self.left() / MIN_HEADER_LEN {
            return Err((
                RecordField::HeaderCount,
                "is more than the bytes left can hold",
            ));
        }
        let headers = self.at..self.end;
        for _ in 0..count {
            self.header()?;
        }
        if self.left() > 0 {
            return Err((RecordField::Length, "is more than the fields take"));
        }
        Ok((count, headers))
    }

    fn header(&mut self) -> Result<(Span, Option<Span>), FieldFault> {
        let key = self.nullable(RecordField::HeaderKey)?;
        let key = key.ok_or((RecordField::HeaderKey, "is null"))?;
        Ok((key, self.nullable(RecordField::HeaderValue)?))
    }
}
