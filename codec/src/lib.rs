//! Apache Kafka's record batches: building, reading, checksums and compression, without I/O.
//!
//! A producer builds a batch in place, in chunks of memory that it hands in, and stamps a header on
//! it as often as it has to be sent. A consumer, broker, proxy or capture tool walks over the
//! batches of a record set and takes apart those it wants, without copying. Neither needs a client.
//!
//! # Where to start
//!
//! | To | use |
//! |---|---|
//! | build a batch | [`BatchBuilder`], [`RecordRef`], then [`SealedBatch`] and [`Stamp`] |
//! | compress it | [`Compression`], [`Compressor`], [`RatioEstimator`] |
//! | read batches | [`Batches`], [`Batch`], [`Record`], [`Decompressor`] |
//!
//! # A batch, there and back
//!
//! ```
//! use bytes::BytesMut;
//! use milena_codec::{BatchBuilder, Batches, Decompressor, HeaderRef, RecordRef, Stamp};
//!
//! let mut batch = BatchBuilder::new(16 * 1024);
//! let headers = [HeaderRef { key: "trace", value: Some(b"7f".into()) }];
//! for (index, word) in ["one", "two", "three"].iter().enumerate() {
//!     let record = RecordRef {
//!         timestamp: 1_700_000_000_000 + index as i64,
//!         key: None,
//!         value: Some((*word).into()),
//!         headers: &headers,
//!     };
//!     let cost = batch.cost(&record);
//!     if cost.chunk > 0 {
//!         batch.add_chunk(BytesMut::with_capacity(4096));
//!     }
//!     batch.append(cost)?;
//! }
//! let sealed = batch.seal();
//! let segments = sealed.encode(Stamp::NONE);
//! assert_eq!(segments.len(), 2, "the header, and one chunk");
//!
//! let record_set = segments.concat();
//! let mut decompressor = Decompressor::default();
//! let mut words = Vec::new();
//! for batch in Batches::new(record_set.into()) {
//!     for record in batch?.records(&mut decompressor)? {
//!         let record = record?;
//!         assert_eq!(record.offset, words.len() as i64);
//!         words.push(record.value.unwrap_or_default());
//!     }
//! }
//! assert_eq!(words, ["one", "two", "three"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//!
//! - A payload is copied once, into the batch; a shared one of [`LINK_THRESHOLD`] bytes or more not
//!   at all. Appending allocates nothing while the chunks have room.
//! - The header is a segment of its own: numbering, an epoch bump and the CRC never touch the bytes
//!   of the records, which several owners may share.
//! - Null and empty are different things everywhere; headers keep their order and their duplicates.
//! - No input makes this crate panic, nor take more memory than the input and [`Limits`] warrant. An
//!   error says which batch, which record, which field, and at which byte.
//!
//! # What it is not
//!
//! No sockets, clocks, pools or threads. It builds what producers send: offsets count from 0 without a
//! gap, and names of headers are text. Control batches, compacted batches, times of arrival, and record
//! formats 0 and 1, from before Kafka 0.11, are only read.
//!
//! # Features
//!
//! `gzip`, `snappy`, `lz4` and `zstd`, all on by default and all in pure Rust, switch one codec each.
//! `zstd-c` takes Zstandard from the C library instead. A codec that is switched off is
//! [`Fault::Unavailable`] when it is configured or met.

mod build;
mod chunks;
mod compress;
mod compression;
mod control;
mod header;
mod ratio;
mod read;
mod record;
mod seal;
mod sequence;
mod split;
mod varint;

pub use build::{BatchBuilder, BatchFull, Cost, LINK_THRESHOLD};
pub use compress::{CodecError, Compressor, Decompressor, Fault, Limits};
pub use compression::{Compression, CompressionType, LevelError};
pub use control::{ControlType, EndTransaction};
pub use header::{Attributes, BatchHeader, HEADER_LEN, LENGTH_OVERHEAD, MAGIC, TimestampType};
pub use ratio::RatioEstimator;
pub use read::{
    Batch, BatchError, BatchFault, Batches, Header, Headers, LegacyRecordBatch, Record,
    RecordBatch, RecordField, RecordIter, RecordProblem,
};
pub use record::{HeaderRef, Payload, RecordRef};
pub use seal::{Compressed, SealedBatch, Stamp};
pub use sequence::sequence_add;
