//! What a row of a table can hold: how each type is read, written, and how small it can be.
//!
//! The shape on the wire follows the Rust type. A new wire type is one `impl Field` here, a name in
//! [`Type`](crate::schema::Type), and a value in [`tree`](crate::tree).

use bytes::Bytes;

use crate::error::{DecodeError, DecodeReason, EncodeError, EncodeReason, StepOut};
use crate::error_code::ErrorCode;
use crate::float::Float64;
use crate::records::Records;
use crate::schema::Type;
use crate::sink::{Encoded, Sink};
use crate::text::Str;
use crate::uuid::Uuid;
use crate::version::Ver;
use crate::wire::{Frame, Parsed, Wire, array, arrays, long_length, short_length, span};

/// A type that a row of a table can have.
pub trait Field: Sized {
    /// The wire type.
    const TYPE: Type;

    /// The value a row has without a default of its own: zero, false, empty.
    fn initial() -> Self;

    /// The fewest bytes a value takes, null included. Bounds what a count may claim.
    fn least(ver: Ver) -> usize;

    /// Reads a value and hands it to `keep`, which puts it where it belongs. A value that is returned is copied on its
    /// way, mostly more than once, and for a record set that takes longer than to read it.
    fn read_to<'a, R>(
        i: Wire<'a>,
        frame: &Frame<'a>,
        keep: impl FnOnce(Self) -> R,
    ) -> Parsed<'a, R>;

    #[inline]
    fn read<'a>(i: Wire<'a>, frame: &Frame<'a>) -> Parsed<'a, Self> {
        Self::read_to(i, frame, |value| value)
    }

    fn write(&self, out: &mut Sink, ver: Ver) -> Encoded;

    /// Reads as many elements of an array as it claims to have; `start` is where the claim stands.
    #[inline]
    fn read_elements<'a, R>(
        start: Wire<'a>,
        i: Wire<'a>,
        count: usize,
        frame: &Frame<'a>,
        keep: impl FnOnce(Vec<Self>) -> R,
    ) -> Parsed<'a, R> {
        let least = Self::least(frame.ver);
        let (rest, elements) = read_elements_by(start, i, count, least, |i, elements| {
            Self::read_to(i, frame, |element| elements.push(element))
        })?;
        Ok((rest, keep(elements)))
    }

    fn write_elements(elements: &[Self], out: &mut Sink, ver: Ver) -> Encoded {
        for (index, element) in elements.iter().enumerate() {
            element
                .write(out, ver)
                .map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }

    /// The fewest bytes where null is allowed.
    fn least_nullable(_: Ver) -> usize {
        1
    }

    /// Reads a value or null. Structs have a byte in front, negative for null; types with a length say it there.
    fn read_nullable<'a>(i: Wire<'a>, frame: &Frame<'a>) -> Parsed<'a, Option<Self>> {
        let (rest, marker) = i8::read(i, frame)?;
        if marker < 0 {
            return Ok((rest, None));
        }
        Self::read_to(rest, frame, Some)
    }

    fn write_nullable(value: Option<&Self>, out: &mut Sink, ver: Ver) -> Encoded {
        match value {
            None => (-1_i8).write(out, ver),
            Some(value) => {
                1_i8.write(out, ver)?;
                value.write(out, ver)
            }
        }
    }
}

/// The type inside a nullable row.
pub(crate) trait Nullable {
    type Inner: Field;
}

impl<T: Field> Nullable for Option<T> {
    type Inner = T;
}

/// Whether a value is not the default. Names the type of both, which a bare `!=` leaves open.
#[inline]
pub(crate) fn differs<T: PartialEq>(value: &T, default: &T) -> bool {
    value != default
}

/// Reads a value that is nullable in some versions; `null` says whether in this one.
#[inline]
pub(crate) fn read_nullable<'a, T: Field>(
    i: Wire<'a>,
    frame: &Frame<'a>,
    null: bool,
) -> Parsed<'a, Option<T>> {
    if null {
        return T::read_nullable(i, frame);
    }
    T::read_to(i, frame, Some)
}

/// The value of a tagged row, which must fill the tag's bytes.
pub(crate) fn whole<'a, T>(
    parsed: Parsed<'a, T>,
    row: &'static str,
) -> Result<T, nom::Err<DecodeError>> {
    let whole = parsed.and_then(|(rest, value)| rest.end().map(|()| value));
    whole.map_err(|error| error.in_row(row))
}

