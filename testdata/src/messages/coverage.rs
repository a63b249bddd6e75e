//! What a corpus shows of every field: that each was seen in each state that it can be in.

use std::collections::{BTreeMap, BTreeSet};

use milena_protocol::schema::{FieldSchema, StructSchema, Type};
use milena_protocol::tree::{self, Tree};

use super::Case;
use super::known::known;
use crate::model::{self, Version};

/// A count or length from here on takes two bytes where it is compact.
const LONG: usize = 127;

/// The states in which fields were seen, by message and version.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    seen: BTreeMap<(String, i16), BTreeSet<String>>,
}

impl Coverage {
    /// Adds what a case shows; one that cannot be read shows nothing.
    pub fn add(&mut self, case: &Case<'_>) {
        let Some(message) = known().get(case.message) else {
            return;
        };
        let Ok(tree) = message
            .api
            .read(message.direction, case.version, &case.read)
        else {
            return;
        };
        let key = (case.message.to_owned(), case.version);
        let seen = self.seen.entry(key).or_default();
        // Cases of a kind are numbered.
        let kind = case.kind.split('-').next().unwrap_or_default();
        seen.insert(format!("case {kind}"));
        see(&tree, message.schema(), case.version, "", seen);
    }

    /// What was not seen of any message in any version.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        for message in known().values() {
            for version in message.versions() {
                let kinds = ["default", "typical", "full", "random"];
                let mut expected: BTreeSet<String> =
                    kinds.iter().map(|kind| format!("case {kind}")).collect();
                expect(message.schema(), version, "", &mut expected);
                let key = (message.name().to_owned(), version.v);
                let seen = self.seen.get(&key);
                let unseen = expected
                    .iter()
                    .filter(|state| !seen.is_some_and(|seen| seen.contains(*state)));
                missing.extend(unseen.map(|state| format!("{} v{}: {state}", key.0, key.1)));
            }
        }
        missing
    }
}

/// All states that the fields of a struct can be in.
fn expect(schema: &StructSchema, version: Version, path: &str, states: &mut BTreeSet<String>) {
    if version.flexible {
        states.insert(format!("{path} with unknown tags"));
    }
    for field in schema.fields {
        if !field.versions.contains(version.v) {
            continue;
        }
        let path = format!("{path}.{}", field.name);
        states.insert(format!("{path} set"));
        if field.tag.is_some() {
            states.insert(format!("{path} left out"));
        }
        if nullable(field, version.v) {
            states.insert(format!("{path} null"));
        }
        expect_of(field.ty, version, &path, states);
    }
}

fn expect_of(ty: Type, version: Version, path: &str, states: &mut BTreeSet<String>) {
    if let Type::String | Type::Bytes | Type::Records | Type::Array(_) = ty {
        states.extend([format!("{path} empty"), format!("{path} long")]);
    }
    match ty {
        Type::Array(Type::Struct(inner)) => expect(inner, version, &format!("{path}[]"), states),
        Type::Struct(inner) => expect(inner, version, path, states),
        _ => {}
    }
}

/// The states that the fields of a struct are in.
fn see(
    tree: &Tree,
    schema: &StructSchema,
    version: i16,
    path: &str,
    states: &mut BTreeSet<String>,
) {
    if !tree.unknown_tags().is_empty() {
        states.insert(format!("{path} with unknown tags"));
    }
    for field in schema.fields {
        let path = format!("{path}.{}", field.name);
        match tree.get(field.name) {
            None if field.versions.contains(version) => {
                states.insert(format!("{path} left out"));
            }
            None => {}
            Some(value) => {
                if is_set(field, value) {
                    states.insert(format!("{path} set"));
                }
                see_value(value, field.ty, version, &path, states);
            }
        }
    }
}

fn see_value(
    value: &tree::Value,
    ty: Type,
    version: i16,
    path: &str,
    states: &mut BTreeSet<String>,
) {
    let length = match value {
        tree::Value::Null => {
            states.insert(format!("{path} null"));
            return;
        }
        tree::Value::String(text) => text.len(),
        tree::Value::Bytes(bytes) => bytes.len(),
        tree::Value::Records(set) => set.len(),
        tree::Value::Array(elements) => {
            if let Type::Array(of) = ty {
                for element in elements {
                    see_value(element, *of, version, &format!("{path}[]"), states);
                }
            }
            elements.len()
        }
        tree::Value::Struct(tree) => {
            if let Type::Struct(schema) = ty {
                see(tree, schema, version, path, states);
            }
            return;
        }
        _ => return,
    };
    if length == 0 {
        states.insert(format!("{path} empty"));
    } else if length >= LONG {
        states.insert(format!("{path} long"));
    }
}

fn nullable(field: &FieldSchema, version: i16) -> bool {
    field.nullable.is_some_and(|range| range.contains(version))
}

/// Whether a value is neither null nor the field's default.
fn is_set(field: &FieldSchema, value: &tree::Value) -> bool {
    let plain = match value {
        tree::Value::Null => return false,
        tree::Value::Bool(value) => model::Value::Number((*value).into()),
        tree::Value::Integer(value) => model::Value::Number(*value),
        tree::Value::Float(value) => model::Value::Number(value.0.to_bits().cast_signed()),
        tree::Value::Uuid(id) => model::Value::Uuid(id.0),
        tree::Value::String(text) => return !text.is_empty(),
        tree::Value::Bytes(bytes) => return !bytes.is_empty(),
        tree::Value::Records(set) => return !set.is_empty(),
        tree::Value::Array(elements) => return !elements.is_empty(),
        // A struct is set when its fields are, and of those it is said.
        tree::Value::Struct(_) => return true,
        other => panic!("{other:?} is new to the corpus"),
    };
    plain != model::default(field)
}
