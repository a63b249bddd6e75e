//! Messages without their types: a body is read into a tree of values by walking the API's table.
//!
//! For programs that are about every message and have no business with one in particular: capture tools, proxies that
//! log, tests. A tree holds what is on the wire and nothing else: the fields of the version, tagged ones only where
//! they were sent. What is no message for [`Message::decode`](crate::Message::decode) is none here, with the same
//! error.
//!
//! ```
//! use bytes::Bytes;
//! use milena_protocol::tree::Value;
//! use milena_protocol::{Api, ApiKey, Direction};
//!
//! let api = Api::find(ApiKey::METADATA).ok_or("no such API")?;
//! let body = Bytes::from_static(b"\0\0\0\x01\0\x06orders");
//! let tree = api.read(Direction::Request, 1, &body)?;
//! assert_eq!(tree.name(), "MetadataRequest");
//! let Some(Value::Array(topics)) = tree.get("topics") else { panic!("{tree:?}") };
//! let Some(Value::Struct(topic)) = topics.first() else { panic!("{topics:?}") };
//! assert_eq!(topic.get("name"), Some(&Value::String("orders".into())));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With the feature `serde` a tree is written in the JSON form of Kafka's own tools:
//!
#![cfg_attr(feature = "serde", doc = "```")]
#![cfg_attr(not(feature = "serde"), doc = "```ignore")]
//! # use bytes::Bytes;
//! # use milena_protocol::{Api, ApiKey, Direction};
//! # let api = Api::find(ApiKey::METADATA).ok_or("no such API")?;
//! # let body = Bytes::from_static(b"\0\0\0\x01\0\x06orders");
//! # let tree = api.read(Direction::Request, 1, &body)?;
//! assert_eq!(serde_json::to_string(&tree)?, r#"{"topics":[{"name":"orders"}]}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "serde")]
mod json;

use bytes::Bytes;

#[cfg(feature = "serde")]
pub use json::Json;

use crate::error::{DecodeError, DecodeReason, StepOut};
use crate::field::{Field, read_elements_by, whole};
use crate::float::Float64;
use crate::records::Records;
use crate::registry::{Api, Direction};
use crate::schema::{FieldSchema, StructSchema, Type};
use crate::tags::{Tag, UnknownTags, read_tags};
use crate::text::Str;
use crate::uuid::Uuid;
use crate::version::Ver;
use crate::wire::{Frame, Parsed, Wire, long_length};

/// What a field or an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "they are the wire types")]
pub enum Value {
    Null,
    Bool(bool),
    /// An integer of any width.
    Integer(i64),
    Float(Float64),
    Uuid(Uuid),
    String(Str),
    Bytes(Bytes),
    /// A record set, as it stands.
    Records(Records),
    Array(Vec<Self>),
    Struct(Tree),
}

/// A struct: a whole message, or what one of its fields holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    schema: &'static StructSchema,
    /// The fields that are there, in the order of the table.
    fields: Vec<(&'static FieldSchema, Value)>,
    unknown_tags: UnknownTags,
}

impl Tree {
    /// Kafka's name of the struct.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.schema.name
    }

    /// The fields that are there, in the order of the table.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&'static FieldSchema, &Value)> {
        self.fields.iter().map(|(field, value)| (*field, value))
    }

    /// What the field of that name (in snake case, as in the table) holds; `None` if it is not there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields()
            .find_map(|(field, value)| (field.name == name).then_some(value))
    }

    /// Tagged fields that the table does not know.
    #[must_use]
    pub fn unknown_tags(&self) -> &UnknownTags {
        &self.unknown_tags
    }
}

impl Api {
    /// Reads a body without its type. Strings, bytes and record sets share it, and keep it alive.
    ///
    /// # Errors
    /// Those of [`Message::decode`](crate::Message::decode).
    pub fn read(
        &self,
        direction: Direction,
        version: i16,
        body: &Bytes,
    ) -> Result<Tree, DecodeError> {
        let schema = self.schema(direction);
        let start = Wire::new(body);
        let parsed = if self.versions.contains(version) {
            let flexible = self.flexible_from.is_some_and(|from| version >= from);
            let ver = Ver {
                v: version,
                flexible,
            };
            read_struct(start, &Frame::new(body, ver), schema).and_then(|(rest, tree)| {
                rest.end()?;
                Ok(tree)
            })
        } else {
            Err(start.fail(DecodeReason::Version(self.versions)))
        };
        parsed.map_err(|error| DecodeError::from_nom(error, start).in_message(schema.name, version))
    }
}

