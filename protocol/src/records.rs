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
pub struct Records(Cut);

#[derive(Clone)]
enum Cut {
    /// What a frame gives; no allocation.
    One(Bytes),
    Many {
        segments: Vec<Bytes>,
        len: usize,
    },
}

impl Default for Cut {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

impl Records {
    /// A record set of several pieces, to be written one after the other.
    #[must_use]
    pub fn from_segments(segments: Vec<Bytes>) -> Self {
        let len = segments.iter().map(Bytes::len).sum();
        Self(Cut::Many { segments, len })
    }

    /// Bytes of all segments.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Cut::One(bytes) => bytes.len(),
            Cut::Many { len, .. } => *len,
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
        match &self.0 {
            Cut::One(bytes) => std::slice::from_ref(bytes),
            Cut::Many { segments, .. } => segments,
        }
    }

    /// Everything in one piece: a copy, unless there is only one segment.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Cut::One(bytes) => bytes,
            Cut::Many { segments, .. } => match <[Bytes; 1]>::try_from(segments) {
                Ok([only]) => only,
                Err(many) => many.concat().into(),
            },
        }
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self(Cut::One(bytes))
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        if let (Cut::One(a), Cut::One(b)) = (&self.0, &other.0) {
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
