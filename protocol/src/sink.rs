//! Where messages are written: one concrete sink that counts, fills a slice, and keeps record sets by reference.

use bytes::Bytes;

use crate::error::{EncodeError, EncodeReason, Step};
use crate::records::Records;
use crate::version::Ver;

/// What writing returns.
pub(crate) type Encoded = Result<(), EncodeError>;

/// Writes what fits into a slice and counts everything, as `snprintf` does.
///
/// One type serves three uses, so that each message is compiled for writing once: on an empty slice it counts, on a
/// slice of the counted length it fills it exactly, and with links it leaves record sets out of the slice and notes
/// where they belong.
#[derive(Debug)]
pub struct Sink<'a> {
    buf: &'a mut [u8],
    at: usize,
    links: Links<'a>,
}

#[derive(Debug)]
enum Links<'a> {
    /// Record sets are copied like everything else.
    Copied,
    Counted {
        segments: usize,
        bytes: usize,
    },
    Kept(&'a mut Vec<(usize, Bytes)>),
}

impl Sink<'_> {
    pub(crate) fn counting() -> Self {
        Self {
            buf: &mut [],
            at: 0,
            links: Links::Copied,
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let end = self.at + bytes.len();
        if let Some(room) = self.buf.get_mut(self.at..end) {
            room.copy_from_slice(bytes);
        }
        self.at = end;
    }

    pub(crate) fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.put(&[value as u8 | 0x80]);
            value >>= 7;
        }
        self.put(&[value as u8]);
    }

    /// The length in front of a string; `None` is null.
    pub(crate) fn short_length(&mut self, length: Option<usize>, ver: Ver) -> Encoded {
        if ver.flexible {
            return self.compact_length(length);
        }
        let length = length.map_or(Ok(-1), |n| i16::try_from(n).map_err(|_| too_long(n)))?;
        self.put(&length.to_be_bytes());
        Ok(())
    }

    /// The length in front of bytes, of records or of an array; `None` is null.
    pub(crate) fn long_length(&mut self, length: Option<usize>, ver: Ver) -> Encoded {
        if ver.flexible {
            return self.compact_length(length);
        }
        let length = length.map_or(Ok(-1), |n| i32::try_from(n).map_err(|_| too_long(n)))?;
        self.put(&length.to_be_bytes());
        Ok(())
    }

    fn compact_length(&mut self, length: Option<usize>) -> Encoded {
        let more = match length {
            None => 0,
            // Readers on the other side hold lengths in an i32.
            Some(n) => i32::try_from(n).map_err(|_| too_long(n))?.cast_unsigned() + 1,
        };
        self.uvarint(more);
        Ok(())
    }

    pub(crate) fn records(&mut self, records: &Records) {
        for segment in records.segments() {
            match &mut self.links {
                Links::Copied => self.put(segment),
                Links::Counted { segments, bytes } => {
                    *segments += 1;
                    *bytes += segment.len();
                }
                Links::Kept(links) => links.push((self.at, segment.clone())),
            }
        }
    }
}

#[cold]
fn too_long(length: usize) -> EncodeError {
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

/// How many bytes `write` writes, record sets included.
pub(crate) fn measure(write: &dyn Fn(&mut Sink<'_>) -> Encoded) -> Result<usize, EncodeError> {
    let mut sink = Sink::counting();
    write(&mut sink)?;
    Ok(sink.at)
}

/// Runs `write` twice: to count, then into one buffer of that size with the record sets linked in between.
/// `framed` puts the length of everything in front.
pub(crate) fn assemble(
    framed: bool,
    write: &dyn Fn(&mut Sink<'_>) -> Encoded,
) -> Result<Segments, EncodeError> {
    let mut count = Sink {
        buf: &mut [],
        at: 0,
        links: Links::Counted {
            segments: 0,
            bytes: 0,
        },
    };
    write(&mut count)?;
    let (segments, linked) = match count.links {
        Links::Counted { segments, bytes } => (segments, bytes),
        Links::Copied | Links::Kept(_) => (0, 0),
    };
    let prefix = if framed { 4 } else { 0 };
    let mut buf = vec![0; prefix + count.at];
    let mut links = Vec::with_capacity(segments);
    let mut sink = Sink {
        buf: &mut buf,
        at: 0,
        links: Links::Kept(&mut links),
    };
    if framed {
        let length = i32::try_from(count.at + linked).map_err(|_| too_long(count.at + linked))?;
        sink.put(&length.to_be_bytes());
    }
    write(&mut sink)?;

    let mut own = Bytes::from(buf);
    let mut parts = Vec::with_capacity(2 * segments + 1);
    let mut cut = 0;
    for (at, segment) in links {
        if at > cut {
            parts.push(own.split_to(at - cut));
            cut = at;
        }
        if !segment.is_empty() {
            parts.push(segment);
        }
    }
    if !own.is_empty() {
        parts.push(own);
    }
    Ok(Segments(parts))
}

/// Adds the name of a field to an error on its way out.
#[cold]
pub(crate) fn in_field(error: EncodeError, name: &'static str) -> EncodeError {
    error.within(Step::Field(name))
}
