//! A finished batch: numbered, summed and sent as often as it takes, without touching its records.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::chunks::{Chunks, Stored};
use crate::header::{Attributes, BatchHeader, HEADER_LEN, LENGTH_OVERHEAD};
use crate::{CodecError, CompressionType, Compressor};

/// What a producer stamps on a batch when it sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The producer's id, or -1.
    pub producer_id: i64,
    /// The producer's epoch, or -1.
    pub producer_epoch: i16,
    /// The sequence of the batch's first record, or -1.
    pub base_sequence: i32,
    /// Whether the batch is part of a transaction.
    pub transactional: bool,
}

impl Stamp {
    /// A producer without idempotence.
    pub const NONE: Self = Self {
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        transactional: false,
    };
}

impl Default for Stamp {
    fn default() -> Self {
        Self::NONE
    }
}

/// A finished batch. Its records are final and shared: a clone is a handle on the same bytes.
///
/// ```
/// use milena_codec::{BatchBuilder, Batches, Decompressor, RecordRef, Stamp};
///
/// let mut batch = BatchBuilder::new(1024);
/// let record = RecordRef { timestamp: 7, value: Some(b"hello".into()), ..Default::default() };
/// batch.append(batch.cost(&record))?;
/// let sealed = batch.seal();
///
/// let stamp = Stamp { producer_id: 9, producer_epoch: 0, base_sequence: 5, transactional: false };
/// let wire = sealed.encode(stamp).concat();
/// assert_eq!(wire.len(), sealed.wire_len());
///
/// for batch in Batches::exact(wire.into()) {
///     let batch = batch?.into_current()?;
///     assert_eq!(batch.header().base_sequence, 5);
///     for record in batch.records(&mut Decompressor::default())? {
///         assert_eq!(record?.value.as_deref(), Some(&b"hello"[..]));
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SealedBatch {
    stored: Arc<Stored>,
    records_len: usize,
    uncompressed_len: usize,
    count: u32,
    base_timestamp: i64,
    max_timestamp: i64,
    codec: CompressionType,
}

/// What [`SealedBatch::compress`] came to.
#[derive(Debug, Default)]
pub struct Compressed {
    /// The codec of the batch from now on: none when compressing did not make it smaller.
    pub codec: CompressionType,
    /// Bytes of the records section before.
    pub from: usize,
    /// Bytes that the codec made of it, whether or not they are used.
    pub to: usize,
    /// Chunks that the batch no longer needs, emptied.
    pub freed: Vec<BytesMut>,
}

impl Compressed {
    /// Compressed over uncompressed size, for
    /// [`RatioEstimator::observe`](crate::RatioEstimator::observe); `None` when nothing was done.
    #[must_use]
    pub fn ratio(&self) -> Option<f32> {
        (self.from > 0).then(|| self.to as f32 / self.from as f32)
    }
}

impl SealedBatch {
    pub(crate) fn new(
        stored: Stored,
        records_len: usize,
        count: u32,
        base_timestamp: i64,
        max_timestamp: i64,
    ) -> Self {
        Self {
            stored: Arc::new(stored),
            records_len,
            uncompressed_len: records_len,
            count,
            base_timestamp,
            max_timestamp,
            codec: CompressionType::None,
        }
    }

    /// Compresses the records, once; a second call does nothing. The result stands in the batch's
    /// own chunks as far as nobody else holds them, and the batch stays as it is when the codec
    /// does not make it smaller.
    ///
    /// # Errors
    /// [`CodecError`] when the codec itself fails; the batch stays as it is then.
    pub fn compress(&mut self, compressor: &mut Compressor) -> Result<Compressed, CodecError> {
        let codec = compressor.codec();
        if self.codec != CompressionType::None || codec == CompressionType::None || self.count == 0
        {
            return Ok(Compressed {
                codec: self.codec,
                ..Compressed::default()
            });
        }
        let smaller = compressor.compress_within(self.segments(), self.records_len)?;
        let (from, to) = (self.records_len, smaller.len());
        if to >= from {
            return Ok(Compressed {
                codec: CompressionType::None,
                from,
                to,
                freed: Vec::new(),
            });
        }
        let mut freed = Arc::into_inner(std::mem::take(&mut self.stored))
            .into_iter()
            .flat_map(Stored::recycle);
        let mut chunks = Chunks::default();
        while chunks.room() < to {
            let chunk = freed.next();
            chunks.add(chunk.unwrap_or_else(|| BytesMut::with_capacity(to - chunks.room())));
        }
        chunks.put(smaller);
        let freed = freed.collect();
        self.stored = Arc::new(chunks.finish());
        self.records_len = to;
        self.codec = codec;
        Ok(Compressed {
            codec,
            from,
            to,
            freed,
        })
    }

    /// The batch as it goes on the wire: the header as one segment, the records as they are in the
    /// others. Can be called again with another stamp.
    #[must_use]
    pub fn encode(&self, stamp: Stamp) -> Vec<Bytes> {
        let mut segments = Vec::with_capacity(1 + self.stored.segments.len());
        segments.push(Bytes::copy_from_slice(&self.header(stamp)));
        segments.extend(
            self.stored
                .segments
                .iter()
                .map(|segment| segment.bytes.clone()),
        );
        segments
    }

    /// The 61 bytes in front of the records, CRC included.
    #[must_use]
    pub fn header(&self, stamp: Stamp) -> [u8; HEADER_LEN] {
        let header = BatchHeader {
            base_offset: 0,
            // The builder keeps a batch below 2 GiB and 2^31 records.
            batch_length: (self.wire_len() - LENGTH_OVERHEAD) as i32,
            partition_leader_epoch: -1,
            crc: 0,
            attributes: Attributes::new(self.codec, stamp.transactional),
            last_offset_delta: self.count as i32 - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: stamp.producer_id,
            producer_epoch: stamp.producer_epoch,
            base_sequence: stamp.base_sequence,
            records_count: self.count as i32,
        };
        header.encode_with_crc(self.segments())
    }

    /// Bytes on the wire, header included.
    #[must_use]
    pub const fn wire_len(&self) -> usize {
        HEADER_LEN + self.records_len
    }

    /// Bytes of the records section as it is now.
    #[must_use]
    pub const fn records_len(&self) -> usize {
        self.records_len
    }

    /// Bytes of the records section before compression.
    #[must_use]
    pub const fn uncompressed_len(&self) -> usize {
        self.uncompressed_len
    }

    /// Records in the batch.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The codec of the records section as it is now.
    #[must_use]
    pub const fn codec(&self) -> CompressionType {
        self.codec
    }

    /// Timestamp of the first record in ms.
    #[must_use]
    pub const fn base_timestamp(&self) -> i64 {
        self.base_timestamp
    }

    /// Greatest timestamp in ms.
    #[must_use]
    pub const fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// The chunks back, emptied, for the next batch: those whose last owner this batch is. A chunk
    /// that a socket still holds is freed when that lets go of it. Buffers that were linked in are
    /// never among them.
    pub fn recycle(self) -> impl Iterator<Item = BytesMut> {
        Arc::into_inner(self.stored)
            .into_iter()
            .flat_map(Stored::recycle)
    }

    fn segments(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.stored
            .segments
            .iter()
            .map(|segment| &segment.bytes[..])
    }
}

impl fmt::Debug for SealedBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedBatch")
            .field("count", &self.count)
            .field("codec", &self.codec)
            .field("records_len", &self.records_len)
            .field("uncompressed_len", &self.uncompressed_len)
            .field("base_timestamp", &self.base_timestamp)
            .field("max_timestamp", &self.max_timestamp)
            .finish_non_exhaustive()
    }
}
