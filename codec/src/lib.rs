//! Apache Kafka's RecordBatch v2: building, reading, CRC-32C and compression, without I/O.

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
mod varint;

pub use build::{BatchBuilder, BatchFull, Cost, LINK_THRESHOLD};
pub use compress::{CodecError, Compressor, Decompressor, Fault, Limits};
pub use compression::{Compression, CompressionType, LevelError};
pub use control::{ControlType, EndTransaction};
pub use header::{Attributes, BatchHeader, HEADER_LEN, LENGTH_OVERHEAD, MAGIC, TimestampType};
pub use ratio::RatioEstimator;
pub use read::{
    BatchError, BatchFault, Batches, Header, Headers, Record, RecordBatch, RecordField, RecordIter,
};
pub use record::{HeaderRef, Payload, RecordRef};
pub use seal::{Compressed, SealedBatch, Stamp};
pub use sequence::sequence_add;
