//! How much memory reading may take: measured by a counting allocator, and the bounds that it is held against.
//!
//! A message's bound is a multiple of its bytes, and follows from its table alone. What takes memory are the elements
//! of arrays and unknown tags; all else is a handle on the frame. The worst array is one of elements that have the
//! fewest bytes on the wire for their size in memory. Where it grows, its former memory stands beside the doubled one,
//! which makes three times that ratio. On top comes a first reservation for each array that is open: as many bytes as
//! the frame has left, or 16 KiB.
//!
//! Decompression is bounded by its limit: the output, whose former memory stands beside what it grows to, or its copy
//! of the exact size; and the codec's state. Zstandard keeps a window besides, which grows with the output and never
//! beyond what the frame says, of which 128 MiB is the most.

use milena_codec::{CompressionType, Limits};
use milena_protocol::Message;
use milena_protocol::schema::{StructSchema, Type};

/// What `read` returns, and how many bytes it held at most.
pub(crate) fn measured<T>(read: impl FnOnce() -> T) -> (T, usize) {
    let mut value = None;
    let info = allocation_counter::measure(|| value = Some(read()));
    let peak = usize::try_from(info.bytes_max).expect("memory is counted in usize");
    (value.expect("it was run"), peak)
}

/// Bytes that may be held while an input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// For every byte of the input.
    pub factor: usize,
    /// However long it is.
    pub base: usize,
}

/// The count of a frame's handles, and an error with its path.
const SMALL: usize = 1024;

/// What the first reservation for an array may take, unless there are more bytes left.
const FIRST_RESERVATION: usize = 16 * 1024;

/// Memory of one unknown tag; where it is the only one, its list's on top. Two bytes are the fewest it has.
const TAG: usize = size_of::<(u32, bytes::Bytes)>();
const TAGS: usize = size_of::<Vec<()>>() + TAG;
const LEAST_TAG: usize = 2;

impl Bound {
    /// For the body of a message.
    #[must_use]
    pub fn of_message<M: Message>(version: i16) -> Self {
        let flexible = M::FLEXIBLE_FROM.is_some_and(|from| version >= from);
        Self::of_struct(M::schema(), Version { version, flexible })
    }

    /// For the headers of requests and responses, which have nothing but unknown tags.
    #[must_use]
    pub fn of_header() -> Self {
        let version = Version {
            version: 1,
            flexible: true,
        };
        let schema = StructSchema {
            name: "",
            fields: &[],
            size: 0,
        };
        Self::of_struct(&schema, version)
    }

    fn of_struct(schema: &StructSchema, version: Version) -> Self {
        let Worst { thrice, depth } = version.of_struct(schema);
        Self {
            factor: thrice + depth,
            base: depth * FIRST_RESERVATION + SMALL,
        }
    }

    /// For decompression by a fresh decompressor, whatever the input.
    #[must_use]
    pub fn of_decompression(codec: CompressionType, limits: Limits) -> Self {
        const WINDOW: usize = 128 << 20;
        let limit = limits.max_decompressed;
        let (outputs, window, state) = match codec {
            CompressionType::None => (0, 0, 0),
            CompressionType::Snappy | CompressionType::Lz4 => (2, 0, 4 << 10),
            CompressionType::Gzip => (2, 0, 96 << 10),
            // The window doubles as it grows.
            CompressionType::Zstd => (2, 3 * limit.min(WINDOW / 2), 1 << 20),
        };
        Self {
            factor: 0,
            base: outputs * limit + window + state + SMALL,
        }
    }

    /// Holds what was measured against the bound.
    pub(crate) fn hold(self, peak: usize, len: usize, what: impl FnOnce() -> String) {
        let most = self.of(len);
        assert!(
            peak <= most,
            "{}: {peak} bytes of memory for {len}, where {most} is the most",
            what()
        );
    }

    /// Bytes that may be held for an input of `len` bytes.
    #[must_use]
    pub const fn of(self, len: usize) -> usize {
        self.factor * len + self.base
    }
}

