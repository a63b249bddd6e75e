//! Cutting a stream of bytes into frames, with bounded memory and a good word about what is not Kafka.

use bytes::{Buf, Bytes, BytesMut};

/// Bytes before each frame: its length.
const PREFIX: usize = 4;
/// Room offered to the socket when nothing is known of what comes.
const STEP: usize = 16 * 1024;

/// Bytes as they arrived, until they are whole frames.
///
/// A frame is announced by its length, and the announcement may lie: room is only made for as much again as has
/// arrived, so a peer has to send what it wants remembered.
#[derive(Debug)]
pub struct FrameBuffer {
    arrived: BytesMut,
    max_frame: usize,
    /// Whether a whole frame was seen; before that, the peer may be anything.
    met: bool,
}

/// The bytes that arrived are no Kafka frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The answer starts as an HTTP server's does.
    #[error("the port speaks HTTP, not Kafka")]
    Http,
    /// The answer starts as a TLS record does.
    #[error("the port speaks TLS, and this connection is plaintext")]
    Tls,
    /// A length that no frame can have.
    #[error(
        "a frame of {length} bytes was announced (first bytes {}), which is not Kafka",
        show(first)
    )]
    Negative {
        /// The announced length.
        length: i32,
        /// The bytes it was read from.
        first: [u8; PREFIX],
    },
    /// A length above what this connection accepts.
    #[error(
        "a frame of {length} bytes was announced (first bytes {}), above the limit of {max}",
        show(first)
    )]
    TooLarge {
        /// The announced length.
        length: usize,
        /// The largest accepted.
        max: usize,
        /// The bytes it was read from.
        first: [u8; PREFIX],
    },
}

impl FrameBuffer {
    /// An empty buffer that refuses frames above `max_frame` bytes.
    pub fn new(max_frame: usize) -> Self {
        Self {
            arrived: BytesMut::new(),
            max_frame,
            met: false,
        }
    }

    /// Where to put the bytes that arrive next, with room for at least a few.
    pub fn spare(&mut self) -> &mut BytesMut {
        let wanted = match self.announced() {
            Some(length) => (PREFIX + length).saturating_sub(self.arrived.len()),
            None => STEP,
        };
        // What a frame still lacks, but never more than doubles what is here: see the type's comment.
        let room = wanted.min(self.arrived.len().max(STEP)).max(1);
        if self.arrived.capacity() - self.arrived.len() < room {
            self.arrived.reserve(room.max(STEP));
        }
        &mut self.arrived
    }

    /// The next whole frame, without its length; `None` while one is incomplete.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(&first) = self.arrived.first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        if !self.met {
            match first {
                [b'H', b'T', b'T', b'P'] => return Err(FrameError::Http),
                // An alert or a handshake record, and the major version of every TLS there is.
                [0x15 | 0x16, 0x03, _, _] => return Err(FrameError::Tls),
                _ => {}
            }
        }
        let length = i32::from_be_bytes(first);
        let Ok(length) = usize::try_from(length) else {
            return Err(FrameError::Negative { length, first });
        };
        if length > self.max_frame {
            return Err(FrameError::TooLarge {
                length,
                max: self.max_frame,
                first,
            });
        }
        if self.arrived.len() < PREFIX + length {
            return Ok(None);
        }
        self.met = true;
        self.arrived.advance(PREFIX);
        Ok(Some(self.arrived.split_to(length).freeze()))
    }

    /// When a frame has begun and is not whole: how many of its bytes are here, and how many it should have.
    /// The second is `None` while not even the length is complete.
    pub fn partial(&self) -> Option<(usize, Option<usize>)> {
        let here = self.arrived.len();
        (here > 0).then(|| (here.saturating_sub(PREFIX), self.announced()))
    }

    fn announced(&self) -> Option<usize> {
        let length = i32::from_be_bytes(*self.arrived.first_chunk::<PREFIX>()?);
        usize::try_from(length)
            .ok()
            .filter(|&length| length <= self.max_frame)
    }
}

fn show(first: &[u8; PREFIX]) -> String {
    if first.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        format!("\"{}\"", first.escape_ascii())
    } else {
        first
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(buffer: &mut FrameBuffer, bytes: &[u8]) {
        buffer.spare().extend_from_slice(bytes);
    }

    #[test]
    fn frames_come_out_whole_however_they_arrive() {
        let stream = [
            &[0, 0, 0, 3][..],
            b"abc",
            &[0, 0, 0, 0],
            &[0, 0, 0, 1],
            b"d",
        ]
        .concat();
        for step in 1..=stream.len() {
            let mut buffer = FrameBuffer::new(100);
            let mut frames = Vec::new();
            for part in stream.chunks(step) {
                feed(&mut buffer, part);
                while let Some(frame) = buffer.next_frame().unwrap() {
                    frames.push(frame);
                }
            }
            assert_eq!(frames, [&b"abc"[..], b"", b"d"], "in steps of {step}");
            assert_eq!(buffer.partial(), None);
        }
    }

    #[test]
    fn a_lying_length_reserves_no_more_than_arrived() {
        let mut buffer = FrameBuffer::new(100 << 20);
        feed(&mut buffer, &(90_i32 << 20).to_be_bytes());
        assert_eq!(buffer.next_frame(), Ok(None));
        assert!(buffer.spare().capacity() <= 4 * STEP);
        feed(&mut buffer, &[7; 1000]);
        assert!(buffer.spare().capacity() <= 4 * STEP);
        assert_eq!(buffer.partial(), Some((1000, Some(90 << 20))));
    }

    #[test]
    fn a_large_frame_grows_by_doubling() {
        let mut buffer = FrameBuffer::new(100 << 20);
        let body = vec![1; 8 << 20];
        feed(&mut buffer, &(8_i32 << 20).to_be_bytes());
        let (mut rest, mut rounds) = (&body[..], 0);
        while !rest.is_empty() {
            let spare = buffer.spare();
            let take = (spare.capacity() - spare.len()).min(rest.len());
            assert!(take > 0);
            spare.extend_from_slice(&rest[..take]);
            rest = &rest[take..];
            rounds += 1;
        }
        assert!(rounds < 30, "{rounds} rounds");
        assert_eq!(buffer.next_frame().unwrap().unwrap().len(), 8 << 20);
    }

    #[test]
    fn other_protocols_are_named() {
        let seen = |bytes: &[u8]| {
            let mut buffer = FrameBuffer::new(100 << 20);
            feed(&mut buffer, bytes);
            buffer.next_frame().unwrap_err()
        };
        assert_eq!(seen(b"HTTP/1.1 400 Bad Request\r\n"), FrameError::Http);
        assert_eq!(seen(&[0x15, 3, 3, 0, 2, 2, 40]), FrameError::Tls);
        assert_eq!(seen(&[0x16, 3, 1, 0, 2]), FrameError::Tls);
        assert!(seen(b"SSH-2.0-x").to_string().contains("\"SSH-\""));
        assert!(
            seen(&[0xff, 0xff, 0xff, 0xfe])
                .to_string()
                .contains("-2 bytes")
        );
        assert!(matches!(
            seen(&[0x7f, 0, 0, 0]),
            FrameError::TooLarge { .. }
        ));
    }
}