fn read_struct<'a>(
    mut i: Wire<'a>,
    frame: &Frame<'a>,
    schema: &'static StructSchema,
) -> Parsed<'a, Tree> {
    let ver = frame.ver;
    // By place in the table, for a tagged field comes last on the wire wherever it stands there.
    let mut values: Vec<Option<Value>> = vec![None; schema.fields.len()];
    for (field, value) in schema.fields.iter().zip(&mut values) {
        if field.tag.is_none() && field.versions.contains(ver.v) {
            let (rest, read) =
                read_field(i, frame, field).map_err(|error| error.in_row(field.name))?;
            *value = Some(read);
            i = rest;
        }
    }
    let (i, unknown_tags) = read_tags(i, frame, &mut |tag, bytes| {
        let mut rows = schema.fields.iter().zip(&mut values);
        let Some((field, value)) = rows.find(|(row, _)| row.tag == Some(tag)) else {
            return Ok(Tag::Unknown);
        };
        if !field.versions.contains(ver.v) {
            return Ok(Tag::OtherVersion);
        }
        *value = Some(whole(read_field(bytes, frame, field), field.name)?);
        Ok(Tag::Taken)
    })?;
    let fields = schema.fields.iter().zip(values);
    let tree = Tree {
        schema,
        fields: fields
            .filter_map(|(field, value)| Some((field, value?)))
            .collect(),
        unknown_tags,
    };
    Ok((i, tree))
}

fn read_field<'a>(
    i: Wire<'a>,
    frame: &Frame<'a>,
    field: &'static FieldSchema,
) -> Parsed<'a, Value> {
    let null = field
        .nullable
        .is_some_and(|range| range.contains(frame.ver.v));
    read_value(i, frame, field.ty, null)
}

fn read_value<'a>(i: Wire<'a>, frame: &Frame<'a>, ty: Type, null: bool) -> Parsed<'a, Value> {
    match ty {
        Type::Bool => plain(i, frame, null, Value::Bool),
        Type::Int8 => plain::<i8>(i, frame, null, |value| Value::Integer(value.into())),
        Type::Int16 => plain::<i16>(i, frame, null, |value| Value::Integer(value.into())),
        Type::Int32 => plain::<i32>(i, frame, null, |value| Value::Integer(value.into())),
        Type::Int64 => plain(i, frame, null, Value::Integer),
        Type::Uint16 => plain::<u16>(i, frame, null, |value| Value::Integer(value.into())),
        Type::Float64 => plain(i, frame, null, Value::Float),
        Type::Uuid => plain(i, frame, null, Value::Uuid),
        Type::String => plain(i, frame, null, Value::String),
        Type::Bytes => plain(i, frame, null, Value::Bytes),
        Type::Records => plain(i, frame, null, Value::Records),
        Type::Array(of) => match long_length(i, frame.ver)? {
            (rest, Some(count)) => {
                let read = |i, elements: &mut Vec<_>| {
                    let (rest, element) = read_value(i, frame, *of, false)?;
                    elements.push(element);
                    Ok((rest, ()))
                };
                let (rest, elements) = read_elements_by(i, rest, count, of.least(frame.ver), read)?;
                Ok((rest, Value::Array(elements)))
            }
            (rest, None) if null => Ok((rest, Value::Null)),
            (_, None) => Err(i.fail(DecodeReason::Null)),
        },
        Type::Struct(schema) if null => {
            let (rest, marker) = i8::read(i, frame)?;
            if marker < 0 {
                return Ok((rest, Value::Null));
            }
            read_value(rest, frame, Type::Struct(schema), false)
        }
        Type::Struct(schema) => {
            let (rest, tree) = read_struct(i, frame, schema)?;
            Ok((rest, Value::Struct(tree)))
        }
    }
}

/// A value whose type reads itself, or null.
fn plain<'a, T: Field>(
    i: Wire<'a>,
    frame: &Frame<'a>,
    null: bool,
    wrap: impl FnOnce(T) -> Value,
) -> Parsed<'a, Value> {
    if null {
        let (rest, value) = T::read_nullable(i, frame)?;
        Ok((rest, value.map_or(Value::Null, wrap)))
    } else {
        T::read_to(i, frame, wrap)
    }
}

impl Type {
    /// The fewest bytes a value takes where it may not be null, as [`Field::least`] has it.
    fn least(self, ver: Ver) -> usize {
        match self {
            Self::Bool => bool::least(ver),
            Self::Int8 => i8::least(ver),
            Self::Int16 => i16::least(ver),
            Self::Int32 => i32::least(ver),
            Self::Int64 => i64::least(ver),
            Self::Uint16 => u16::least(ver),
            Self::Float64 => Float64::least(ver),
            Self::Uuid => Uuid::least(ver),
            Self::String => Str::least(ver),
            Self::Bytes => Bytes::least(ver),
            Self::Records => Records::least(ver),
            // An array is as long as its count, whatever its elements are.
            Self::Array(_) => Vec::<bool>::least(ver),
            Self::Struct(schema) => {
                let inline = schema
                    .fields
                    .iter()
                    .filter(|field| field.tag.is_none() && field.versions.contains(ver.v));
                let fields = inline.map(|field| match (field.nullable, field.ty) {
                    (Some(_), Self::Struct(_)) => 1,
                    _ => field.ty.least(ver),
                });
                usize::from(ver.flexible) + fields.sum::<usize>()
            }
        }
    }
}