#[derive(Clone, Copy)]
struct Version {
    version: i16,
    flexible: bool,
}

/// Three times the worst ratio of memory to wire in whole numbers, and how many arrays may be open at once.
#[derive(Clone, Copy)]
struct Worst {
    thrice: usize,
    depth: usize,
}

impl Worst {
    fn element(size: usize, least: usize) -> Self {
        Self {
            thrice: (3 * size).div_ceil(least.max(1)),
            depth: 1,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            thrice: self.thrice.max(other.thrice),
            depth: self.depth.max(other.depth),
        }
    }
}

impl Version {
    fn of_struct(self, schema: &StructSchema) -> Worst {
        let tags = if self.flexible {
            Worst::element(TAGS, LEAST_TAG)
        } else {
            Worst {
                thrice: 0,
                depth: 0,
            }
        };
        let here = schema.fields.iter();
        here.filter(|field| field.versions.contains(self.version))
            .map(|field| self.of(field.ty))
            .fold(tags, Worst::or)
    }

    fn of(self, ty: Type) -> Worst {
        match ty {
            Type::Array(of) => {
                let within = self.of(*of);
                let elements = Worst::element(of.size(), self.least(*of));
                Worst {
                    depth: within.depth + 1,
                    ..elements.or(within)
                }
            }
            Type::Struct(schema) => self.of_struct(schema),
            _ => Worst {
                thrice: 0,
                depth: 0,
            },
        }
    }

    /// The fewest bytes of a value.
    fn least(self, ty: Type) -> usize {
        let measured = |width| if self.flexible { 1 } else { width };
        match ty {
            Type::String => measured(2),
            Type::Bytes | Type::Records | Type::Array(_) => measured(4),
            Type::Struct(schema) => {
                let written = schema
                    .fields
                    .iter()
                    .filter(|field| field.versions.contains(self.version) && field.tag.is_none());
                let fields = written.map(|field| match (field.ty, field.nullable) {
                    (Type::Struct(_), Some(_)) => 1,
                    (ty, _) => self.least(ty),
                });
                fields.sum::<usize>() + usize::from(self.flexible)
            }
            // Numbers, booleans and ids are as large in memory as on the wire.
            fixed => fixed.size(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use milena_protocol::list_groups::ListGroupsResponse;
    use milena_protocol::{ApiVisitor, Request, visit_apis};

    use super::*;

    struct Factors(Vec<(usize, String)>);

    impl Factors {
        fn add<M: Message>(&mut self) {
            for version in M::VERSIONS.min..=M::VERSIONS.max {
                let factor = Bound::of_message::<M>(version).factor;
                self.0.push((factor, format!("{} v{version}", M::NAME)));
            }
        }
    }

    impl ApiVisitor for Factors {
        fn visit<R: Request>(&mut self) {
            self.add::<R>();
            self.add::<R::Response>();
        }
    }

    /// The documentation has this number.
    #[test]
    fn no_message_takes_more_than_138_times_its_bytes() {
        let mut factors = Factors(Vec::new());
        visit_apis(&mut factors);
        let worst = factors.0.iter().max().expect("there are messages");
        assert_eq!(*worst, (138, "ListGroupsResponse v3".to_owned()));
    }

    #[test]
    fn the_worst_message_comes_close_to_its_bound() {
        const GROUPS: usize = (1 << 14) - 2;
        let count = [(GROUPS + 1) as u8 | 0x80, ((GROUPS + 1) >> 7) as u8];
        let groups = [1, 1, 0].repeat(GROUPS);
        let body = Bytes::from([&[0; 6], &count[..], &groups, &[0]].concat());
        let (response, peak) = measured(|| ListGroupsResponse::decode(&body, 3));
        assert_eq!(response.expect("a sound message").groups.len(), GROUPS);
        let most = Bound::of_message::<ListGroupsResponse>(3).of(body.len());
        assert!((most / 2..most).contains(&peak), "{peak} of {most}");
    }
}
