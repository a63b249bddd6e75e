//! Building a batch in place, record by record.

use bytes::BytesMut;

use crate::chunks::Chunks;
use crate::header::HEADER_LEN;
use crate::record::{Payload, RecordRef, optional_len};
use crate::seal::SealedBatch;
use crate::varint::{Packed, length_len, varint_len};

/// From this many bytes on, a [`Payload::Shared`] is linked into the batch without a copy.
pub const LINK_THRESHOLD: usize = 32 * 1024;

/// Kafka's allowance on top of the estimated compression ratio.
const RATIO_ALLOWANCE: f32 = 1.05;
/// Ratios as fixed-point numbers with 16 bits after the point.
const ONE: u64 = 1 << 16;

/// A batch under construction.
///
/// Records are written once, in their final form, into chunks that the caller hands in: the caller
/// owns the pool and the memory budget, the builder owns the layout. A record may begin in one
/// chunk and end in another.
///
/// ```
/// use bytes::BytesMut;
/// use milena_codec::{BatchBuilder, RecordRef};
///
/// let mut batch = BatchBuilder::new(16 * 1024);
/// let record = RecordRef { timestamp: 7, value: Some(b"hello".into()), ..Default::default() };
///
/// let cost = batch.cost(&record);
/// assert!(batch.has_room(&cost));
/// if cost.chunk > 0 {
///     batch.add_chunk(BytesMut::with_capacity(4096));
/// }
/// assert_eq!(batch.append(cost), Ok(0));
/// assert_eq!(batch.len(), 61 + 12);
/// ```
#[derive(Debug)]
pub struct BatchBuilder {
    chunks: Chunks,
    limit: usize,
    ratio: u64,
    records_len: usize,
    count: u32,
    base_timestamp: i64,
    max_timestamp: i64,
}

/// What a record takes in one particular batch; see [`BatchBuilder::cost`].
#[derive(Clone, Copy, Debug)]
pub struct Cost<'r> {
    /// Bytes that the batch grows by, uncompressed.
    pub bytes: usize,
    /// Bytes of chunk room that the record takes and the batch lacks: 0 when it fits into the
    /// chunks that are there, else what to [add](BatchBuilder::add_chunk) at least.
    pub chunk: usize,
    /// Bytes of the record that are linked into the batch without a copy; they stay allocated as
    /// long as the batch.
    pub linked: usize,
    record: &'r RecordRef<'r>,
    body_len: usize,
    index: u32,
    timestamp_delta: i64,
}

/// The batch has no room for the record: it belongs into the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch is full")]
pub struct BatchFull;

impl BatchBuilder {
    /// The largest batch that the format can express, header included.
    pub const MAX_LEN: usize = i32::MAX as usize;

