//! The buffers a batch is written into, and back out of.

use std::collections::VecDeque;
use std::mem;

use bytes::{Bytes, BytesMut};

use crate::varint::Packed;

/// A stretch of the records section.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) bytes: Bytes,
    /// Capacity of the chunk that ends with this segment; 0 when the chunk goes on in a later
    /// segment, or the bytes are the caller's own.
    chunk: usize,
}

/// Everything written, and the room that was left over.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    pub(crate) segments: Vec<Segment>,
    spare: Vec<(BytesMut, usize)>,
}

/// Chunks handed in by the caller: one open for writing, others waiting behind it.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    open: BytesMut,
    open_capacity: usize,
    waiting: VecDeque<BytesMut>,
    waiting_room: usize,
    stored: Stored,
}

impl Chunks {
    /// Bytes that can be written without another chunk.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.open_room() + self.waiting_room
    }

    /// Bytes that can be written without leaving the open chunk.
    #[inline]
    pub(crate) fn open_room(&self) -> usize {
        self.open.capacity() - self.open.len()
    }

    /// The open chunk, for writing at most [`open_room`](Self::open_room) bytes.
    #[inline]
    pub(crate) fn open(&mut self) -> &mut BytesMut {
        &mut self.open
    }

    pub(crate) fn add(&mut self, mut chunk: BytesMut) {
        chunk.clear();
        if self.open.capacity() == 0 {
            self.open_capacity = chunk.capacity();
            self.open = chunk;
        } else if chunk.capacity() > 0 {
            self.waiting_room += chunk.capacity();
            self.waiting.push_back(chunk);
        }
    }

    /// Copies `bytes` behind what is there, over as many chunks as it takes; allocates one should
    /// there be no room left.
    pub(crate) fn put(&mut self, mut bytes: &[u8]) {
        loop {
            let (now, later) = bytes.split_at(bytes.len().min(self.open_room()));
            self.open.extend_from_slice(now);
            if later.is_empty() {
                return;
            }
            self.next(later.len());
            bytes = later;
        }
    }

    pub(crate) fn put_packed(&mut self, packed: Packed) {
        let (bytes, len) = packed.parts();
        self.put(bytes.get(..len).unwrap_or_default());
    }

    /// Puts the caller's buffer behind what is there, without a copy.
    pub(crate) fn link(&mut self, bytes: Bytes) {
        if self.open_room() == 0 {
            self.close();
        } else if !self.open.is_empty() {
            let bytes = self.open.split().freeze();
            self.stored.segments.push(Segment { bytes, chunk: 0 });
        }
        self.stored.segments.push(Segment { bytes, chunk: 0 });
    }

    /// Closes the open chunk and opens the next one, which has room for at least one byte.
    fn next(&mut self, wanted: usize) {
        self.close();
        let chunk = self.waiting.pop_front();
        if let Some(chunk) = &chunk {
            self.waiting_room -= chunk.capacity();
        }
        self.open = chunk.unwrap_or_else(|| BytesMut::with_capacity(wanted));
        self.open_capacity = self.open.capacity();
    }

    fn close(&mut self) {
        let mut open = mem::take(&mut self.open);
        let capacity = mem::take(&mut self.open_capacity);
        if !open.is_empty() {
            // Splitting first makes the chunk's count of owners once in its life; freezing it as it
            // is would do so, with an allocation, in every batch.
            let bytes = open.split().freeze();
            self.stored.segments.push(Segment {
                bytes,
                chunk: capacity,
            });
        } else if capacity > 0 {
            self.stored.spare.push((open, capacity));
        }
    }

    pub(crate) fn finish(mut self) -> Stored {
        self.close();
        let waiting = self.waiting.into_iter().map(|chunk| {
            let capacity = chunk.capacity();
            (chunk, capacity)
        });
        self.stored.spare.extend(waiting);
        self.stored
    }
}

impl Stored {
    /// The chunks that nobody else holds a part of, emptied. The callers' own buffers are let go.
    pub(crate) fn recycle(self) -> impl Iterator<Item = BytesMut> {
        // In order: the earlier parts of a chunk are let go before its last part is looked at.
        let used = self.segments.into_iter().filter_map(|segment| {
            if segment.chunk == 0 {
                return None;
            }
            segment
                .bytes
                .try_into_mut()
                .ok()
                .map(|chunk| (chunk, segment.chunk))
        });
        used.chain(self.spare).filter_map(|(mut chunk, capacity)| {
            chunk.clear();
            // A chunk with a link in its middle begins after the link until it is made whole.
            chunk.try_reclaim(capacity).then_some(chunk)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(stored: &Stored) -> Vec<u8> {
        stored
            .segments
            .iter()
            .flat_map(|segment| segment.bytes.iter().copied())
            .collect()
    }

    #[test]
    fn bytes_straddle_chunks_and_chunks_come_back_whole() {
        let mut chunks = Chunks::default();
        let sizes = [10usize, 20, 30];
        let mut addresses = Vec::new();
        for size in sizes {
            let chunk = BytesMut::with_capacity(size);
            addresses.push(chunk.as_ptr());
            chunks.add(chunk);
        }
        assert_eq!(chunks.room(), 60);
        chunks.put(&[1; 25]);
        chunks.link(Bytes::from(vec![2; 7]));
        chunks.put(&[3; 3]);
        assert_eq!(chunks.room(), 32);

        let stored = chunks.finish();
        assert_eq!(
            content(&stored),
            [vec![1; 25], vec![2; 7], vec![3; 3]].concat()
        );
        let back: Vec<BytesMut> = stored.recycle().collect();
        assert_eq!(
            back.iter().map(BytesMut::capacity).collect::<Vec<_>>(),
            sizes
        );
        assert_eq!(
            back.iter().map(|chunk| chunk.as_ptr()).collect::<Vec<_>>(),
            addresses
        );
    }

    #[test]
    fn a_link_on_a_chunk_border_keeps_the_chunk() {
        for filled in [0, 8] {
            let mut chunks = Chunks::default();
            chunks.add(BytesMut::with_capacity(8));
            chunks.put(&[1; 8][..filled]);
            chunks.link(Bytes::from_static(&[2; 4]));
            let stored = chunks.finish();
            assert_eq!(content(&stored).len(), filled + 4);
            let back: Vec<BytesMut> = stored.recycle().collect();
            assert_eq!(back.len(), 1);
            assert_eq!(back[0].capacity(), 8);
        }
    }

    #[test]
    fn a_chunk_that_someone_holds_is_not_recycled() {
        let mut chunks = Chunks::default();
        chunks.add(BytesMut::with_capacity(8));
        chunks.put(b"kept");
        let stored = chunks.finish();
        let held = stored.segments[0].bytes.clone();
        assert_eq!(stored.recycle().count(), 0);
        assert_eq!(&held[..], b"kept");
    }

    #[test]
    fn missing_room_is_allocated() {
        let mut chunks = Chunks::default();
        chunks.put(b"nobody brought a chunk");
        assert_eq!(content(&chunks.finish()), b"nobody brought a chunk");
    }
}
