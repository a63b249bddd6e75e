//! Frames: where they begin and end, what their headers say, and what is in them.

use std::iter;

use bytes::{Buf, Bytes};
use clap::ValueEnum;
use milena_protocol::produce::ProduceRequest;
use milena_protocol::tree::Tree;
use milena_protocol::{
    Api, ApiKey, DecodeError, Direction, ErrorCode, Message, RequestHeader, ResponseHeader,
    decode_request_header, decode_response_header,
};

use super::place::Complaint;

/// Whether a length stands in front of each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Framing {
    /// Lengths, if the first frame makes sense behind one; else one frame without, if that does; else lengths, if they cut
    /// the input without a rest.
    Auto,
    /// A length in front of each.
    Length,
    /// One frame, without its length.
    None,
}

/// One frame, without its length.
#[derive(Debug)]
pub(super) struct Frame {
    /// Where it begins in the input.
    start: usize,
    bytes: Bytes,
    /// What the length in front of it says.
    length: Option<i32>,
}

/// Bytes of a length.
const LENGTH: usize = 4;
/// The least that a header takes.
const LEAST_HEADER: usize = 4;
/// How an answer begins that says that there is no such version: to ApiVersions, it is in version 0.
const UNSUPPORTED: [u8; 2] = ErrorCode::UNSUPPORTED_VERSION.0.to_be_bytes();
/// No API has as many versions.
const MANY_VERSIONS: i16 = 100;

impl Frame {
    pub(super) fn whole(input: &Bytes) -> Self {
        Self {
            start: 0,
            bytes: input.clone(),
            length: None,
        }
    }

    /// The frames of an input in which each has its length in front, up to one that is not whole.
    pub(super) fn all_measured(input: &Bytes) -> impl Iterator<Item = Self> {
        iter::successors(Self::measured(input, 0), |frame| {
            frame
                .is_whole()
                .then(|| Self::measured(input, frame.end()))
                .flatten()
        })
    }

    /// What is left of the input after `at` begins with the length of a frame.
    fn measured(input: &Bytes, at: usize) -> Option<Self> {
        let mut rest = input.get(at..)?;
        let length = rest.try_get_i32().ok()?;
        let bytes = input.slice(at + LENGTH..);
        let wanted = usize::try_from(length).unwrap_or(0);
        Some(Self {
            start: at + LENGTH,
            bytes: bytes.slice(..wanted.min(bytes.len())),
            length: Some(length),
        })
    }

    pub(super) fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    pub(super) fn is_whole(&self) -> bool {
        self.length
            .is_none_or(|length| usize::try_from(length) == Ok(self.bytes.len()))
    }

    /// That the input ends before the frame does.
    pub(super) fn too_short(&self) -> Option<Complaint> {
        (!self.is_whole()).then(|| Complaint {
            what: format!(
                "the frame's length says {} bytes, and {} are there",
                self.length.unwrap_or_default(),
                self.bytes.len()
            ),
            at: Some(self.start.saturating_sub(LENGTH)),
        })
    }

    /// An error in what is left of the frame behind a part of it.
    fn complaint(&self, error: &DecodeError, rest: &Bytes) -> Complaint {
        Complaint {
            what: error.to_string(),
            at: Some(self.end() - rest.len() + error.offset()),
        }
    }

    /// Where the number of a request's version stands.
    fn version_at(&self) -> usize {
        self.start + 2
    }
}

/// What is known of the frames from outside.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) direction: Direction,
    pub(super) api: Option<ApiKey>,
    pub(super) version: Option<i16>,
}

/// A message that was read.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) api: ApiKey,
    pub(super) header: Option<Header>,
    pub(super) tree: Tree,
}

#[derive(Debug)]
pub(super) enum Header {
    Request(RequestHeader),
    Response(ResponseHeader),
}

/// How the input is cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// A length stands in front of each.
    pub(super) measured: bool,
    /// Neither way makes a message, or the lengths fit by chance, and this one is the likelier.
    pub(super) guessed: bool,
}

impl Decoder {
    /// Finds out how the input is cut.
    pub(super) fn cut(&self, input: &Bytes, framing: Framing) -> Cut {
        let known = |measured| Cut {
            measured,
            guessed: false,
        };
        let guessed = |measured| Cut {
            measured,
            guessed: true,
        };
        match framing {
            Framing::Length => return known(true),
            Framing::None => return known(false),
            Framing::Auto => {}
        }
        let Some(first) = Frame::measured(input, 0) else {
            return known(false);
        };
        let mut end = 0;
        let fit = Frame::all_measured(input).all(|frame| {
            end = frame.end();
            frame.is_whole() && frame.bytes.len() >= LEAST_HEADER
        });
        let behind = self.frame(&first);
        if first.is_whole() && behind.is_ok() {
            return known(true);
        }
        let fit = fit && end == input.len();
        let bare = match self.frame(&Frame::whole(input)) {
            // The first number of a response, which counts requests, may be its length by chance.
            Ok(_) if fit => return guessed(false),
            Ok(_) => return known(false),
            Err(_) if fit => return known(true),
            Err(bare) => bare,
        };
        match self.direction {
            Direction::Request if begins_request(input) => known(false),
            Direction::Request if has_header(&first.bytes) => known(true),
            Direction::Request => guessed(false),
            Direction::Response if bare.at.is_none() => known(false),
            // A frame that is cut off makes sense to its end.
            Direction::Response => {
                guessed(!first.is_whole() && behind.is_err_and(|behind| behind.at > bare.at))
            }
        }
    }

