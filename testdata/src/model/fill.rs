//! Makes values of any message.

use milena_protocol::schema::{StructSchema, Type};

use super::{Value, Version, default};

/// How a message is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fill {
    /// Every array has one element, and everything else its default.
    Defaults,
    /// Every array has two elements, nothing is null, everything is set.
    Typical,
    /// Anything.
    Random,
}

/// Of one to four bytes in UTF-8, with the ends of each length's range and what JSON escapes.
const CHARACTERS: [char; 18] = [
    'a',
    'Z',
    '7',
    '.',
    '-',
    '"',
    '\\',
    '\n',
    '\0',
    '\u{1f}',
    '\u{7f}',
    '\u{80}',
    'ě',
    '\u{7ff}',
    '世',
    '\u{ffff}',
    '🦀',
    '\u{10ffff}',
];

impl Value {
    /// A struct, or a whole message.
    pub fn of_struct(
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
        match ty {
            Type::Struct(schema) => Self::of_struct(schema, ver, fill, rng),
            Type::Array(of) => {
                let count = match fill {
                    Fill::Defaults => 1,
                    Fill::Typical => 2,
                    Fill::Random => count(*of, rng),
                };
                Self::Array((0..count).map(|_| Self::of(*of, ver, fill, rng)).collect())
            }
            _ if fill == Fill::Random => Self::random(ty, rng),
            _ => Self::typical(ty),
        }
    }

    fn typical(ty: Type) -> Self {
        match ty {
            Type::Bool => Self::Number(1),
            Type::Int8 => Self::Number(0x12),
            Type::Int16 => Self::Number(0x1234),
            Type::Uint16 => Self::Number(0xfedc),
            Type::Int32 => Self::Number(0x1234_5678),
            Type::Int64 | Type::Float64 => Self::Number(0x1234_5678_9abc_def0),
            Type::Uuid => Self::Uuid(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10_u128.to_be_bytes()),
            Type::String => Self::Bytes("naïve".into()),
            Type::Bytes | Type::Records => Self::Bytes(b"\0\xff opaque".into()),
            other => panic!("{other:?} is new to the model"),
        }
    }

    fn random(ty: Type, rng: &mut fastrand::Rng) -> Self {
        match ty {
            Type::Bool => Self::Number(rng.i64(0..2)),
            Type::Int8 => Self::Number((number(rng) as i8).into()),
            Type::Int16 => Self::Number((number(rng) as i16).into()),
            Type::Uint16 => Self::Number((number(rng) as u16).into()),
            Type::Int32 => Self::Number((number(rng) as i32).into()),
            // A float is its bits.
            Type::Int64 | Type::Float64 => Self::Number(number(rng)),
            Type::Uuid => Self::Uuid(rng.u128(..).to_be_bytes()),
            Type::String => {
                let text = (0..length(rng)).filter_map(|_| rng.choice(CHARACTERS));
                Self::Bytes(text.collect::<String>().into())
            }
            Type::Bytes | Type::Records => {
                Self::Bytes((0..length(rng)).map(|_| rng.u8(..)).collect())
            }
            other => panic!("{other:?} is new to the model"),
        }
    }
}

/// Of 64 bits, of which a narrower type takes the low ones; the ends of each type's range are likely.
fn number(rng: &mut fastrand::Rng) -> i64 {
    match rng.u8(..6) {
        0 => rng.i64(-1..2),
        1 => {
            let width = [8, 16, 32, 64][rng.usize(..4)];
            let top = 1_i64 << (width - 1);
            if rng.bool() { top } else { top.wrapping_sub(1) }
        }
        2 => rng.i64(..1000),
        _ => rng.i64(..),
    }
}

/// Few elements; of what is small, now and then more than the one byte of a compact count can say.
fn count(of: Type, rng: &mut fastrand::Rng) -> usize {
    if !matches!(of, Type::Struct(_)) && rng.u8(..32) == 0 {
        rng.usize(120..140)
    } else {
        rng.usize(..4)
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
