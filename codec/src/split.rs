//! A batch that turned out too large, as several smaller ones.

use bytes::{Bytes, BytesMut};

use crate::read::{BatchError, Batches, Header};
use crate::{
    BatchBuilder, Decompressor, HeaderRef, Limits, Payload, RecordRef, SealedBatch, Stamp,
};

impl SealedBatch {
    /// The same records in batches of at most `limit` bytes each, header included and uncompressed; a
    /// record that is larger has a batch of its own.
    ///
    /// Each of them is compressed by another call of [`compress`](Self::compress). All of them together
    /// take about as much memory as this batch did before it was compressed.
    ///
    /// # Errors
    /// Only for a batch whose bytes were tampered with.
    pub fn split(&self, limit: usize) -> Result<Vec<Self>, BatchError> {
        let mut decompressor = Decompressor::new(Limits {
            max_decompressed: self.uncompressed_len(),
        });
        let mut parts = Parts {
            limit,
            rest: self.uncompressed_len(),
            open: BatchBuilder::new(limit),
            done: Vec::new(),
        };
        for batch in Batches::exact(self.encode(Stamp::NONE).concat().into()) {
            for record in batch?.records_without_crc(&mut decompressor)? {
                let record = record?;
                let headers: Vec<Header> = record.headers.iter().collect();
                let names: Vec<_> = headers.iter().map(Header::key).collect();
                let headers: Vec<_> = names
                    .iter()
                    .zip(&headers)
                    .map(|(key, header)| HeaderRef {
                        key,
                        value: copied(header.value.as_ref()),
                    })
                    .collect();
                parts.append(&RecordRef {
                    timestamp: record.timestamp,
                    key: copied(record.key.as_ref()),
                    value: copied(record.value.as_ref()),
                    headers: &headers,
                });
            }
        }
        parts.close();
        Ok(parts.done)
    }
}

/// Copied, lest a small part keep the memory of all.
fn copied(bytes: Option<&Bytes>) -> Option<Payload<'_>> {
    bytes.map(|bytes| Payload::Slice(bytes))
}

/// Parts are written into chunks of this size, so that none of them holds much that it does not fill.
const CHUNK: usize = 4096;

struct Parts {
    limit: usize,
    /// Bytes of records that are yet to be written.
    rest: usize,
    open: BatchBuilder,
    done: Vec<SealedBatch>,
}

impl Parts {
    fn append(&mut self, record: &RecordRef<'_>) {
        if !self.open.has_room(&self.open.cost(record)) {
            self.close();
        }
        let cost = self.open.cost(record);
        if cost.chunk > 0 {
            let room = cost.chunk.max(CHUNK.min(self.rest));
            self.open.add_chunk(BytesMut::with_capacity(room));
        }
        self.rest = self.rest.saturating_sub(cost.bytes);
        // The first record of a batch always fits.
        let _ = self.open.append(cost);
    }

    fn close(&mut self) {
        let full = std::mem::replace(&mut self.open, BatchBuilder::new(self.limit));
        if !full.is_empty() {
            self.done.push(full.seal());
        }
    }
}
