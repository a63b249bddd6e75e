//! The input of all parsers: a cursor that knows its frame, and the few shapes everything else is made of.

use bytes::Bytes;
use nom::bytes::complete::take;
use nom::{IResult, Input, Needed};

use crate::error::{DecodeError, DecodeReason};
use crate::version::Ver;

/// What a parser returns: the rest of the input and the value.
pub(crate) type Parsed<'a, T> = IResult<Wire<'a>, T, DecodeError>;

/// The bytes still to be read, and the frame they lie in.
///
/// The frame gives errors their offset, and strings, bytes and record sets a handle on it in place of a copy.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a> {
    frame: &'a Bytes,
    rest: &'a [u8],
}

impl<'a> Wire<'a> {
    pub(crate) fn new(frame: &'a Bytes) -> Self {
        Self { frame, rest: frame }
    }

    /// Bytes left.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Where in the frame the next byte is.
    pub(crate) fn offset(&self) -> usize {
        self.rest.as_ptr().addr() - self.frame.as_ptr().addr()
    }

    /// A handle on what is left, sharing the frame.
    pub(crate) fn to_bytes(self) -> Bytes {
        self.frame.slice_ref(self.rest)
    }

    #[cold]
    pub(crate) fn fail<T>(self, reason: DecodeReason) -> Result<T, nom::Err<DecodeError>> {
        Err(nom::Err::Error(DecodeError::new(self, reason)))
    }

    /// That one byte more would be needed, at least.
    pub(crate) fn truncated(&self) -> DecodeReason {
        let left = self.len();
        DecodeReason::Truncated {
            needed: left + 1,
            left,
        }
    }

    /// Refuses bytes that nobody read.
    pub(crate) fn end(self) -> Result<(), nom::Err<DecodeError>> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            self.fail(DecodeReason::Trailing(self.len()))
        }
    }
}

impl<'a> Input for Wire<'a> {
    type Item = u8;
    type Iter = std::iter::Copied<std::slice::Iter<'a, u8>>;
    type IterIndices = std::iter::Enumerate<Self::Iter>;

    fn input_len(&self) -> usize {
        self.rest.len()
    }

    fn take(&self, index: usize) -> Self {
        self.take_split(index).1
    }

    fn take_from(&self, index: usize) -> Self {
        self.take_split(index).0
    }

    /// What follows `index` first, then what precedes it, as nom wants it.
    fn take_split(&self, index: usize) -> (Self, Self) {
        let (head, tail) = self
            .rest
            .split_at_checked(index)
            .unwrap_or((self.rest, &[]));
        (
            Self {
                rest: tail,
                ..*self
            },
            Self {
                rest: head,
                ..*self
            },
        )
    }

    fn position<P: Fn(u8) -> bool>(&self, predicate: P) -> Option<usize> {
        self.rest.iter().position(|byte| predicate(*byte))
    }

    fn iter_elements(&self) -> Self::Iter {
        self.rest.iter().copied()
    }

    fn iter_indices(&self) -> Self::IterIndices {
        self.iter_elements().enumerate()
    }

    fn slice_index(&self, count: usize) -> Result<usize, Needed> {
        match count.checked_sub(self.rest.len()) {
            None | Some(0) => Ok(count),
            Some(missing) => Err(Needed::new(missing)),
        }
    }
}

/// The next `count` bytes, as an input of their own.
#[inline]
pub(crate) fn span(i: Wire<'_>, count: usize) -> Parsed<'_, Wire<'_>> {
    take(count)(i).map_err(|error: nom::Err<DecodeError>| error.map(|error| error.needing(count)))
}

/// The next `N` bytes by value.
#[inline]
pub(crate) fn array<const N: usize>(i: Wire<'_>) -> Parsed<'_, [u8; N]> {
    let (rest, head) = span(i, N)?;
    match head.rest.first_chunk() {
        Some(bytes) => Ok((rest, *bytes)),
        None => i.fail(i.truncated()),
    }
}

/// The next `count` runs of `N` bytes.
#[inline]
pub(crate) fn arrays<const N: usize>(i: Wire<'_>, count: usize) -> Parsed<'_, &[[u8; N]]> {
    let (rest, head) = span(i, count.saturating_mul(N))?;
    Ok((rest, head.rest.as_chunks().0))
}

/// An unsigned varint of at most 32 bits: seven bits a byte, the lowest first.
#[inline]
pub(crate) fn uvarint(i: Wire<'_>) -> Parsed<'_, u32> {
    // Nearly every length takes one byte or two.
    match i.rest {
        [one, rest @ ..] if *one < 0x80 => Ok((Wire { rest, ..i }, u32::from(*one))),
        [one, two, rest @ ..] if *two < 0x80 => Ok((
            Wire { rest, ..i },
            u32::from(*two) << 7 | u32::from(*one & 0x7f),
        )),
        _ => long_uvarint(i),
    }
}

#[cold]
fn long_uvarint(i: Wire<'_>) -> Parsed<'_, u32> {
    let mut value = 0;
    for (n, byte) in i.iter_indices().take(5) {
        let bits = u32::from(byte & 0x7f);
        if n == 4 && byte > 0x0f {
            return i.fail(DecodeReason::Varint);
        }
        value |= bits << (7 * n);
        if byte < 0x80 {
            return Ok((i.take_from(n + 1), value));
        }
    }
    i.fail(i.truncated())
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
    match length {
        -1 => Ok((rest, None)),
        _ => match usize::try_from(length) {
            Ok(length) => Ok((rest, Some(length))),
            Err(_) => start.fail(DecodeReason::NegativeLength(length)),
        },
    }
}

/// One more than the length, so that 0 is left for null.
#[inline(always)]
fn compact_length(i: Wire<'_>) -> Parsed<'_, Option<usize>> {
    let (rest, more) = uvarint(i)?;
    Ok((rest, (more as usize).checked_sub(1)))
}
