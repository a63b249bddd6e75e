//! Messages, written by their tables.

use std::io;

use milena_protocol::schema::{StructSchema, Type};
use milena_protocol::{Api, ApiKey, VersionRange, apis};

use crate::Inputs;

/// Both messages of every API in every version.
pub(crate) fn write(seeds: &Inputs<'_>) -> io::Result<()> {
    for api in apis() {
        for version in api.versions.min..=api.versions.max {
            for (direction, schema) in [(0, api.request), (1, api.response)] {
                let flexible = api.flexible_from.is_some_and(|from| version >= from);
                let mut body = Writer {
                    version,
                    flexible,
                    values: 0,
                    out: Vec::new(),
                };
                body.fields(schema);
                let (key, v) = (api.key.0 as u8, version as u8);
                let name = format!("{}-{version}", schema.name);
                let message = [&[key, v, direction], &body.out[..]].concat();
                seeds.add("message", &name, &message)?;
                let other = other(api, version);
                let compared = [&[key, v, other, direction], &body.out[..]].concat();
                seeds.add("difference", &name, &compared)?;
            }
        }
    }
    worst(seeds)
}

/// The version that differs most.
fn other(api: &Api, version: i16) -> u8 {
    let VersionRange { min, max } = api.versions;
    if version - min > max - version {
        min as u8
    } else {
        max as u8
    }
}

/// What takes the most memory for its length: elements of the fewest bytes.
fn worst(seeds: &Inputs<'_>) -> io::Result<()> {
    let api = ApiKey::LIST_GROUPS.0 as u8;
    let groups = [1, 1, 0].repeat(1300);
    let count = [(1301 & 0x7f) as u8 | 0x80, (1301 >> 7) as u8];
    let bytes = [&[api, 3, 1, 0, 0, 0, 0, 0, 0], &count[..], &groups, &[0]].concat();
    seeds.add("message", "worst", &bytes)
}

/// Writes a message by its table: one element in every array, nothing null, and no two values alike, so that they
/// cannot be taken for one another.
struct Writer {
    version: i16,
    flexible: bool,
    /// How many there are so far.
    values: u8,
    out: Vec<u8>,
}

impl Writer {
    fn fields(&mut self, schema: &StructSchema) {
        let (mut tags, mut tagged) = (0_u8, Vec::new());
        let version = self.version;
        let here = schema
            .fields
            .iter()
            .filter(|field| field.versions.contains(version));
        for field in here {
            let before = self.out.len();
            let nullable = field
                .nullable
                .is_some_and(|range| range.contains(self.version));
            if nullable && matches!(field.ty, Type::Struct(_)) {
                self.out.push(1);
            }
            self.value(field.ty);
            if let Some(tag) = field.tag {
                let value = self.out.split_off(before);
                if value.len() < 128 {
                    tags += 1;
                    tagged.extend([tag as u8, value.len() as u8]);
                    tagged.extend(value);
                }
            }
        }
        if self.flexible {
            // And one that nobody knows.
            self.out.push(tags + 1);
            self.out.extend(tagged);
            self.out.extend([100, 2, 7, 7]);
        }
    }

    fn value(&mut self, ty: Type) {
        self.values = (self.values + 1) % 128;
        let n = self.values;
        match ty {
            Type::Bool => self.out.push(n & 1),
            Type::Int8 => self.out.push(n),
            Type::Int16 | Type::Uint16 => self.out.extend([3, n]),
            Type::Int32 => self.out.extend([0, 0x0f, 0x42, n]),
            Type::Int64 => self
                .out
                .extend((1_700_000_000_000 + i64::from(n)).to_be_bytes()),
            Type::Float64 => self.out.extend((0.5 + f64::from(n)).to_be_bytes()),
            Type::Uuid => self.out.extend([n; 16]),
            Type::String => self.sized(2, &[b't', b'e', b'x', b't', n]),
            Type::Bytes | Type::Records => self.sized(4, &[0, 0xff, n]),
            Type::Array(of) => {
                self.length(4, 1);
                self.value(*of);
            }
            Type::Struct(schema) => self.fields(schema),
            other => panic!("{other:?} has no seed"),
        }
    }

    fn sized(&mut self, width: usize, bytes: &[u8]) {
        self.length(width, bytes.len() as u8);
        self.out.extend(bytes);
    }

    fn length(&mut self, width: usize, length: u8) {
        if self.flexible {
            self.out.push(length + 1);
        } else {
            self.out.resize(self.out.len() + width - 1, 0);
            self.out.push(length);
        }
    }
}
