//! A second, slow encoder that knows nothing but the schema constants: values as trees, written by walking them.

use milena_protocol::schema::{FieldSchema, StructSchema, Type};

/// What a field holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    /// Booleans, integers of every width, and floats by their bits.
    Number(i64),
    Uuid([u8; 16]),
    /// Strings, bytes and record sets.
    Bytes(Vec<u8>),
    Array(Vec<Self>),
    Struct(Vec<Self>, Vec<(u32, Vec<u8>)>),
}

/// How a message is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fill {
    /// Every array has one element, and everything else its default.
    Defaults,
    /// Every array has two elements, nothing is null, everything is set.
    Typical,
    Random,
}

/// Makes a count of the bytes left after it and the least size of an element.
pub(crate) type FalseCount = fn(left: usize, least: usize) -> u32;

/// What the encoder does wrong on purpose, at the n-th place where it could.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lie {
    /// An array claims a count that is not its own.
    Count(usize, FalseCount),
    /// A length says null where the version has no null.
    Null(usize),
}

/// One version of an API.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Version {
    pub(crate) v: i16,
    pub(crate) flexible: bool,
}

impl Value {
    pub(crate) fn of_struct(
        schema: &StructSchema,
        ver: Version,
        fill: Fill,
        rng: &mut fastrand::Rng,
    ) -> Self {
        let fields = schema.fields.iter().map(|field| {
            let null = field.nullable.is_some_and(|range| range.contains(ver.v));
            let legal = null || default(field) != Self::Null;
            match fill {
                _ if !field.versions.contains(ver.v) => default(field),
                Fill::Random if null && rng.u8(..4) == 0 => Self::Null,
                Fill::Random if legal && rng.u8(..8) == 0 => default(field),
                Fill::Defaults if legal && !matches!(field.ty, Type::Array(_)) => default(field),
                _ => Self::of(field.ty, ver, fill, rng),
            }
        });
        let fields = fields.collect();
        let tags = match fill {
            Fill::Typical => 1,
            Fill::Random => rng.usize(..3),
            Fill::Defaults => 0,
        };
        // Far above the numbers that any version knows.
        let tags = (0..if ver.flexible { tags } else { 0 })
            .map(|n| (1000 + 7 * n as u32, vec![n as u8; 3 * n]));
        Self::Struct(fields, tags.collect())
    }

    fn of(ty: Type, ver: Version, fill: Fill, rng: &mut fastrand::Rng) -> Self {
        let random = fill == Fill::Random;
        match ty {
            Type::Bool if !random => Self::Number(1),
            Type::Bool => Self::Number(rng.i64(0..2)),
            Type::Int8 => Self::Number(if random { rng.i8(..).into() } else { 0x12 }),
            Type::Int16 => Self::Number(if random { rng.i16(..).into() } else { 0x1234 }),
            Type::Int32 => Self::Number(if random {
                rng.i32(..).into()
            } else {
                0x1234_5678
            }),
            Type::Uint16 => Self::Number(if random { rng.u16(..).into() } else { 0xfedc }),
            // A float is its bits.
            Type::Int64 | Type::Float64 => Self::Number(if random {
                rng.i64(..)
            } else {
                0x1234_5678_9abc_def0
            }),
            Type::Uuid => Self::Uuid(
                if random {
                    rng.u128(..)
                } else {
                    0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10
                }
                .to_be_bytes(),
            ),
            Type::String if !random => Self::Bytes("naïve".into()),
            Type::String => Self::Bytes(
                (0..length(rng))
                    .map(|_| rng.alphanumeric())
                    .collect::<String>()
                    .into(),
            ),
            Type::Bytes | Type::Records if !random => Self::Bytes(b"\0\xff opaque".into()),
            Type::Bytes | Type::Records => {
                Self::Bytes((0..length(rng)).map(|_| rng.u8(..)).collect())
            }
            Type::Array(of) => {
                let count = match fill {
                    Fill::Defaults => 1,
                    Fill::Typical => 2,
                    Fill::Random => rng.usize(..4),
                };
                Self::Array((0..count).map(|_| Self::of(*of, ver, fill, rng)).collect())
            }
            Type::Struct(schema) => Self::of_struct(schema, ver, fill, rng),
            other => panic!("{other:?} is new to the model"),
        }
    }
}

/// Mostly short, now and then past the one byte that a compact length has.
fn length(rng: &mut fastrand::Rng) -> usize {
    if rng.u8(..16) == 0 {
        rng.usize(100..400)
    } else {
        rng.usize(..12)
    }
}

/// What a field holds in versions that lack it.
pub(crate) fn default(field: &FieldSchema) -> Value {
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

/// The bytes, or the path of the field that this version cannot take.
#[derive(Debug)]
pub(crate) struct Encoder {
    pub(crate) ver: Version,
    pub(crate) out: Vec<u8>,
    pub(crate) lie: Option<Lie>,
    /// Where the lie was told, once it was.
    pub(crate) lied: Option<String>,
    /// A count can only be judged once it is known how many bytes follow it.
    open_count: Option<(usize, usize, FalseCount)>,
    /// In a tagged field, which is written apart.
    nested: bool,
    seen: usize,
}

impl Encoder {
    pub(crate) fn new(ver: Version, lie: Option<Lie>) -> Self {
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
    pub(crate) fn message(mut self, schema: &StructSchema, value: &Value) -> Result<Self, String> {
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
