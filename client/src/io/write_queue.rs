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
