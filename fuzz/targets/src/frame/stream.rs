//! Frames cut out of a stream that arrives in arbitrary pieces.

use bytes::Bytes;
use milena_engine::frame::{FrameBuffer, FrameError};

use super::PREFIX;
use crate::input::Input;

/// Limit of a frame as a power of two, sizes of the pieces, and the stream.
///
/// However the stream is cut, the same frames come out as when it is cut by hand; room is made for no more than a
/// small multiple of what has arrived.
pub(super) fn stream(data: &[u8]) {
    let mut input = Input::new(data);
    let max = 1 << input.below(31);
    let sizes: Vec<usize> = input
        .some()
        .iter()
        .map(|size| 1 + usize::from(*size))
        .collect();
    let mut sizes = sizes.iter().copied().cycle();
    let mut left = input.rest();
    let (expected, end, rest) = by_hand(left, max);

    let mut buffer = FrameBuffer::new(max);
    let mut frames: Vec<Bytes> = Vec::new();
    loop {
        loop {
            match buffer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(Some(kind(&error)), end, "{error}");
                    assert_eq!(frames, expected);
                    return;
                }
            }
        }
        if left.is_empty() {
            break;
        }
        let arrived = buffer.partial().map_or(0, |(here, _)| here + PREFIX);
        let spare = buffer.spare();
        let room = spare.capacity() - spare.len();
        assert!(room > 0);
        assert!(
            spare.capacity() <= 4 * arrived.max(16 << 10) + (64 << 10),
            "{} bytes of room for {arrived}",
            spare.capacity()
        );
        let size = sizes.next().unwrap_or(usize::MAX).min(room).min(left.len());
        let (now, later) = left.split_at(size);
        spare.extend_from_slice(now);
        left = later;
    }
    assert_eq!(end, None);
    assert_eq!(frames, expected);
    let announced = rest
        .first_chunk()
        .map(|length| u32::from_be_bytes(*length) as usize);
    let partial = (!rest.is_empty()).then(|| (rest.len().saturating_sub(PREFIX), announced));
    assert_eq!(buffer.partial(), partial);
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Http,
    Tls,
    Negative,
    TooLarge,
}

fn kind(error: &FrameError) -> Kind {
    match error {
        FrameError::Http => Kind::Http,
        FrameError::Tls => Kind::Tls,
        FrameError::Negative { .. } => Kind::Negative,
        FrameError::TooLarge { .. } => Kind::TooLarge,
    }
}

/// The frames of a stream, the error that ends it, and what is left over.
fn by_hand(mut stream: &[u8], max: usize) -> (Vec<Bytes>, Option<Kind>, &[u8]) {
    let mut frames = Vec::new();
    loop {
        let Some((&prefix, rest)) = stream.split_first_chunk::<PREFIX>() else {
            return (frames, None, stream);
        };
        let end = match (prefix, i32::from_be_bytes(prefix)) {
            ([b'H', b'T', b'T', b'P'], _) if frames.is_empty() => Kind::Http,
            ([0x15 | 0x16, 3, ..], _) if frames.is_empty() => Kind::Tls,
            (_, ..0) => Kind::Negative,
            (_, length) if length as usize > max => Kind::TooLarge,
            (_, length) => {
                let Some((frame, rest)) = rest.split_at_checked(length as usize) else {
                    return (frames, None, stream);
                };
                frames.push(Bytes::copy_from_slice(frame));
                stream = rest;
                continue;
            }
        };
        return (frames, Some(end), stream);
    }
}
