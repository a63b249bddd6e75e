//! Where messages are written: one buffer that grows, and record sets by reference.

use std::num::TryFromIntError;

use bytes::Bytes;

use crate::error::{EncodeError, EncodeReason};
use crate::records::Records;
use crate::text::Str;
use crate::version::Ver;

/// What writing returns.
pub(crate) type Encoded = Result<(), EncodeError>;

/// A byte that was left for a varint: where it is, and how much had been written after it.
#[derive(Debug)]
pub(crate) struct Later {
    at: usize,
    after: usize,
}

/// Writes into memory that grows, and leaves record sets where they are: it notes where they belong.
#[derive(Debug, Default)]
pub struct Sink {
    buf: Vec<u8>,
    /// Each with the place in `buf` that it comes before.
    links: Vec<(usize, Bytes)>,
    linked: usize,
}

impl Sink {
    /// Bytes so far, those of record sets included.
    pub(crate) fn len(&self) -> usize {
        self.buf.len() + self.linked
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    #[inline]
    pub(crate) fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.buf.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.buf.push(value as u8);
    }

    /// Leaves a byte, 0, for an unsigned varint that will be known later.
    #[inline]
    pub(crate) fn uvarint_later(&mut self) -> Later {
        let at = self.buf.len();
        self.buf.push(0);
        Later {
            at,
            after: self.len(),
        }
    }

    /// Writes a varint where a byte was left for it.
    pub(crate) fn set_uvarint(&mut self, later: &Later, value: u32) {
        match self.buf.get_mut(later.at) {
            Some(byte) if value < 0x80 => *byte = value as u8,
            _ => self.insert_uvarint(later.at, value),
        }
    }

    /// Writes how much follows a byte that was left for it.
    pub(crate) fn set_length(&mut self, later: &Later) -> Encoded {
        let length = self.len() - later.after;
        // As for any length, readers on the other side hold it in an i32.
        let checked = i32::try_from(length).map_err(|_| too_long(length))?;
        self.set_uvarint(later, checked.cast_unsigned());
        Ok(())
    }

    #[cold]
    fn insert_uvarint(&mut self, at: usize, value: u32) {
        let mut varint = Self::default();
        varint.uvarint(value);
        let more = varint.buf.len() - 1;
        self.buf.splice(at..=at, varint.buf);
        // Places ascend, so only the last few can lie behind.
        let behind = self.links.iter_mut().rev();
        for (place, _) in behind.take_while(|(place, _)| *place > at) {
            *place += more;
        }
    }

    /// The length in front of a string; `None` is null.
    #[inline]
    pub(crate) fn short_length(&mut self, length: Option<usize>, ver: Ver) -> Encoded {
        if self.one_byte_length(length, ver) {
            return Ok(());
        }
        if let Some(length) = length.filter(|length| *length > Str::MAX_LEN) {
            return Err(too_long(length));
        }
        self.any_length(length, ver, |length| {
            i16::try_from(length).map(i16::to_be_bytes)
        })
    }

    /// The length in front of bytes, of records or of an array; `None` is null.
    #[inline]
    pub(crate) fn long_length(&mut self, length: Option<usize>, ver: Ver) -> Encoded {
        if self.one_byte_length(length, ver) {
            return Ok(());
        }
        self.any_length(length, ver, |length| {
            i32::try_from(length).map(i32::to_be_bytes)
        })
    }

    /// Writes a compact length of one byte, as nearly all are, if this is one.
    #[inline]
    fn one_byte_length(&mut self, length: Option<usize>, ver: Ver) -> bool {
        let more = length.map_or(0, |length| length.saturating_add(1));
        let is_one = ver.flexible && more < 0x80;
        if is_one {
            self.buf.push(more as u8);
        }
        is_one
    }

