//! Frames on their way into a stream, resumable at any byte.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use milena_protocol::Segments;
use tokio::io::AsyncWrite;

/// Segments offered to the stream in one call.
const SLICES: usize = 64;

/// Segments of frames, in order. The bytes are shared with whoever made them, never copied.
///
/// What was written is kept here and not in a future, so that a write that is given up loses nothing.
#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    segments: VecDeque<Bytes>,
    /// Bytes left of each frame.
    frames: VecDeque<usize>,
}

impl WriteQueue {
    pub(crate) fn frames(&self) -> usize {
        self.frames.len()
    }

    pub(crate) fn push(&mut self, frame: Segments) {
        let before = self.segments.len();
        self.segments
            .extend(frame.into_iter().filter(|segment| !segment.is_empty()));
        self.frames
            .push_back(self.segments.iter().skip(before).map(Bytes::len).sum());
    }

    /// Writes once. Returns how many frames were completed by it.
    pub(crate) fn poll_write<S>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>>
    where
        S: AsyncWrite + Unpin + ?Sized,
    {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut used = 0;
        for (slice, segment) in slices.iter_mut().zip(&self.segments) {
            *slice = IoSlice::new(segment);
            used += 1;
        }
        let slices = slices.get(..used).unwrap_or_default();
        let written = ready!(Pin::new(stream).poll_write_vectored(cx, slices))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        Poll::Ready(Ok(self.advance(written)))
    }

    fn advance(&mut self, written: usize) -> usize {
        let mut left = written;
        while let Some(segment) = self.segments.front_mut() {
            if segment.len() > left {
                segment.advance(left);
                break;
            }
            left -= segment.len();
            self.segments.pop_front();
        }
        let mut left = written;
        let mut completed = 0;
        while let Some(frame) = self.frames.front_mut() {
            if *frame > left {
                *frame -= left;
                break;
            }
            left -= *frame;
            self.frames.pop_front();
            completed += 1;
        }
        completed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use milena_protocol::{encode_request, metadata::MetadataRequest};
    use std::task::Waker;

    /// Takes a few bytes at a time.
    struct Narrow {
        took: Vec<u8>,
        width: usize,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.width);
            self.took.extend_from_slice(&bytes[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            let taken = all.len().min(self.width);
            self.took.extend_from_slice(&all[..taken]);
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn frame(id: i32) -> Segments {
        encode_request(id, None, 9, &MetadataRequest::default()).unwrap()
    }

    #[test]
    fn frames_are_whole_and_in_order_however_little_is_taken_at_a_time() {
        let expected: Vec<u8> = (0..3)
            .flat_map(frame)
            .flat_map(|segment| segment.to_vec())
            .collect();
        for width in 1..=expected.len() {
            let mut queue = WriteQueue::default();
            (0..3).for_each(|id| queue.push(frame(id)));
            let mut stream = Narrow {
                took: Vec::new(),
                width,
            };
            let mut completed = 0;
            while queue.frames() > 0 {
                let mut cx = Context::from_waker(Waker::noop());
                let Poll::Ready(done) = queue.poll_write(&mut stream, &mut cx) else {
                    continue;
                };
                completed += done.unwrap();
                assert_eq!(completed, stream.took.len() / (expected.len() / 3));
            }
            assert_eq!(
                (stream.took, completed),
                (expected.clone(), 3),
                "{width} at a time"
            );
        }
    }

    #[test]
    fn a_stream_that_takes_nothing_is_an_error() {
        let mut queue = WriteQueue::default();
        queue.push(frame(0));
        let mut stream = Narrow {
            took: Vec::new(),
            width: 0,
        };
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(
            queue.poll_write(&mut stream, &mut cx),
            Poll::Ready(Err(_))
        ));
    }
}
