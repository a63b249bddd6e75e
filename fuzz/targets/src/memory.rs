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
use milena_protocol::schema::{FieldSchema, StructSchema, Type};
use milena_protocol::tree::Value;

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

/// Unknown tags, whose list grows; one alone, which brings its list, takes less. Two bytes are the fewest a tag has.
const TAGS: Worst = Worst {
    ratio: 3 * size_of::<(u32, bytes::Bytes)>() / 2,
    depth: 1,
};

impl Bound {
    /// For the body of a message.
    #[must_use]
    pub fn of_message<M: Message>(version: i16) -> Self {
        Shape::of::<M>(version, false).bound(M::schema())
    }

    /// For the same, read as a tree, which takes a list of fields for every struct.
    #[must_use]
    pub fn of_tree<M: Message>(version: i16) -> Self {
        Shape::of::<M>(version, true).bound(M::schema())
    }

    /// For the headers of requests and responses, which have nothing but unknown tags.
    #[must_use]
    pub fn of_header() -> Self {
        let shape = Shape {
            version: 1,
            flexible: true,
            tree: false,
        };
        shape.bound(&StructSchema {
            name: "",
            fields: &[],
            size: 0,
        })
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

/// How a message is read.
#[derive(Clone, Copy)]
struct Shape {
    version: i16,
    flexible: bool,
    /// As a tree of values, or as structs.
    tree: bool,
}

/// The worst ratio of memory to wire in whole numbers, and how many arrays may be open at once.
#[derive(Clone, Copy)]
struct Worst {
    ratio: usize,
    depth: usize,
}

impl Worst {
    const NONE: Self = Self { ratio: 0, depth: 0 };

    /// Of elements that take `size` bytes in an array and own some more.
    fn elements(size: usize, owned: usize, least: usize) -> Self {
        Self {
            ratio: (3 * size + owned).div_ceil(least.max(1)),
            depth: 1,
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            ratio: self.ratio.max(other.ratio),
            depth: self.depth.max(other.depth),
        }
    }
}

impl Shape {
    fn of<M: Message>(version: i16, tree: bool) -> Self {
        Self {
            version,
            flexible: M::FLEXIBLE_FROM.is_some_and(|from| version >= from),
            tree,
        }
    }

    fn bound(self, schema: &StructSchema) -> Bound {
        let Worst { ratio, depth } = self.of_struct(schema);
        // A tree has a place for every field of the structs that are open, and of the message itself.
        let places = if self.tree { 16 * SMALL } else { 0 };
        Bound {
            factor: ratio + depth,
            base: depth * FIRST_RESERVATION + SMALL + places,
        }
    }

    fn fields(self, schema: &StructSchema) -> impl Iterator<Item = &'static FieldSchema> {
        let here = schema.fields.iter();
        here.filter(move |field| field.versions.contains(self.version))
    }

    fn of_struct(self, schema: &StructSchema) -> Worst {
        let tags = match self.flexible {
            true => TAGS,
            false => Worst::NONE,
        };
        let fields = self.fields(schema).map(|field| self.of_type(field.ty));
        fields.fold(tags, Worst::or)
    }

    fn of_type(self, ty: Type) -> Worst {
        match ty {
            Type::Array(of) => {
                let within = self.of_type(*of);
                let size = if self.tree {
                    size_of::<Value>()
                } else {
                    of.size()
                };
                let elements = Worst::elements(size, self.owned(*of), self.least(*of));
                Worst {
                    depth: within.depth + 1,
                    ..elements.or(within)
                }
            }
            Type::Struct(schema) => {
                // Where it may be null, all it owns comes with its own bytes.
                let alone = Worst::elements(0, self.owned(ty), self.least(ty));
                alone.or(self.of_struct(schema))
            }
            _ => Worst::NONE,
        }
    }

    /// What a struct of a tree owns at least: the list of its fields, which may have grown to twice what it holds.
    fn owned(self, ty: Type) -> usize {
        let Type::Struct(schema) = ty else {
            return 0;
        };
        if !self.tree {
            return 0;
        }
        let room = (2 * self.fields(schema).count()).max(4);
        let within = self.fields(schema).map(|field| match field.nullable {
            None => self.owned(field.ty),
            Some(_) => 0,
        });
        room * size_of::<(&FieldSchema, Value)>() + within.sum::<usize>()
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

    #[derive(Default)]
    struct Factors {
        typed: Vec<(usize, String)>,
        trees: Vec<(usize, String)>,
    }

    impl Factors {
        fn add<M: Message>(&mut self) {
            for version in M::VERSIONS.min..=M::VERSIONS.max {
                let name = || format!("{} v{version}", M::NAME);
                self.typed
                    .push((Bound::of_message::<M>(version).factor, name()));
                self.trees
                    .push((Bound::of_tree::<M>(version).factor, name()));
            }
        }
    }

    impl ApiVisitor for Factors {
        fn visit<R: Request>(&mut self) {
            self.add::<R>();
            self.add::<R::Response>();
        }
    }

    /// The documentation has these numbers.
    #[test]
    fn no_message_takes_more_than_138_times_its_bytes_and_no_tree_more_than_187() {
        let mut factors = Factors::default();
        visit_apis(&mut factors);
        let worst = |factors: &[(usize, String)]| factors.iter().max().cloned().expect("some");
        assert_eq!(
            worst(&factors.typed),
            (138, "ListGroupsResponse v3".to_owned())
        );
        assert_eq!(
            worst(&factors.trees),
            (187, "CreatePartitionsRequest v3".to_owned())
        );
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