/// Writes a value that is nullable in some versions.
#[inline]
pub(crate) fn write_nullable<T: Field>(
    value: Option<&T>,
    out: &mut Sink,
    ver: Ver,
    null: bool,
) -> Encoded {
    match value {
        _ if null => T::write_nullable(value, out, ver),
        Some(value) => value.write(out, ver),
        None => Err(EncodeError::new(EncodeReason::Null)),
    }
}

macro_rules! fixed {
    ($($ty:ty: $wire:ident, $size:literal, $from:expr, $to:expr;)*) => {$(
        impl Field for $ty {
            const TYPE: Type = Type::$wire;

            fn initial() -> Self {
                Self::default()
            }

            fn least(_: Ver) -> usize {
                $size
            }

            #[inline]
            fn read_to<'a, R>(
                i: Wire<'a>,
                _: &Frame<'a>,
                keep: impl FnOnce(Self) -> R,
            ) -> Parsed<'a, R> {
                let (i, bytes) = array::<$size>(i)?;
                Ok((i, keep($from(bytes))))
            }

            #[inline]
            fn read_elements<'a, R>(
                start: Wire<'a>,
                i: Wire<'a>,
                count: usize,
                _: &Frame<'a>,
                keep: impl FnOnce(Vec<Self>) -> R,
            ) -> Parsed<'a, R> {
                check_count(start, i, count, $size)?;
                let (i, bytes) = arrays::<$size>(i, count)?;
                Ok((i, keep(bytes.iter().map(|bytes| $from(*bytes)).collect())))
            }

            #[inline]
            fn write(&self, out: &mut Sink, _: Ver) -> Encoded {
                out.put(&$to(*self));
                Ok(())
            }

            #[inline]
            fn write_elements(elements: &[Self], out: &mut Sink, _: Ver) -> Encoded {
                for element in elements {
                    out.put(&$to(*element));
                }
                Ok(())
            }
        }
    )*};
}

fixed! {
    bool: Bool, 1, |[byte]: [u8; 1]| byte != 0, |value| [u8::from(value)];
    i8: Int8, 1, Self::from_be_bytes, Self::to_be_bytes;
    i16: Int16, 2, Self::from_be_bytes, Self::to_be_bytes;
    i32: Int32, 4, Self::from_be_bytes, Self::to_be_bytes;
    i64: Int64, 8, Self::from_be_bytes, Self::to_be_bytes;
    u16: Uint16, 2, Self::from_be_bytes, Self::to_be_bytes;
    Float64: Float64, 8, |bytes| Self(f64::from_be_bytes(bytes)), |value: Self| value.0.to_be_bytes();
    Uuid: Uuid, 16, Self, |id: Self| id.0;
    ErrorCode: Int16, 2, |bytes| Self(i16::from_be_bytes(bytes)), |code: Self| code.0.to_be_bytes();
}

/// A type whose null is told by its length: how to read the length, the value, and both back.
macro_rules! measured {
    ($([$($of:tt)*] $ty:ty: $wire:expr, $read_length:ident, $least:literal, $read:expr, $count:expr, $write:expr;)*) => {$(
        impl $($of)* Field for $ty {
            const TYPE: Type = $wire;

            fn initial() -> Self {
                Self::default()
            }

            fn least(ver: Ver) -> usize {
                if ver.flexible { 1 } else { $least }
            }

            fn least_nullable(ver: Ver) -> usize {
                Self::least(ver)
            }

            #[inline]
            fn read_to<'a, R>(
                i: Wire<'a>,
                frame: &Frame<'a>,
                keep: impl FnOnce(Self) -> R,
            ) -> Parsed<'a, R> {
                match $read_length(i, frame.ver)? {
                    (rest, Some(length)) => $read(i, rest, length, frame, keep),
                    (_, None) => Err(i.fail(DecodeReason::Null)),
                }
            }

            #[inline]
            fn read_nullable<'a>(i: Wire<'a>, frame: &Frame<'a>) -> Parsed<'a, Option<Self>> {
                match $read_length(i, frame.ver)? {
                    (rest, Some(length)) => $read(i, rest, length, frame, Some),
                    (rest, None) => Ok((rest, None)),
                }
            }

            fn write(&self, out: &mut Sink, ver: Ver) -> Encoded {
                out.$read_length(Some($count(self)), ver)?;
                $write(self, out, ver)
            }

            fn write_nullable(value: Option<&Self>, out: &mut Sink, ver: Ver) -> Encoded {
                match value {
                    Some(value) => value.write(out, ver),
                    None => out.$read_length(None, ver),
                }
            }
        }
    )*};
}

