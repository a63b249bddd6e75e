//! What all parsers are made of: the frame that is read, and the few shapes that everything in it has.

use bytes::Bytes;
use nom::bytes::complete::take;
use nom::{IResult, Input, Needed};

use crate::error::{DecodeError, DecodeReason};
use crate::version::Ver;

/// What a parser returns: the bytes that are left, and the value.
pub(crate) type Parsed<'a, T> = IResult<Wire<'a>, T, DecodeError>;

/// The bytes still to be read. Just a slice, so that it stays in registers.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a>(&'a [u8]);

impl<'a> Wire<'a> {
    pub(crate) fn new(frame: &'a Bytes) -> Self {
        Self(frame)
    }

    /// Bytes left.
    #[inline]
    pub(crate) fn len(self) -> usize {
        self.0.len()
    }

    /// Where in memory the next byte is.
    pub(crate) fn address(self) -> usize {
        self.0.as_ptr().addr()
    }

    #[cold]
    pub(crate) fn fail(self, reason: DecodeReason) -> nom::Err<DecodeError> {
        nom::Err::Error(DecodeError::new(self, reason))
    }

    /// That a value needs so many bytes.
    #[cold]
    fn truncated(self, needed: usize) -> nom::Err<DecodeError> {
        let left = self.len();
        self.fail(DecodeReason::Truncated { needed, left })
    }

    /// A handle on what is left of the frame, sharing it.
    #[inline]
    pub(crate) fn share(self, frame: &Bytes) -> Bytes {
        frame.slice_ref(self.0)
    }

    /// Refuses bytes that nobody read.
    #[inline]
    pub(crate) fn end(self) -> Result<(), nom::Err<DecodeError>> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(self.fail(DecodeReason::Trailing(self.len())))
    }
}

impl<'a> Input for Wire<'a> {
    type Item = u8;
    type Iter = std::iter::Copied<std::slice::Iter<'a, u8>>;
    type IterIndices = std::iter::Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.0.len()
    }

    fn take(&self, index: usize) -> Self {
        self.take_split(index).1
    }

    fn take_from(&self, index: usize) -> Self {
        self.take_split(index).0
    }

    /// What follows `index` first, then what precedes it, as nom wants it.
    fn take_split(&self, index: usize) -> (Self, Self) {
        let (head, tail) = self.0.split_at_checked(index).unwrap_or((self.0, &[]));
        (Self(tail), Self(head))
    }

    fn position<P: Fn(u8) -> bool>(&self, predicate: P) -> Option<usize> {
        self.0.iter().position(|byte| predicate(*byte))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.0.iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        match count.checked_sub(self.0.len()) {
            None | Some(0) => Ok(count),
            Some(missing) => Err(Needed::new(missing)),
        }
    }
}

/// All the bytes, and the version they are in.
///
/// Strings, bytes and record sets are handles on the frame instead of copies.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    bytes: &'a Bytes,
    pub(crate) ver: Ver,
}

impl<'a> Frame<'a> {
    pub(crate) const fn new(bytes: &'a Bytes, ver: Ver) -> Self {
        Self { bytes, ver }
    }

    /// A handle on a part of the frame.
    #[inline]
    pub(crate) fn share(&self, part: Wire<'_>) -> Bytes {
        part.share(self.bytes)
    }
}

/// The next `count` bytes.
#[inline]
pub(crate) fn span(i: Wire<'_>, count: usize) -> Parsed<'_, Wire<'_>> {
    // That bytes are missing is all that `take` says; it does not say how many it was to take.
    take(count)(i).map_err(|_: nom::Err<DecodeError>| i.truncated(count))
}

/// The next `N` bytes by value.
#[inline]
pub(crate) fn array<const N: usize>(i: Wire<'_>) -> Parsed<'_, [u8; N]> {
    match i.0.split_first_chunk() {
        Some((bytes, rest)) => Ok((Wire(rest), *bytes)),
        None => Err(i.truncated(N)),
    }
}

/// The next `count` runs of `N` bytes.
#[inline]
pub(crate) fn arrays<const N: usize>(i: Wire<'_>, count: usize) -> Parsed<'_, &[[u8; N]]> {
    let (rest, bytes) = span(i, count.saturating_mul(N))?;
    Ok((rest, bytes.0.as_chunks().0))
}

/// An unsigned varint of at most 32 bits: seven bits a byte, the lowest first.
#[inline]
pub(crate) fn uvarint(i: Wire<'_>) -> Parsed<'_, u32> {
    // Nearly every length takes one byte or two.
    match i.0 {
        [one, rest @ ..] if *one < 0x80 => Ok((Wire(rest), u32::from(*one))),
        [one, two, rest @ ..] if *two < 0x80 => {
            Ok((Wire(rest), u32::from(*two) << 7 | u32::from(*one & 0x7f)))
        }
        _ => long_uvarint(i),
    }
}

#[cold]
fn long_uvarint(i: Wire<'_>) -> Parsed<'_, u32> {
    let mut value = 0;
    for (n, byte) in i.iter_indices().take(5) {
        let bits = u32::from(byte & 0x7f);
        if n == 4 && byte > 0x0f {
            return Err(i.fail(DecodeReason::Varint));
        }
        value |= bits << (7 * n);
        if byte < 0x80 {
            return Ok((i.take_from(n + 1), value));
        }
    }
    Err(i.truncated(i.len() + 1))
}

/// The length of a string; `None` is null.
#[inline(always)]
pub(crate) fn short_length(i: Wire<'_>, ver: Ver) -> Parsed<'_, Option<usize>> {
    if ver.flexible {
        return compact_length(i);
    }
    let (rest, bytes) = array(i)?;
    signed_length(i, rest, i16::from_be_bytes(bytes).into())
}

/// The length of bytes, of records or of an array; `None` is null.
#[inline(always)]
pub(crate) fn long_length(i: Wire<'_>, ver: Ver) -> Parsed<'_, Option<usize>> {
    if ver.flexible {
        return compact_length(i);
    }
    let (rest, bytes) = array(i)?;
    signed_length(i, rest, i32::from_be_bytes(bytes))
}

#[inline(always)]
fn signed_length<'a>(start: Wire<'a>, rest: Wire<'a>, length: i32) -> Parsed<'a, Option<usize>> {
    match (length, usize::try_from(length)) {
        (_, Ok(length)) => Ok((rest, Some(length))),
        (-1, _) => Ok((rest, None)),
        _ => Err(start.fail(DecodeReason::NegativeLength(length))),
    }
}

/// One more than the length, so that 0 is left for null.
#[inline(always)]
fn compact_length(i: Wire<'_>) -> Parsed<'_, Option<usize>> {
    let (rest, more) = uvarint(i)?;
    Ok((rest, (more as usize).checked_sub(1)))
}
