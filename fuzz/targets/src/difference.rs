//! Any message, read and written by this project and by the `kafka-protocol` crate, which owes it nothing.
//!
//! What is known to differ is in `fuzz/FINDINGS.md`, with who is right; [`lenient`] and [`Exception`] say it here, each
//! as narrowly as it can be told, so that anything else shows.

mod lenient;
mod shown;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey as TheirKey, RequestKind, ResponseKind};
use milena_protocol::schema::{FieldSchema, StructSchema, Type};
use milena_protocol::{
    Api, ApiKey, ApiVisitor, Direction, EncodeError, EncodeReason, Message, Request, visit_apis,
};

use lenient::{Liberty, Walk};
use shown::Shown;

/// A message: API key, version, another version, direction (odd: response), body.
///
/// Both read it or neither does; the values are the same, field by field; both write the same bytes, in the version
/// that was read and in the other one, or both refuse to.
pub fn difference(data: &[u8]) {
    let Some((&[key, version, other, direction], body)) = data.split_first_chunk() else {
        return;
    };
    let key = i16::from(key);
    let direction = Direction::BOTH[usize::from(direction & 1)];
    let (Some(api), Ok(their_key)) = (Api::find(ApiKey(key)), TheirKey::try_from(key)) else {
        return;
    };
    let theirs = their_key.valid_versions();
    let both = |version: &i16| {
        api.versions.contains(*version) && (theirs.min..=theirs.max).contains(version)
    };
    let Some(version) = Some(i16::from(version)).filter(both) else {
        return;
    };
    visit_apis(&mut Case {
        api,
        their_key,
        direction,
        version,
        other: Some(i16::from(other)).filter(both),
        body: Bytes::copy_from_slice(body),
    });
}

/// The API has it, but not their message: it is unstable.
const NO_SUCH_VERSION: &str = "specified version not supported by this message type";

struct Case {
    api: &'static Api,
    their_key: TheirKey,
    direction: Direction,
    version: i16,
    other: Option<i16>,
    body: Bytes,
}

impl ApiVisitor for Case {
    fn visit<R: Request>(&mut self) {
        if R::API != self.api.key {
            return;
        }
        match self.direction {
            Direction::Request => self.compare::<R>(),
            Direction::Response => self.compare::<R::Response>(),
        }
    }
}

impl Case {
    fn compare<M: Message>(&self) {
        let schema = self.api.schema(self.direction);
        let walk = Walk::of(
            schema,
            self.version,
            self.flexible(self.version),
            &self.body,
        );
        if walk.lying_count {
            // They reserve memory for whatever an array claims, and the process ends.
            assert!(
                M::decode(&self.body, self.version).is_err(),
                "{}",
                self.name()
            );
            return;
        }
        match (M::decode(&self.body, self.version), self.read()) {
            (_, Err(error)) if error.ends_with(NO_SUCH_VERSION) => {}
            (Ok(ours), Ok(theirs)) => {
                if walk.liberties.is_empty() {
                    self.same_values(&theirs);
                    self.same_bytes(&ours, &theirs, self.version);
                    if let Some(other) = self.other {
                        self.same_bytes(&ours, &theirs, other);
                    }
                }
            }
            (Err(_), Err(_)) => {}
            (Err(error), Ok(theirs)) => assert!(
                walk.liberties
                    .iter()
                    .any(|liberty| liberty.explains(&error)),
                "{}: refused, and they read {theirs:?}: {error}",
                self.name()
            ),
            (Ok(ours), Err(error)) => assert!(
                walk.liberties.iter().any(Liberty::stops_them),
                "{}: they refuse {ours:?}: {error}",
                self.name()
            ),
        }
    }

    fn same_values(&self, theirs: &Theirs) {
        let tree = self.api.read(self.direction, self.version, &self.body);
        let tree = tree.unwrap_or_else(|error| panic!("read once, but not as a tree: {error}"));
        let text = format!("{theirs:?}");
        if let Err(path) = Shown::parse(&text).is(&tree) {
            panic!("{}: {path} differs:\n{tree:?}\n{text}", self.name());
        }
    }

    fn same_bytes<M: Message>(&self, ours: &M, theirs: &Theirs, version: i16) {
        let (written, expected) = (ours.encode(version), theirs.write(version));
        match (written, expected) {
            (Ok(written), Ok(expected)) => assert_eq!(
                written.into_bytes(),
                expected,
                "{} written in version {version}: {ours:?}\n{theirs:?}",
                self.name()
            ),
            (Err(_), Err(_)) => {}
            (Err(error), Ok(_)) if self.written_all_the_same(&error) => {}
            (Err(error), Ok(_)) => panic!("{}: they write {theirs:?}: {error}", self.name()),
            (Ok(_), Err(error)) if error.ends_with(NO_SUCH_VERSION) => {}
            (Ok(_), Err(error)) => panic!("{}: they do not write {theirs:?}: {error}", self.name()),
        }
    }

    /// What they write although the version cannot carry it: what it has no tags for is left out, and null stands
    /// where only other versions have it.
    fn written_all_the_same(&self, error: &EncodeError) -> bool {
        let row = row(self.api.schema(self.direction), &error.path());
        match error.reason() {
            EncodeReason::NoTags => true,
            EncodeReason::Absent => row.is_some_and(|row| row.tag.is_some()),
            EncodeReason::Null => row.is_some_and(|row| row.nullable.is_some()),
            _ => false,
        }
    }

    /// Their reading, of all the body.
    fn read(&self) -> Result<Theirs, String> {
        let mut body = self.body.clone();
        let (key, version) = (self.their_key, self.version);
        let read = match self.direction {
            Direction::Request => RequestKind::decode(key, &mut body, version).map(Theirs::Request),
            Direction::Response => {
                ResponseKind::decode(key, &mut body, version).map(Theirs::Response)
            }
        };
        match read {
            Ok(_) if !body.is_empty() => Err(format!("{} bytes left over", body.len())),
            read => read.map_err(|error| format!("{error:#}")),
        }
    }

    fn flexible(&self, version: i16) -> bool {
        self.api.flexible_from.is_some_and(|from| version >= from)
    }

    fn name(&self) -> String {
        format!("{} v{}", self.api.schema(self.direction).name, self.version)
    }
}

/// The row that a path ends with: `topics[3].name`.
fn row(schema: &StructSchema, path: &str) -> Option<&'static FieldSchema> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let name = first.split('[').next()?;
    let row = schema.fields.iter().find(|row| row.name == name)?;
    if rest.is_empty() {
        return Some(row);
    }
    let mut ty = row.ty;
    while let Type::Array(of) = ty {
        ty = *of;
    }
    match ty {
        Type::Struct(schema) => self::row(schema, rest),
        _ => None,
    }
}

enum Theirs {
    Request(RequestKind),
    Response(ResponseKind),
}

impl Theirs {
    fn write(&self, version: i16) -> Result<BytesMut, String> {
        let mut out = BytesMut::new();
        let written = match self {
            Self::Request(request) => request.encode(&mut out, version),
            Self::Response(response) => response.encode(&mut out, version),
        };
        written.map(|()| out).map_err(|error| format!("{error:#}"))
    }
}

impl std::fmt::Debug for Theirs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Request(request) => request.fmt(f),
            Self::Response(response) => response.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    /// No fuzzer's input is as long.
    #[test]
    fn a_string_longer_than_kafka_takes_is_told_apart() {
        let header = [10, 3, 3, 0];
        let length = [0x81, 0x80, 0x02];
        let text = [b'x'; 32768];
        difference(&[&header[..], &length, &text, &[0, 0]].concat());
    }
}
