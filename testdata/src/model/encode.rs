//! Writes values by walking the schema: slow, and independent of the table macro.

use milena_protocol::schema::{FieldSchema, StructSchema, Type};

use super::{Value, Version, default};

/// Makes a count of the bytes left after it and the least size of an element.
pub type FalseCount = fn(left: usize, least: usize) -> u32;

/// What the encoder does wrong on purpose, at the n-th place where it could.
#[derive(Clone, Copy, Debug)]
pub enum Lie {
    /// An array claims a count that is not its own.
    Count(usize, FalseCount),
    /// A length says null where the version has no null.
    Null(usize),
}

/// The least a type can take on the wire where it is not null.
fn least(ty: Type, ver: Version) -> usize {
    let compact = |length| if ver.flexible { 1 } else { length };
    match ty {
        Type::Bool | Type::Int8 => 1,
        Type::Int16 | Type::Uint16 => 2,
        Type::Int32 => 4,
        Type::Int64 | Type::Float64 => 8,
        Type::Uuid => 16,
        Type::String => compact(2),
        Type::Struct(schema) => {
            let inline = schema
                .fields
                .iter()
                .filter(|f| f.versions.contains(ver.v) && f.tag.is_none());
            let fields = inline.map(|f| match (f.nullable, f.ty) {
                (Some(_), Type::Struct(_)) => 1,
                _ => least(f.ty, ver),
            });
            fields.sum::<usize>() + usize::from(ver.flexible)
        }
        _ => compact(4),
    }
}

/// Writes one message.
#[derive(Debug)]
pub struct Encoder {
    ver: Version,
    lie: Option<Lie>,
    /// The bytes.
    pub out: Vec<u8>,
    /// Where the lie was told, once it was.
    pub lied: Option<String>,
    /// A count can only be judged once it is known how many bytes follow it.
    open_count: Option<(usize, usize, FalseCount)>,
    /// In a tagged field, which is written apart.
    nested: bool,
    seen: usize,
}

impl Encoder {
    /// For one message of that version, honest unless there is a lie.
    pub fn new(ver: Version, lie: Option<Lie>) -> Self {
        Self {
            ver,
            out: Vec::new(),
            lie,
            lied: None,
            open_count: None,
            nested: false,
            seen: 0,
        }
    }

    /// Writes a whole message.
    ///
    /// # Errors
    /// The path of a field that this version cannot take.
    pub fn message(mut self, schema: &StructSchema, value: &Value) -> Result<Self, String> {
        self.fields(schema, value, "")?;
        if let Some((at, least, lie)) = self.open_count {
            let tail = self.out.split_off(at);
            let count = lie(tail.len(), least);
            self.count(Some(count));
            self.out.extend(tail);
        }
        Ok(self)
    }

    fn fields(&mut self, schema: &StructSchema, value: &Value, path: &str) -> Result<(), String> {
        let Value::Struct(values, unknown) = value else {
            panic!("{value:?} for {}", schema.name)
        };
        let rows = || schema.fields.iter().zip(values);
        for (field, value) in rows() {
            if !field.versions.contains(self.ver.v) {
                if !field.ignorable && *value != default(field) {
                    return Err(join(path, field.name));
                }
            } else if field.tag.is_none() {
                self.nullable(field, value, &join(path, field.name))?;
            }
        }
        if !self.ver.flexible {
            return if unknown.is_empty() {
                Ok(())
            } else {
                Err(path.to_owned())
            };
        }
        let mut tags = Vec::new();
        for (field, value) in rows() {
            if let Some(tag) = field.tag
                && field.versions.contains(self.ver.v)
                && *value != default(field)
            {
                let (outer, nested) = (
                    std::mem::take(&mut self.out),
                    std::mem::replace(&mut self.nested, true),
                );
                self.nullable(field, value, &join(path, field.name))?;
                tags.push((tag, std::mem::replace(&mut self.out, outer)));
                self.nested = nested;
            }
        }
        tags.extend(unknown.iter().cloned());
        tags.sort();
        self.uvarint(tags.len() as u32);
        for (tag, bytes) in tags {
            self.uvarint(tag);
            self.uvarint(bytes.len() as u32);
            self.out.extend(bytes);
        }
        Ok(())
    }