measured! {
    [] Str: Type::String, short_length, 2, read_text, |text: &Self| text.len(), write_text;
    [] Bytes: Type::Bytes, long_length, 4, read_bytes, Self::len, write_bytes;
    [] Records: Type::Records, long_length, 4, read_records, Self::len, write_records;
    [<T: Field>] Vec<T>: Type::Array(&T::TYPE), long_length, 4, T::read_elements, Self::len, |list: &Self, out, ver| T::write_elements(list, out, ver);
}

fn read_text<'a, R>(
    start: Wire<'a>,
    i: Wire<'a>,
    length: usize,
    frame: &Frame<'a>,
    keep: impl FnOnce(Str) -> R,
) -> Parsed<'a, R> {
    if length > Str::MAX_LEN {
        return Err(start.fail(DecodeReason::TextTooLong(length)));
    }
    let (rest, text) = span(i, length)?;
    match Str::try_from(frame.share(text)) {
        Ok(text) => Ok((rest, keep(text))),
        Err(_) => Err(start.fail(DecodeReason::Utf8)),
    }
}

fn write_text(text: &Str, out: &mut Sink, _: Ver) -> Encoded {
    out.put(text.as_bytes());
    Ok(())
}

#[inline]
fn read_bytes<'a, R>(
    _: Wire<'a>,
    i: Wire<'a>,
    length: usize,
    frame: &Frame<'a>,
    keep: impl FnOnce(Bytes) -> R,
) -> Parsed<'a, R> {
    let (rest, bytes) = span(i, length)?;
    Ok((rest, keep(frame.share(bytes))))
}

fn write_bytes(bytes: &Bytes, out: &mut Sink, _: Ver) -> Encoded {
    out.put(bytes);
    Ok(())
}

#[inline]
fn read_records<'a, R>(
    start: Wire<'a>,
    i: Wire<'a>,
    length: usize,
    frame: &Frame<'a>,
    keep: impl FnOnce(Records) -> R,
) -> Parsed<'a, R> {
    read_bytes(start, i, length, frame, |bytes| keep(bytes.into()))
}

fn write_records(records: &Records, out: &mut Sink, _: Ver) -> Encoded {
    out.records(records);
    Ok(())
}

/// A first reservation takes no more memory than this, or than the frame has bytes left.
const FREE_RESERVE: usize = 16 * 1024;

/// Memory for values of which `count` are announced, in so many bytes as are left.
pub(crate) fn room_for<T>(count: usize, left: usize) -> Vec<T> {
    let room = left.max(FREE_RESERVE) / size_of::<T>().max(1);
    Vec::with_capacity(count.min(room))
}

/// Refuses a count of elements that the bytes left cannot hold.
#[inline]
pub(crate) fn check_count(
    start: Wire<'_>,
    i: Wire<'_>,
    claimed: usize,
    least: usize,
) -> Result<(), nom::Err<DecodeError>> {
    let left = i.len();
    // An element without a byte is taken for one byte, or a count alone could keep a loop busy for minutes.
    if claimed > left / least.max(1) {
        return Err(start.fail(DecodeReason::LyingCount { claimed, left }));
    }
    Ok(())
}

/// Reads `count` elements of which each takes `least` bytes or more: `read` adds one to the list. `start` is where the
/// count stands.
#[inline(never)]
pub(crate) fn read_elements_by<'a, T>(
    start: Wire<'a>,
    mut i: Wire<'a>,
    count: usize,
    least: usize,
    read: impl Fn(Wire<'a>, &mut Vec<T>) -> Parsed<'a, ()>,
) -> Parsed<'a, Vec<T>> {
    check_count(start, i, count, least)?;
    let mut elements = room_for(count, i.len());
    while elements.len() < count {
        if elements.len() == elements.capacity() {
            // As much again, but never more than there will be.
            elements.reserve_exact(elements.len().min(count - elements.len()));
        }
        match read(i, &mut elements) {
            Ok((rest, ())) => i = rest,
            Err(error) => return Err(error.in_element(elements.len())),
        }
    }
    Ok((i, elements))
}