    #[inline(never)]
    fn any_length<const N: usize>(
        &mut self,
        length: Option<usize>,
        ver: Ver,
        fixed: fn(usize) -> Result<[u8; N], TryFromIntError>,
    ) -> Encoded {
        let Some(length) = length else {
            self.put(if ver.flexible { &[0] } else { &[0xff; N] });
            return Ok(());
        };
        if !ver.flexible {
            self.put(&fixed(length).map_err(|_| too_long(length))?);
            return Ok(());
        }
        // Readers on the other side hold lengths in an i32.
        let length = i32::try_from(length).map_err(|_| too_long(length))?;
        self.uvarint(length.cast_unsigned() + 1);
        Ok(())
    }

    pub(crate) fn records(&mut self, records: &Records) {
        for segment in records.segments() {
            self.link(segment);
        }
    }

    /// Bytes that stay where they are.
    pub(crate) fn link(&mut self, segment: &Bytes) {
        if !segment.is_empty() {
            self.links.push((self.buf.len(), segment.clone()));
            self.linked += segment.len();
        }
    }

    /// Everything in order: slices of the one buffer, and record sets between them.
    fn into_segments(self) -> Vec<Bytes> {
        let mut own = Bytes::from(self.buf);
        let mut segments = Vec::with_capacity(2 * self.links.len() + 1);
        let mut cut = 0;
        for (at, linked) in self.links {
            if at > cut {
                segments.push(own.split_to(at - cut));
                cut = at;
            }
            segments.push(linked);
        }
        if !own.is_empty() {
            segments.push(own);
        }
        segments
    }
}

#[cold]
pub(crate) fn too_long(length: usize) -> EncodeError {
    EncodeError::new(EncodeReason::TooLong(length))
}

/// Bytes to be written one after the other: record sets by reference, all else in slices of one allocation.
///
/// ```
/// use milena_protocol::{Message, metadata::MetadataRequest};
/// let segments = MetadataRequest::default().encode(4)?;
/// assert_eq!(segments.len(), 5); // an empty list of topics, and the flag
/// for bytes in segments {
///     let _to_socket = bytes;
/// }
/// # Ok::<(), milena_protocol::EncodeError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segments(Vec<Bytes>);

impl Segments {
    /// All bytes of all segments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there is not a single byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// The segments in order. None of them is empty.
    #[must_use]
    pub fn as_slice(&self) -> &[Bytes] {
        &self.0
    }

    /// The segments in order. None of them is empty.
    #[must_use]
    pub fn into_vec(self) -> Vec<Bytes> {
        self.0
    }

    /// Everything in one piece: a copy, unless there is only one segment.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match <[Bytes; 1]>::try_from(self.0) {
            Ok([only]) => only,
            Err(many) => many.concat().into(),
        }
    }
}

impl From<Bytes> for Segments {
    fn from(bytes: Bytes) -> Self {
        Self(if bytes.is_empty() {
            Vec::new()
        } else {
            vec![bytes]
        })
    }
}

impl IntoIterator for Segments {
    type Item = Bytes;
    type IntoIter = std::vec::IntoIter<Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Segments {
    type Item = &'a Bytes;
    type IntoIter = std::slice::Iter<'a, Bytes>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

/// Room for most messages, so that few grow.
const ROOM: usize = 512;

/// What `write` writes.
pub(crate) fn assemble(write: &dyn Fn(&mut Sink) -> Encoded) -> Result<Segments, EncodeError> {
    let mut sink = Sink::default();
    sink.buf.reserve(ROOM);
    write(&mut sink)?;
    Ok(Segments(sink.into_segments()))
}

/// What `write` writes, and the length of it in front.
pub(crate) fn frame(write: &dyn Fn(&mut Sink) -> Encoded) -> Result<Segments, EncodeError> {
    const LENGTH: [u8; 4] = [0; 4];
    let mut sink = Sink::default();
    sink.buf.reserve(ROOM);
    sink.put(&LENGTH);
    write(&mut sink)?;
    let length = sink.len() - LENGTH.len();
    let checked = i32::try_from(length).map_err(|_| too_long(length))?;
    if let Some(place) = sink.buf.first_chunk_mut() {
        *place = checked.to_be_bytes();
    }
    Ok(Segments(sink.into_segments()))
}
