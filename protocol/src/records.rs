//! A record set: several shared segments on the way out, one on the way in.

use std::fmt;

use bytes::Bytes;

/// The bytes of one or more record batches, never copied by this crate.
///
/// Two record sets are equal when their bytes are, however they are cut.
///
/// ```
/// use bytes::Bytes;
/// use milena_protocol::Records;
/// let cut = Records::from_segments(vec![Bytes::from_static(b"head"), Bytes::from_static(b"body")]);
/// assert_eq!(cut, Records::from(Bytes::from_static(b"headbody")));
/// assert_eq!((cut.len(), cut.segments().len()), (8, 2));
/// ```
#[derive(Clone, Default)]
pub struct Records {
    /// What a frame gives, without an allocation; empty when there are several.
    one: Bytes,
    many: Option<Box<Many>>,
}

/// Behind a box, for what is read is in one piece and is copied faster the smaller it is.
#[derive(Clone)]
struct Many {
    segments: Vec<Bytes>,
    len: usize,
}

impl Records {
    /// A record set of several pieces, to be written one after the other.
    #[must_use]
    pub fn from_segments(segments: Vec<Bytes>) -> Self {
        match <[Bytes; 1]>::try_from(segments) {
            Ok([one]) => one.into(),
            Err(segments) => {
                let len = segments.iter().map(Bytes::len).sum();
                Self {
                    one: Bytes::new(),
                    many: Some(Box::new(Many { segments, len })),
                }
            }
        }
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.many {
            None => self.one.len(),
            Some(many) => many.len,
        }
    }

    /// Whether there is not a single byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The pieces in order.
    #[must_use]
    pub fn segments(&self) -> &[Bytes] {
        match &self.many {
            None => std::slice::from_ref(&self.one),
            Some(many) => &many.segments,
        }
    }

    /// Everything in one piece: a copy, unless there is only one segment.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.many {
            None => self.one,
            Some(many) => many.segments.concat().into(),
        }
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self {
            one: bytes,
            many: None,
        }
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        if let ([a], [b]) = (self.segments(), other.segments()) {
            return a == b;
        }
        self.len() == other.len()
            && self
                .segments()
                .iter()
                .flatten()
                .eq(other.segments().iter().flatten())
    }
}

impl Eq for Records {}

/// Says how much there is, not what: a batch is opaque here and may be a megabyte.
impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Records({} bytes)", self.len())
    }
}
