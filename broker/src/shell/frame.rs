//! Reads length-prefixed frames off a stream.
//!
//! Small frames are copied out of a staging buffer, so that a small batch in a log does not keep a large buffer in
//! memory; a large one is read into memory of its own, which its records then share. A length that lies costs nothing:
//! memory grows with what really comes.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

const STAGE: usize = 16 << 10;
/// The most that is allocated ahead of the data.
const AHEAD: usize = 1 << 20;
const PREFIX: usize = 4;

#[derive(Debug)]
pub(crate) struct FrameReader {
    limit: usize,
    staged: BytesMut,
    large: Option<Large>,
}

/// A frame that did not fit into the staging buffer.
#[derive(Debug)]
struct Large {
    bytes: BytesMut,
    len: usize,
}

/// Why no further frame can be read.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    #[error("a frame of {announced} bytes is announced; the limit is {limit}")]
    Length { announced: i32, limit: usize },
    #[error("the stream ended inside a frame")]
    Ended,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl FrameReader {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            staged: BytesMut::new(),
            large: None,
        }
    }

    /// The next frame without its length; `None` at the end of the stream. Nothing is lost if this is dropped half-way.
    pub(crate) async fn next<R: AsyncRead + Unpin>(
        &mut self,
        from: &mut R,
    ) -> Result<Option<Bytes>, FrameError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            let read = match &mut self.large {
                Some(large) => {
                    let missing = large.len - large.bytes.len();
                    if large.bytes.capacity() == large.bytes.len() {
                        // Doubles, as a vector does.
                        large
                            .bytes
                            .reserve(missing.min(large.bytes.len().max(AHEAD)));
                    }
                    from.read_buf(&mut (&mut large.bytes).limit(missing))
                        .await?
                }
                None => {
                    self.staged.reserve(STAGE - self.staged.len().min(STAGE));
                    from.read_buf(&mut self.staged).await?
                }
            };
            if read == 0 {
                let between_frames = self.staged.is_empty() && self.large.is_none();
                return if between_frames {
                    Ok(None)
                } else {
                    Err(FrameError::Ended)
                };
            }
        }
    }

    /// A frame that has arrived in full.
    pub(crate) fn take(&mut self) -> Result<Option<Bytes>, FrameError> {
        if let Some(large) = self.large.take_if(|large| large.bytes.len() >= large.len) {
            return Ok(Some(large.bytes.freeze()));
        }
        if self.large.is_some() {
            return Ok(None);
        }
        let Some(prefix) = self.staged.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let announced = i32::from_be_bytes(*prefix);
        let len = usize::try_from(announced)
            .ok()
            .filter(|len| *len <= self.limit);
        let len = len.ok_or(FrameError::Length {
            announced,
            limit: self.limit,
        })?;
        let arrived = self.staged.get(PREFIX..).unwrap_or_default();
        if let Some(frame) = arrived.get(..len) {
            let frame = Bytes::copy_from_slice(frame);
            self.staged.advance(PREFIX + len);
            return Ok(Some(frame));
        }
        if PREFIX + len > STAGE {
            let mut bytes = BytesMut::with_capacity(len.min(AHEAD));
            bytes.extend_from_slice(arrived);
            self.staged.clear();
            self.large = Some(Large { bytes, len });
        }
        Ok(None)
    }

    /// Comes back when the stream has ended. Takes in what the staging buffer holds and leaves the rest.
    pub(crate) async fn ended<R: AsyncRead + Unpin>(&mut self, from: &mut R) {
        while self.staged.len() < STAGE && self.large.is_none() {
            self.staged.reserve(STAGE - self.staged.len());
            match from.read_buf(&mut self.staged).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Reads and forgets until the stream has ended.
    pub(crate) async fn discard<R: AsyncRead + Unpin>(&mut self, from: &mut R) {
        loop {
            self.large = None;
            self.staged.clear();
            self.staged.reserve(STAGE);
            match from.read_buf(&mut self.staged).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn frames(mut input: &[u8], limit: usize) -> (Vec<Bytes>, Result<(), FrameError>) {
        let mut reader = FrameReader::new(limit);
        let mut frames = Vec::new();
        loop {
            match reader.next(&mut input).await {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, Ok(())),
                Err(error) => return (frames, Err(error)),
            }
        }
    }

    fn framed(sizes: &[usize]) -> Vec<u8> {
        let frame = |size: &usize| {
            let mut frame = i32::try_from(*size).unwrap().to_be_bytes().to_vec();
            frame.extend((0..*size).map(|n| n as u8));
            frame
        };
        sizes.iter().flat_map(frame).collect()
    }

    #[tokio::test]
    async fn frames_of_all_sizes_come_out_whole() {
        let sizes = [
            0,
            1,
            STAGE - 5,
            STAGE - 4,
            STAGE - 3,
            STAGE,
            3,
            AHEAD + 1,
            3 * AHEAD + 17,
            7,
        ];
        let (frames, end) = frames(&framed(&sizes), 100 << 20).await;
        assert!(end.is_ok());
        assert_eq!(frames.iter().map(Bytes::len).collect::<Vec<_>>(), sizes);
        for frame in frames {
            assert!(frame.iter().enumerate().all(|(n, byte)| *byte == n as u8));
        }
    }

    #[tokio::test]
    async fn a_length_beyond_the_limit_or_below_zero_ends_it() {
        for announced in [101, i32::MAX, -1, i32::MIN] {
            let (frames, end) = frames(&announced.to_be_bytes(), 100).await;
            assert!(frames.is_empty());
            assert!(
                matches!(end, Err(FrameError::Length { announced: told, limit: 100 }) if told == announced)
            );
        }
    }

    #[tokio::test]
    async fn an_end_inside_a_frame_is_an_error() {
        let whole = framed(&[100, 2 * STAGE]);
        for cut in [1, 3, 4, 50, 104 + 2, 104 + STAGE, whole.len() - 1] {
            let (_, end) = frames(&whole[..cut], 1 << 20).await;
            assert!(matches!(end, Err(FrameError::Ended)), "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_lying_length_allocates_little() {
        let mut reader = FrameReader::new(100 << 20);
        let mut input = &(100_i32 << 20).to_be_bytes()[..];
        assert!(matches!(
            reader.next(&mut input).await,
            Err(FrameError::Ended)
        ));
        assert!(
            reader
                .large
                .is_some_and(|large| large.bytes.capacity() <= AHEAD)
        );
    }
}
