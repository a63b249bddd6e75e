//! A walk over a body as `kafka-protocol` reads it: where it takes what Kafka does not, and where it must not be asked.

use std::ops::RangeInclusive;

use milena_protocol::schema::{FieldSchema, StructSchema, Type};
use milena_protocol::{DecodeError, DecodeReason, Str};

/// What a walk has seen.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// An array claims more elements than bytes are left.
    pub(super) lying_count: bool,
    pub(super) liberties: Vec<Liberty>,
}

/// A place where they read otherwise.
#[derive(Debug)]
pub(super) struct Liberty {
    kind: Kind,
    at: RangeInclusive<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// A varint of more than 32 bits is cut off.
    Varint,
    /// A string of a flexible version may have more than 32767 bytes.
    TextLength,
    /// Null where this version has none, though another one has.
    Null,
    /// A nullable struct counts as null unless the byte in front is 1.
    Marker,
    /// Tags may come in any order, and twice.
    TagOrder,
    /// A tagged field may be longer or shorter than its size says.
    TagSize,
    /// A tag is a signed number, and unknown ones below 0 are counted but not written.
    TagSign,
}

impl Liberty {
    /// Whether this is what an error of ours is about, or why it comes later.
    pub(super) fn explains(&self, error: &DecodeError) -> bool {
        if self.kind == Kind::Marker {
            // From here on, different fields are read.
            return error.offset() > *self.at.start();
        }
        let reason = match error.reason() {
            DecodeReason::Varint => self.kind == Kind::Varint,
            DecodeReason::TextTooLong(_) => self.kind == Kind::TextLength,
            DecodeReason::Null => self.kind == Kind::Null,
            DecodeReason::TagOrder(_) => self.kind == Kind::TagOrder,
            DecodeReason::Trailing(_)
            | DecodeReason::Truncated { .. }
            | DecodeReason::LyingCount { .. } => self.kind == Kind::TagSize,
            _ => false,
        };
        reason && self.at.contains(&error.offset())
    }

    /// Whether they may refuse what follows.
    pub(super) fn stops_them(&self) -> bool {
        self.kind == Kind::Marker
    }
}

/// The walk cannot go on, and neither can they.
struct Stop;

struct Walker<'a> {
    body: &'a [u8],
    at: usize,
    version: i16,
    flexible: bool,
    seen: Walk,
}

impl Walk {
    pub(super) fn of(schema: &StructSchema, version: i16, flexible: bool, body: &[u8]) -> Self {
        let mut walker = Walker {
            body,
            at: 0,
            version,
            flexible,
            seen: Self::default(),
        };
        let _ = walker.of_struct(schema);
        walker.seen
    }
}

impl Walker<'_> {
    fn of_struct(&mut self, schema: &StructSchema) -> Result<(), Stop> {
        for field in schema.fields {
            if field.tag.is_none() && field.versions.contains(self.version) {
                self.row(field)?;
            }
        }
        if self.flexible {
            self.tags(schema)?;
        }
        Ok(())
    }

    fn tags(&mut self, schema: &StructSchema) -> Result<(), Stop> {
        let mut last = None;
        for _ in 0..self.uvarint()? {
            let at = self.at;
            let tag = self.uvarint()?;
            if last.is_some_and(|last| tag <= last) {
                self.note(Kind::TagOrder, at..=at);
            }
            last = Some(tag);
            let size = self.uvarint()? as usize;
            let start = self.at;
            let known = schema.fields.iter().find(|field| field.tag == Some(tag));
            match known {
                None => {
                    if i32::try_from(tag).is_err() {
                        self.note(Kind::TagSign, at..=at);
                    }
                    self.skip(size)?;
                }
                Some(field) if field.versions.contains(self.version) => {
                    let read = self.row(field);
                    if self.at - start != size {
                        self.note(Kind::TagSize, start..=start + size);
                    }
                    read?;
                }
                // A tag of another version.
                Some(_) => return Err(Stop),
            }
        }
        Ok(())
    }

    fn row(&mut self, field: &FieldSchema) -> Result<(), Stop> {
        let null_ever = field.nullable.is_some();
        let null_here = field
            .nullable
            .is_some_and(|range| range.contains(self.version));
        let at = self.at;
        match field.ty {
            Type::Struct(schema) if null_here => match self.fixed::<1>()? {
                [1] => self.of_struct(schema),
                [marker] => {
                    if marker.cast_signed() >= 0 {
                        self.note(Kind::Marker, at..=at);
                    }
                    Ok(())
                }
            },
            Type::String | Type::Bytes | Type::Records | Type::Array(_) => {
                let length = self.length(field.ty)?;
                match length {
                    None if !null_ever => Err(Stop),
                    None if !null_here => {
                        self.note(Kind::Null, at..=at);
                        Ok(())
                    }
                    None => Ok(()),
                    Some(length) => self.measured(field.ty, length),
                }
            }
            _ => self.value(field.ty),
        }
    }

    /// A value that may not be null.
    fn value(&mut self, ty: Type) -> Result<(), Stop> {
        match ty {
            Type::Struct(schema) => self.of_struct(schema),
            Type::String | Type::Bytes | Type::Records | Type::Array(_) => {
                let length = self.length(ty)?.ok_or(Stop)?;
                self.measured(ty, length)
            }
            fixed => self.skip(fixed.size()),
        }
    }

    fn measured(&mut self, ty: Type, length: usize) -> Result<(), Stop> {
        let Type::Array(of) = ty else {
            let text = self.body.get(self.at..).and_then(|left| left.get(..length));
            let sound = ty != Type::String || text.is_some_and(|text| str::from_utf8(text).is_ok());
            return if sound { self.skip(length) } else { Err(Stop) };
        };
        if length > self.body.len() - self.at {
            self.seen.lying_count = true;
            return Err(Stop);
        }
        (0..length).try_for_each(|_| self.value(*of))
    }

    /// The length of a value; `None` is null.
    fn length(&mut self, ty: Type) -> Result<Option<usize>, Stop> {
        let at = self.at;
        let length = match ty {
            _ if self.flexible => i64::from(self.uvarint()?) - 1,
            Type::String => i64::from(i16::from_be_bytes(self.fixed()?)),
            _ => i64::from(i32::from_be_bytes(self.fixed()?)),
        };
        if ty == Type::String && length > Str::MAX_LEN as i64 {
            self.note(Kind::TextLength, at..=at);
        }
        match length {
            -1 => Ok(None),
            length => usize::try_from(length).map(Some).map_err(|_| Stop),
        }
    }

    fn uvarint(&mut self) -> Result<u32, Stop> {
        let start = self.at;
        let mut value = 0;
        for n in 0..5 {
            let [byte] = self.fixed()?;
            value |= u32::from(byte & 0x7f) << (7 * n);
            if n == 4 && byte > 0x0f {
                self.note(Kind::Varint, start..=start);
            }
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let left = self.body.get(self.at..).unwrap_or_default();
        let bytes = left.first_chunk().ok_or(Stop)?;
        self.at += N;
        Ok(*bytes)
    }

    fn skip(&mut self, len: usize) -> Result<(), Stop> {
        if len > self.body.len() - self.at {
            return Err(Stop);
        }
        self.at += len;
        Ok(())
    }

    fn note(&mut self, kind: Kind, at: RangeInclusive<usize>) {
        self.seen.liberties.push(Liberty { kind, at });
    }
}
