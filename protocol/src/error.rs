//! Why bytes could not be read or a message could not be written: message, version, field path, byte, reason.

use std::fmt;

use nom::error::{ErrorKind, ParseError};

use crate::text::Str;
use crate::version::VersionRange;
use crate::wire::Wire;

/// Bytes that are not the message they were taken for.
///
/// ```
/// use bytes::Bytes;
/// use milena_protocol::{Message, metadata::MetadataResponse};
/// let error = MetadataResponse::decode(&Bytes::from_static(&[0, 0, 0, 1, 0, 0]), 0).unwrap_err();
/// assert_eq!(error.to_string(), "MetadataResponse v0: brokers: a count of 1 is more than the 2 bytes left can hold at byte 0");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Decode>);

#[derive(Clone, PartialEq, Eq)]
struct Decode {
    at: Place,
    offset: usize,
    reason: DecodeReason,
}

/// What was wrong with the bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeReason {
    /// A value needs more bytes than there are.
    #[error("truncated to {left} of {}", Count(*.needed))]
    Truncated {
        /// Bytes of the value; of a varint, one more than there are.
        needed: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// An array, or a tagged section, claims more elements than the remaining bytes could hold at their least size.
    #[error("a count of {claimed} is more than the {left} left can hold", left = Count(*.left))]
    LyingCount {
        /// The count as it was read.
        claimed: usize,
        /// Bytes left after the count.
        left: usize,
    },
    /// A length below -1.
    #[error("negative length {0}")]
    NegativeLength(i32),
    /// Null for a field that is not nullable in this version.
    #[error("null is not allowed")]
    Null,
    /// A string of more than [`Str::MAX_LEN`] bytes.
    #[error("a string of {0} bytes, where {max} are the most", max = Str::MAX_LEN)]
    TextTooLong(usize),
    /// A string that is not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// An unsigned varint of more than 32 bits.
    #[error("varint too long")]
    Varint,
    /// Tags of a tagged section must be strictly ascending.
    #[error("tag {0} out of order")]
    TagOrder(u32),
    /// The struct has this tag, but not in this version.
    #[error("tag {0} is not of this version")]
    TagVersion(u32),
    /// Bytes left over after the last field, or after a tagged field.
    #[error("{} left over", Count(*.0))]
    Trailing(usize),
    /// The message has no such version.
    #[error("version not in {0}")]
    Version(VersionRange),
}

/// So many bytes, in words.
struct Count(usize);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 byte"),
            n => write!(f, "{n} bytes"),
        }
    }
}

impl DecodeError {
    #[cold]
    pub(crate) fn new(at: Wire<'_>, reason: DecodeReason) -> Self {
        Self(Box::new(Decode {
            at: Place::default(),
            offset: at.address(),
            reason,
        }))
    }

    /// Takes nom's wrapping off, and makes an offset of the address, which is all that a parser knows of the place.
    pub(crate) fn from_nom(error: nom::Err<Self>, start: Wire<'_>) -> Self {
        let mut error = match error {
            nom::Err::Error(error) | nom::Err::Failure(error) => error,
            // A frame is complete, so nom never asks for more.
            nom::Err::Incomplete(_) => Self::from_error_kind(start, ErrorKind::Complete),
        };
        error.0.offset = error.0.offset.saturating_sub(start.address());
        error
    }

    /// The message being read, as Kafka names it.
    #[must_use]
    pub fn message(&self) -> &'static str {
        self.0.at.message
    }

    /// The version it was read in.
    #[must_use]
    pub fn version(&self) -> i16 {
        self.0.at.version
    }

    /// The field, from the outside in: `topics[3].name`. Empty when the message as a whole is meant.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.at.path()
    }

    /// The byte, counted from the start of the bytes that were given to `decode`.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// What was wrong.
    #[must_use]
    pub fn reason(&self) -> &DecodeReason {
        &self.0.reason
    }

    pub(crate) fn in_message(mut self, message: &'static str, version: i16) -> Self {
        self.0.at.message = message;
        self.0.at.version = version;
        self
    }
}

impl<'a> ParseError<Wire<'a>> for DecodeError {
    // The only nom parser used on raw bytes is `take`, which fails in one way.
    fn from_error_kind(i: Wire<'a>, _: ErrorKind) -> Self {
        let left = i.len();
        Self::new(
            i,
            DecodeReason::Truncated {
                needed: left + 1,
                left,
            },
        )
    }