    /// A batch of at most `limit` bytes, its header of 61 bytes included. One record always fits.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self::with_fixed_ratio(limit, ONE)
    }

    /// A batch that is going to be compressed, expected to shrink to `ratio` of its size (see
    /// [`RatioEstimator`](crate::RatioEstimator)). Kafka's room test applies: what is written so
    /// far counts as shrunk, with an allowance of 5 %; the next record counts in full.
    #[must_use]
    pub fn with_ratio(limit: usize, ratio: f32) -> Self {
        let ratio = ratio * RATIO_ALLOWANCE * ONE as f32;
        // A float that is no number, or below 0, becomes 0; one that is too large the greatest.
        Self::with_fixed_ratio(limit, u64::from(ratio as u32))
    }

    fn with_fixed_ratio(limit: usize, ratio: u64) -> Self {
        Self {
            chunks: Chunks::default(),
            limit,
            ratio,
            records_len: 0,
            count: 0,
            base_timestamp: 0,
            max_timestamp: 0,
        }
    }

    /// What `record` would take as this batch's next record.
    #[inline]
    #[must_use]
    pub fn cost<'r>(&self, record: &'r RecordRef<'r>) -> Cost<'r> {
        let timestamp_delta = self.timestamp_delta(record.timestamp);
        let body_len = (1 + varint_len(timestamp_delta) + varint_len(i64::from(self.count)))
            .saturating_add(optional_len(record.key))
            .saturating_add(optional_len(record.value))
            .saturating_add(record.headers_len());
        let bytes = body_len.saturating_add(length_len(body_len));
        let linked = if body_len < LINK_THRESHOLD {
            0
        } else {
            linked_len(record)
        };
        Cost {
            bytes,
            chunk: (bytes - linked).saturating_sub(self.chunks.room()),
            linked,
            record,
            body_len,
            index: self.count,
            timestamp_delta,
        }
    }

    /// Whether the record belongs into this batch. The first one always does, however large, as
    /// long as the format can express it: 2 GiB.
    #[inline]
    #[must_use]
    pub fn has_room(&self, cost: &Cost<'_>) -> bool {
        let len = self.len().saturating_add(cost.bytes);
        if self.count == 0 || self.ratio != ONE {
            return len <= Self::MAX_LEN
                && (self.count == 0
                    || self.estimated_len().saturating_add(cost.bytes) <= self.limit);
        }
        len <= self.limit.min(Self::MAX_LEN)
    }

    /// No further record fits, however small.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.count > 0 && self.estimated_len() >= self.limit
    }

    /// Hands in a chunk: its capacity is room for what follows, its content is discarded. Chunks
    /// are filled to the last byte, in the order in which they came.
    pub fn add_chunk(&mut self, chunk: BytesMut) {
        self.chunks.add(chunk);
    }

    /// Writes the record that `cost` measured and returns its index in the batch. Nothing is
    /// allocated as long as the chunks have room; what room is missing is allocated here.
    ///
    /// A cost from another batch, or from before another append, is measured anew.
    ///
    /// # Errors
    /// [`BatchFull`] when [`has_room`](Self::has_room) says so; nothing is written then.
    #[inline]
    pub fn append(&mut self, cost: Cost<'_>) -> Result<u32, BatchFull> {
        // Only these two make the same record differ between two batches.
        let delta = self.timestamp_delta(cost.record.timestamp);
        if cost.index != self.count || cost.timestamp_delta != delta {
            return self.append_anew(cost.record);
        }
        self.append_measured(&cost)
    }

    #[cold]
    fn append_anew(&mut self, record: &RecordRef<'_>) -> Result<u32, BatchFull> {
        let cost = self.cost(record);
        self.append_measured(&cost)
    }

    #[inline]
    fn append_measured(&mut self, cost: &Cost<'_>) -> Result<u32, BatchFull> {
        if !self.has_room(cost) {
            return Err(BatchFull);
        }
        let index = self.count;
        let timestamp = cost.record.timestamp;
        if index == 0 {
            self.base_timestamp = timestamp;
            self.max_timestamp = timestamp;
        } else {
            self.max_timestamp = self.max_timestamp.max(timestamp);
        }
        if cost.bytes + SLACK <= self.chunks.open_room() && cost.linked == 0 {
            write_whole(self.chunks.open(), cost);
        } else {
            write_parts(&mut self.chunks, cost);
        }
        self.records_len += cost.bytes;
        self.count += 1;
        Ok(index)
    }

    /// Bytes of the batch so far, uncompressed, its header included.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        HEADER_LEN + self.records_len
    }

    /// Bytes that the batch is expected to have once compressed, its header included.
    #[inline]
    #[must_use]
    pub const fn estimated_len(&self) -> usize {
        HEADER_LEN + ((self.records_len as u64 * self.ratio) >> 16) as usize
    }

    /// Records so far.
    #[inline]
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// No records yet.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Timestamp of the first record in ms; 0 without records.
    #[must_use]
    pub const fn base_timestamp(&self) -> i64 {
        self.base_timestamp
    }

    /// Greatest timestamp in ms; 0 without records.
    #[must_use]
    pub const fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Ends the batch: what is written is final, and can be shared.
    #[must_use]
    pub fn seal(self) -> SealedBatch {
        SealedBatch::new(
            self.chunks.finish(),
            self.records_len,
            self.count,
            self.base_timestamp,
            self.max_timestamp,
        )
    }

    /// Relative to the first record's, and wrapping, as the reader's addition does.
    #[inline]
    fn timestamp_delta(&self, timestamp: i64) -> i64 {
        if self.count == 0 {
            0
        } else {
            timestamp.wrapping_sub(self.base_timestamp)
        }
    }
}

