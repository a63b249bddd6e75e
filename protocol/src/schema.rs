//! The tables as constants, so that programs and tests can read them and compare them with Kafka's own schemas.

use bytes::Bytes;

use crate::records::Records;
use crate::text::Str;
use crate::uuid::Uuid;
use crate::version::VersionRange;

/// The wire type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "these are Kafka's own names")]
pub enum Type {
    Bool,
    Int8,
    Int16,
    Int32,
    Int64,
    Uint16,
    Float64,
    Uuid,
    String,
    Bytes,
    Records,
    Array(&'static Self),
    Struct(&'static StructSchema),
}

impl Type {
    /// Bytes of memory that a value takes by itself, as an element of an array does; what it owns comes on top.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Bool | Self::Int8 => 1,
            Self::Int16 | Self::Uint16 => 2,
            Self::Int32 => 4,
            Self::Int64 | Self::Float64 => 8,
            Self::Uuid => size_of::<Uuid>(),
            Self::String => size_of::<Str>(),
            Self::Bytes => size_of::<Bytes>(),
            Self::Records => size_of::<Records>(),
            Self::Array(_) => size_of::<Vec<()>>(),
            Self::Struct(schema) => schema.size,
        }
    }
}

/// A struct: a whole message, or what one of its fields holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StructSchema {
    /// Kafka's name. Where request and response have structs of one name for two things, the response's ends in
    /// `Response`.
    pub name: &'static str,
    /// The fields in wire order; tagged ones stand where the table has them.
    pub fields: &'static [FieldSchema],
    /// Bytes of memory that a value takes, beside what its fields own.
    pub size: usize,
}

/// One row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSchema {
    /// Kafka's name in snake case.
    pub name: &'static str,
    /// The wire type.
    pub ty: Type,
    /// The versions that have the field.
    pub versions: VersionRange,
    /// The versions in which it may be null.
    pub nullable: Option<VersionRange>,
    /// The tag, if it is written in the tagged section.
    pub tag: Option<u32>,
    /// The default as written in the table. Without one it is zero, false or empty, and not null.
    pub default: Option<&'static str>,
    /// Whether it tells the elements of an array apart, which Kafka then keeps as a map.
    pub key: bool,
    /// Whether a version that lacks the field drops it silently. Without it, a value other than the default is an
    /// error there.
    pub ignorable: bool,
}

/// The name of a row that is a word of Rust's own, without the `r#` in front.
pub(crate) const fn without_raw(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}