    fn append(_: Wire<'a>, _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl std::error::Error for DecodeError {}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{} at byte {}",
            self.0.at, self.0.reason, self.0.offset
        )
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecodeError({self})")
    }
}

/// A message that cannot be written in the version asked for.
///
/// ```
/// use milena_protocol::{Message, metadata::MetadataRequest};
/// let all = MetadataRequest { topics: None, ..Default::default() };
/// let error = all.encode(0).unwrap_err();
/// assert_eq!(error.to_string(), "MetadataRequest v0: topics: null is not allowed in this version");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EncodeError(Box<Encode>);

#[derive(Clone, PartialEq, Eq)]
struct Encode {
    at: Place,
    reason: EncodeReason,
}

/// Why a message could not be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeReason {
    /// The field is set, is not ignorable, and this version lacks it.
    #[error("is set, but this version does not have the field")]
    Absent,
    /// `None` for a field that is not nullable in this version.
    #[error("null is not allowed in this version")]
    Null,
    /// Longer than the length field in front of it can say, or a string of more than [`Str::MAX_LEN`] bytes.
    #[error("{0} bytes or elements are too many")]
    TooLong(usize),
    /// Unknown tags were set, and this version has no tagged sections.
    #[error("has unknown tags, but this version has no tagged fields")]
    NoTags,
    /// An unknown tag has the number of a field that this version knows.
    #[error("unknown tag {0} is a known field in this version")]
    KnownTag(u32),
    /// The message has no such version.
    #[error("version not in {0}")]
    Version(VersionRange),
}

impl EncodeError {
    #[cold]
    pub(crate) fn new(reason: EncodeReason) -> Self {
        Self(Box::new(Encode {
            at: Place::default(),
            reason,
        }))
    }

    #[cold]
    pub(crate) fn absent(row: &'static str) -> Self {
        Self::new(EncodeReason::Absent).in_row(row)
    }

    /// The message being written, as Kafka names it.
    #[must_use]
    pub fn message(&self) -> &'static str {
        self.0.at.message
    }

    /// The version it was to be written in.
    #[must_use]
    pub fn version(&self) -> i16 {
        self.0.at.version
    }

    /// The field, from the outside in: `topics[3].name`. Empty when the message as a whole is meant.
    #[must_use]
    pub fn path(&self) -> String {
        self.0.at.path()
    }

    /// Why it could not be written.
    #[must_use]
    pub fn reason(&self) -> &EncodeReason {
        &self.0.reason
    }

    pub(crate) fn in_message(mut self, message: &'static str, version: i16) -> Self {
        self.0.at.message = message;
        self.0.at.version = version;
        self
    }
}

impl std::error::Error for EncodeError {}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0.at, self.0.reason)
    }
}

impl fmt::Debug for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncodeError({self})")
    }
}

/// An error on its way out, to whose path everyone adds a step, so that success pays nothing for paths.
pub(crate) trait StepOut: Sized {
    fn step_out(self, step: Step) -> Self;

    /// Out of a row of a table.
    #[cold]
    fn in_row(self, row: &'static str) -> Self {
        self.step_out(Step::Field(row))
    }

    /// Out of an array.
    #[cold]
    fn in_element(self, index: usize) -> Self {
        self.step_out(Step::Index(index))
    }
}

impl StepOut for nom::Err<DecodeError> {
    fn step_out(self, step: Step) -> Self {
        self.map(|mut error| {
            error.0.at.steps.push(step);
            error
        })
    }
}

impl StepOut for EncodeError {
    fn step_out(mut self, step: Step) -> Self {
        self.0.at.steps.push(step);
        self
    }
}

/// One step of a field path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Field(&'static str),
    Index(usize),
}

/// Message, version and path; the steps are innermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    message: &'static str,
    version: i16,
    steps: Vec<Step>,
}

impl Place {
    fn path(&self) -> String {
        let mut path = String::new();
        for step in self.steps.iter().rev() {
            match step {
                Step::Field(name) if path.is_empty() => path.push_str(name),
                Step::Field(name) => {
                    path.push('.');
                    path.push_str(name);
                }
                Step::Index(n) => path.push_str(&format!("[{n}]")),
            }
        }
        path
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} v{}: ", self.message, self.version)?;
        if self.steps.is_empty() {
            Ok(())
        } else {
            write!(f, "{}: ", self.path())
        }
    }
}