    /// Reads a frame: a header, and the body that it belongs to.
    pub(super) fn frame(&self, frame: &Frame) -> Result<Decoded, Complaint> {
        match self.direction {
            Direction::Request => {
                let (header, body) = decode_request_header(&frame.bytes)
                    .map_err(|error| frame.complaint(&error, &frame.bytes))?;
                let (key, version) = (header.api_key, header.api_version);
                let other_api = self.api.is_some_and(|api| api != key);
                if other_api || self.version.is_some_and(|asked| asked != version) {
                    return Err(Complaint {
                        what: format!(
                            "the header says {key}, version {version}: not what was asked for"
                        ),
                        at: Some(if other_api {
                            frame.start
                        } else {
                            frame.version_at()
                        }),
                    });
                }
                self.read(key, version, Some(Header::Request(header)), frame, &body)
            }
            Direction::Response => {
                let (key, version) = self.known(frame)?;
                let (header, body) = decode_response_header(&frame.bytes, key, version)
                    .map_err(|error| frame.complaint(&error, &frame.bytes))?;
                self.read(key, version, Some(Header::Response(header)), frame, &body)
            }
        }
    }

    /// Reads a frame that is a body and nothing else.
    pub(super) fn body(&self, frame: &Frame) -> Result<Decoded, Complaint> {
        let (key, version) = self.known(frame)?;
        self.read(key, version, None, frame, &frame.bytes)
    }

    fn known(&self, frame: &Frame) -> Result<(ApiKey, i16), Complaint> {
        self.api.zip(self.version).ok_or_else(|| Complaint {
            what: "without a request header, the API and its version have to be said".to_owned(),
            at: Some(frame.start),
        })
    }

    fn read(
        &self,
        key: ApiKey,
        version: i16,
        header: Option<Header>,
        frame: &Frame,
        body: &Bytes,
    ) -> Result<Decoded, Complaint> {
        let is_request = matches!(header, Some(Header::Request(_)));
        let hint = if is_request && self.api.is_none() {
            "; if these are responses: --response --api API --api-version N"
        } else {
            ""
        };
        let api = Api::find(key).ok_or_else(|| Complaint {
            what: no_api_of_clients(key) + hint,
            at: Some(frame.start),
        })?;
        // A version that there is not is wrong in a request's header, or was asked for.
        if !api.versions.contains(version) {
            return Err(Complaint {
                what: format!(
                    "{key} has versions {}, and not {version}{hint}",
                    api.versions
                ),
                at: is_request.then(|| frame.version_at()),
            });
        }
        let is_downgraded = self.direction == Direction::Response
            && key == ApiKey::API_VERSIONS
            && body.starts_with(&UNSUPPORTED);
        let version = if is_downgraded { 0 } else { version };
        let tree = api
            .read(self.direction, version, body)
            .map_err(|error| frame.complaint(&error, body))?;
        Ok(Decoded {
            api: key,
            header,
            tree,
        })
    }
}

/// That there is no table of an API.
pub(super) fn no_api_of_clients(key: ApiKey) -> String {
    format!("{key} is no API that clients speak")
}

/// Whether the bytes begin with the header of a request, and all of it.
fn has_header(bytes: &Bytes) -> bool {
    begins_request(bytes) && decode_request_header(bytes).is_ok()
}

/// Whether the bytes begin with an API that there is, and a version that there could be.
///
/// A length, taken for them, has its upper half for the API and its lower for the version: of less than 64 KiB it is
/// one of Produce, in a version that is as large, and of more it is in a version by chance. So Produce has to have
/// the version.
fn begins_request(bytes: &Bytes) -> bool {
    let mut bytes = &bytes[..];
    let (Ok(key), Ok(version)) = (bytes.try_get_i16(), bytes.try_get_i16()) else {
        return false;
    };
    match ApiKey(key) {
        ApiKey::PRODUCE => ProduceRequest::VERSIONS.contains(version),
        key => key.name().is_some() && (0..MANY_VERSIONS).contains(&version),
    }
}