#[cold]
fn linked_len(record: &RecordRef<'_>) -> usize {
    let headers = record.headers.iter().map(|header| header.value);
    [record.key, record.value]
        .into_iter()
        .chain(headers)
        .flatten()
        .filter_map(|payload| payload.linkable())
        .fold(0, |sum, bytes| sum.saturating_add(bytes.len()))
}

/// Room that a record needs behind itself to be written with stores of fixed length.
const SLACK: usize = 16;

/// The start of a record: length, attributes, timestamp delta. 16 bytes at most.
#[inline]
fn start(cost: &Cost<'_>) -> Packed {
    Packed::default()
        .varint(cost.body_len as i64)
        .byte(0)
        .varint(cost.timestamp_delta)
}

/// What follows up to the key, or with a null key up to the value: offset delta and lengths. 15
/// bytes at most.
#[inline]
fn middle(cost: &Cost<'_>) -> Packed {
    let middle = Packed::default().varint(i64::from(cost.index));
    match cost.record.key {
        Some(key) => middle.length(Some(key.len())),
        None => middle
            .length(None)
            .length(cost.record.value.map(|value| value.len())),
    }
}

#[inline]
fn length(len: Option<usize>) -> Packed {
    Packed::default().length(len)
}

/// Writes a record that fits into the open chunk with `SLACK` to spare.
#[inline]
fn write_whole(open: &mut BytesMut, cost: &Cost<'_>) {
    let record = cost.record;
    put_packed(open, start(cost));
    put_packed(open, middle(cost));
    if let Some(key) = record.key {
        open.extend_from_slice(key.as_slice());
        put_packed(open, length(record.value.map(|value| value.len())));
    }
    if let Some(value) = record.value {
        open.extend_from_slice(value.as_slice());
    }
    put_packed(open, length(Some(record.headers.len())));
    for header in record.headers {
        put_packed(open, length(Some(header.key.len())));
        open.extend_from_slice(header.key.as_bytes());
        put_packed(open, length(header.value.map(|value| value.len())));
        if let Some(value) = header.value {
            open.extend_from_slice(value.as_slice());
        }
    }
}

/// A copy of fixed length is one store where one of variable length is a call; what is too much is
/// taken back.
#[inline]
fn put_packed(open: &mut BytesMut, packed: Packed) {
    let (bytes, len) = packed.parts();
    let end = open.len() + len;
    open.extend_from_slice(&bytes);
    open.truncate(end);
}

/// Writes a record that straddles chunks or has something to link.
#[cold]
fn write_parts(chunks: &mut Chunks, cost: &Cost<'_>) {
    let record = cost.record;
    let missing = (cost.bytes - cost.linked).saturating_sub(chunks.room());
    if missing > 0 {
        chunks.add(BytesMut::with_capacity(missing));
    }
    chunks.put_packed(start(cost));
    chunks.put_packed(middle(cost));
    if let Some(key) = record.key {
        put_payload(chunks, key);
        chunks.put_packed(length(record.value.map(|value| value.len())));
    }
    if let Some(value) = record.value {
        put_payload(chunks, value);
    }
    chunks.put_packed(length(Some(record.headers.len())));
    for header in record.headers {
        chunks.put_packed(length(Some(header.key.len())));
        chunks.put(header.key.as_bytes());
        chunks.put_packed(length(header.value.map(|value| value.len())));
        if let Some(value) = header.value {
            put_payload(chunks, value);
        }
    }
}

fn put_payload(chunks: &mut Chunks, payload: Payload<'_>) {
    match payload.linkable() {
        Some(bytes) => chunks.link(bytes.clone()),
        None => chunks.put(payload.as_slice()),
    }
}
