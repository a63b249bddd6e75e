//! Values of any message as plain trees, made and written by the schema constants alone.
//!
//! It is a second opinion: what it writes does not go through the table macro, so tests compare the two.

mod encode;
mod fill;

use milena_protocol::schema::{FieldSchema, Type};

pub use encode::{Encoder, FalseCount, Lie};
pub use fill::Fill;

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of any type that has a null.
    Null,
    /// Booleans, integers of every width, and floats by their bits.
    Number(i64),
    /// Sixteen bytes.
    Uuid([u8; 16]),
    /// Strings, bytes and record sets.
    Bytes(Vec<u8>),
    /// The elements in order.
    Array(Vec<Self>),
    /// One value for each row of the table, and the unknown tagged fields by ascending tag.
    Struct(Vec<Self>, Vec<(u32, Vec<u8>)>),
}

/// One version of an API.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// The number.
    pub v: i16,
    /// Whether it has compact lengths and tagged sections.
    pub flexible: bool,
}

/// What a field holds in versions that lack it.
pub fn default(field: &FieldSchema) -> Value {
    match (field.default, field.ty) {
        (Some("None"), _) => Value::Null,
        (Some("true"), _) => Value::Number(1),
        (Some("false"), _) => Value::Number(0),
        (Some("i32::MIN"), _) => Value::Number(i32::MIN.into()),
        (Some("i64::MAX"), _) => Value::Number(i64::MAX),
        (Some(number), _) => {
            let digits = number.replace('_', "");
            let parsed = match digits.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            Value::Number(parsed.expect("a default that the model knows"))
        }
        (None, Type::Uuid) => Value::Uuid([0; 16]),
        (None, Type::String | Type::Bytes | Type::Records) => Value::Bytes(Vec::new()),
        (None, Type::Array(_)) => Value::Array(Vec::new()),
        (None, Type::Struct(schema)) => {
            Value::Struct(schema.fields.iter().map(default).collect(), Vec::new())
        }
        (None, _) => Value::Number(0),
    }
}
