//! What every message can do.

use std::fmt::Debug;

use bytes::Bytes;

use crate::api_key::ApiKey;
use crate::error::{DecodeError, DecodeReason, EncodeError, EncodeReason};
use crate::field::Field;
use crate::schema::{StructSchema, Type};
use crate::sink::{Encoded, Segments, Sink};
use crate::version::{Ver, VersionRange};
use crate::wire::{Frame, Wire};

/// A request or a response: one struct that is read and written in every version of its API.
///
/// The methods here are about the body alone; for whole frames with their headers see
/// [`encode_request`](crate::encode_request) and its siblings. Only tables of this crate implement the trait.
pub trait Message: Field + Clone + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The API.
    const API: ApiKey;
    /// The API's name, without `Request` or `Response`.
    const API_NAME: &'static str;
    /// The message's own name.
    const NAME: &'static str;
    /// The versions it can be read and written in; request and response of an API have the same.
    const VERSIONS: VersionRange;
    /// The first flexible version: compact lengths and tagged sections. `None` when there is none.
    const FLEXIBLE_FROM: Option<i16>;

    /// The message's table.
    #[must_use]
    fn schema() -> &'static StructSchema {
        match Self::TYPE {
            Type::Struct(schema) => schema,
            _ => &StructSchema {
                name: "",
                fields: &[],
                size: 0,
            },
        }
    }

    /// How many bytes the body takes.
    ///
    /// # Errors
    /// Those of [`Message::encode`].
    fn encoded_len(&self, version: i16) -> Result<usize, EncodeError> {
        Ok(self.encode(version)?.len())
    }

    /// Writes the body. Record sets are not copied.
    ///
    /// # Errors
    /// When there is no such version, when a field is set that the version lacks and that may not be dropped, when a
    /// field is null that may not be, or when something is too long for its length field.
    fn encode(&self, version: i16) -> Result<Segments, EncodeError>;

    /// Reads a whole body. Strings, bytes and record sets share it, and keep it alive.
    ///
    /// # Errors
    /// When there is no such version, or when the bytes are not the message: cut short, left over, or against its
    /// rules. The error names field and byte.
    fn decode(body: &Bytes, version: i16) -> Result<Self, DecodeError>;
}

/// A request, which knows its response.
pub trait Request: Message {
    /// The response.
    type Response: Message;
    /// The highest version that a client should offer: an unstable one is read and written, but not negotiated.
    const LATEST_STABLE: i16;
}

/// The version as it is handed down, if the message has it.
fn ver(versions: VersionRange, flexible_from: Option<i16>, version: i16) -> Option<Ver> {
    let flexible = flexible_from.is_some_and(|from| version >= from);
    versions.contains(version).then_some(Ver {
        v: version,
        flexible,
    })
}

pub(crate) fn read_body<M: Message>(body: &Bytes, version: i16) -> Result<M, DecodeError> {
    let start = Wire::new(body);
    let parsed = match ver(M::VERSIONS, M::FLEXIBLE_FROM, version) {
        Some(ver) => M::read(start, &Frame::new(body, ver)),
        None => Err(start.fail(DecodeReason::Version(M::VERSIONS))),
    };
    let error = match parsed {
        Ok((rest, message)) => match rest.end() {
            Ok(()) => return Ok(message),
            Err(error) => error,
        },
        Err(error) => error,
    };
    Err(DecodeError::from_nom(error, start).in_message(M::NAME, version))
}

/// Something that writes.
pub(crate) type Write<'a> = &'a dyn Fn(&mut Sink) -> Encoded;

/// What is written, in one piece or several.
pub(crate) type Written = Result<Segments, EncodeError>;

/// Gives `to` what writes the body.
pub(crate) fn write_body<M: Message>(
    message: &M,
    version: i16,
    to: &dyn Fn(Write<'_>) -> Written,
) -> Written {
    let written = match ver(M::VERSIONS, M::FLEXIBLE_FROM, version) {
        Some(ver) => to(&|out| message.write(out, ver)),
        None => Err(EncodeError::new(EncodeReason::Version(M::VERSIONS))),
    };
    written.map_err(|error| error.in_message(M::NAME, version))
}