    fn nullable(&mut self, field: &FieldSchema, value: &Value, path: &str) -> Result<(), String> {
        let nullable = field
            .nullable
            .is_some_and(|range| range.contains(self.ver.v));
        match (value, field.ty) {
            (Value::Null, _) if !nullable => return Err(path.to_owned()),
            (Value::Null, Type::Struct(_)) => self.out.push(0xff),
            (Value::Null, ty) => self.length(ty, None),
            (_, Type::Struct(_)) => {
                if nullable {
                    self.out.push(1);
                }
                self.value(field.ty, value, path)?;
            }
            (_, ty) => {
                let has_length = matches!(
                    ty,
                    Type::String | Type::Bytes | Type::Records | Type::Array(_)
                );
                if has_length && !nullable && self.lie_here(path, |lie| matches!(lie, Lie::Null(_)))
                {
                    self.length(ty, None);
                } else {
                    self.value(ty, value, path)?;
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, ty: Type, value: &Value, path: &str) -> Result<(), String> {
        match (ty, value) {
            (Type::Bool | Type::Int8, Value::Number(n)) => self.out.push(*n as u8),
            (Type::Int16 | Type::Uint16, Value::Number(n)) => {
                self.out.extend((*n as i16).to_be_bytes());
            }
            (Type::Int32, Value::Number(n)) => self.out.extend((*n as i32).to_be_bytes()),
            (Type::Int64 | Type::Float64, Value::Number(n)) => self.out.extend(n.to_be_bytes()),
            (Type::Uuid, Value::Uuid(bytes)) => self.out.extend(bytes),
            (Type::String | Type::Bytes | Type::Records, Value::Bytes(bytes)) => {
                self.length(ty, Some(bytes.len()));
                self.out.extend(bytes);
            }
            (Type::Array(of), Value::Array(elements)) => {
                let least = least(*of, self.ver).max(1);
                let lie = match self.lie {
                    Some(Lie::Count(_, lie)) if !self.nested => Some(lie),
                    _ => None,
                };
                match lie {
                    Some(lie) if self.lie_here(path, |lie| matches!(lie, Lie::Count(..))) => {
                        self.open_count = Some((self.out.len(), least, lie));
                    }
                    _ => self.length(ty, Some(elements.len())),
                }
                for (n, element) in elements.iter().enumerate() {
                    self.value(*of, element, &format!("{path}[{n}]"))?;
                }
            }
            (Type::Struct(schema), value) => self.fields(schema, value, path)?,
            (ty, value) => panic!("{value:?} is no {ty:?}"),
        }
        Ok(())
    }

    /// Whether this is the place to lie at.
    fn lie_here(&mut self, path: &str, kind: fn(&Lie) -> bool) -> bool {
        let Some(lie) = self.lie.filter(kind) else {
            return false;
        };
        let (Lie::Count(at, _) | Lie::Null(at)) = lie;
        let here = self.seen == at;
        self.seen += 1;
        if here {
            self.lied = Some(path.to_owned());
        }
        here
    }

    fn length(&mut self, ty: Type, length: Option<usize>) {
        match (ty, length) {
            _ if self.ver.flexible => self.uvarint(length.map_or(0, |n| n as u32 + 1)),
            (Type::String, n) => self.out.extend(n.map_or(-1, |n| n as i16).to_be_bytes()),
            (_, n) => self.count(n.map(|n| n as u32)),
        }
    }

    fn count(&mut self, count: Option<u32>) {
        match count {
            Some(n) if self.ver.flexible => self.uvarint(n + 1),
            n => self.out.extend(n.map_or(-1, |n| n as i32).to_be_bytes()),
        }
    }

    fn uvarint(&mut self, value: u32) {
        let groups = (0..5)
            .map(|n| value >> (7 * n))
            .take_while(|rest| *rest > 0);
        let mut bytes: Vec<u8> = groups.map(|rest| rest as u8 | 0x80).collect();
        bytes.resize(bytes.len().max(1), 0);
        *bytes.last_mut().expect("one byte at least") &= 0x7f;
        self.out.extend(bytes);
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
