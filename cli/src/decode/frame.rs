//! Frames: where they begin and end, what their headers say, and what is in them.

use bytes::{Buf, Bytes};
use clap::ValueEnum;
use milena_protocol::tree::Tree;
use milena_protocol::{
    Api, ApiKey, DecodeError, Direction, RequestHeader, ResponseHeader, decode_request_header,
    decode_response_header,
};

use super::place::Complaint;
use super::records::Form;

/// Whether a length stands in front of each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Framing {
    /// Lengths, if they cut the input into frames without a rest; else whatever makes a header.
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

impl Frame {
    pub(super) fn whole(input: &Bytes) -> Self {
        Self {
            start: 0,
            bytes: input.clone(),
            length: None,
        }
    }

    /// What is left of the input after `at` begins with the length of a frame.
    fn measured(input: &Bytes, at: usize) -> Option<Self> {
        let mut rest = input.get(at..)?;
        let length = rest.try_get_i32().ok()?;
        let bytes = input.slice(at + 4..);
        let wanted = usize::try_from(length).unwrap_or(0);
        Some(Self {
            start: at + 4,
            bytes: bytes.slice(..wanted.min(bytes.len())),
            length: Some(length),
        })
    }

    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    fn is_whole(&self) -> bool {
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
            at: Some(self.start.saturating_sub(4)),
        })
    }

    /// An error in what is left of the frame behind a part of it.
    fn complaint(&self, error: &DecodeError, rest: &Bytes) -> Complaint {
        Complaint {
            what: error.to_string(),
            at: Some(self.end() - rest.len() + error.offset()),
        }
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
pub(super) struct Decoded<'a> {
    pub(super) header: Option<Header>,
    pub(super) tree: Tree,
    input: &'a Bytes,
}

#[derive(Debug)]
pub(super) enum Header {
    Request(RequestHeader),
    Response(ResponseHeader),
}

impl Decoder {
    /// Cuts the input into frames.
    pub(super) fn split(&self, input: &Bytes, framing: Framing) -> Vec<Frame> {
        let mut frames = Vec::new();
        let mut at = 0;
        while let Some(frame) = Frame::measured(input, at) {
            at = frame.end();
            frames.push(frame);
        }
        let fits = at == input.len() && frames.iter().all(Frame::is_whole);
        let bare = || vec![Frame::whole(input)];
        match framing {
            Framing::Length if frames.is_empty() => bare(),
            Framing::Length => frames,
            Framing::None => bare(),
            Framing::Auto if fits => frames,
            // Cut off somewhere: then the header behind the length makes sense, and the length as a header does not.
            Framing::Auto
                if !self.has_sense(input) && self.has_sense(&input.slice(4.min(input.len())..)) =>
            {
                frames
            }
            Framing::Auto => bare(),
        }
    }

    /// Whether the bytes begin with a request header of an API and a version that there are.
    fn has_sense(&self, frame: &Bytes) -> bool {
        let mut frame = &frame[..];
        let (Ok(key), Ok(version)) = (frame.try_get_i16(), frame.try_get_i16()) else {
            return false;
        };
        let expected = self.api.is_none_or(|api| api == ApiKey(key));
        self.direction == Direction::Request
            && expected
            && Api::find(ApiKey(key)).is_some_and(|api| api.versions.contains(version))
    }

    /// Reads a frame: a header, and the body that it belongs to.
    pub(super) fn frame<'a>(
        &self,
        frame: &Frame,
        input: &'a Bytes,
    ) -> Result<Decoded<'a>, Complaint> {
        match self.direction {
            Direction::Request => {
                let (header, body) = decode_request_header(&frame.bytes)
                    .map_err(|error| frame.complaint(&error, &frame.bytes))?;
                let (key, version) = (header.api_key, header.api_version);
                if self.api.is_some_and(|api| api != key)
                    || self.version.is_some_and(|asked| asked != version)
                {
                    return Err(Complaint {
                        what: format!(
                            "the header says {key}, version {version}: not what was asked for"
                        ),
                        at: Some(frame.start),
                    });
                }
                self.read(
                    key,
                    version,
                    Some(Header::Request(header)),
                    frame,
                    &body,
                    input,
                )
            }
            Direction::Response => {
                let (key, version) = self.known(frame)?;
                let (header, body) = decode_response_header(&frame.bytes, key, version)
                    .map_err(|error| frame.complaint(&error, &frame.bytes))?;
                self.read(
                    key,
                    version,
                    Some(Header::Response(header)),
                    frame,
                    &body,
                    input,
                )
            }
        }
    }

    /// Reads a frame that is a body and nothing else.
    pub(super) fn body<'a>(
        &self,
        frame: &Frame,
        input: &'a Bytes,
    ) -> Result<Decoded<'a>, Complaint> {
        let (key, version) = self.known(frame)?;
        self.read(key, version, None, frame, &frame.bytes, input)
    }

    fn known(&self, frame: &Frame) -> Result<(ApiKey, i16), Complaint> {
        self.api.zip(self.version).ok_or_else(|| Complaint {
            what: "without a request header, the API and its version have to be said".to_owned(),
            at: Some(frame.start),
        })
    }

    fn read<'a>(
        &self,
        key: ApiKey,
        version: i16,
        header: Option<Header>,
        frame: &Frame,
        body: &Bytes,
        input: &'a Bytes,
    ) -> Result<Decoded<'a>, Complaint> {
        let api = Api::find(key).ok_or_else(|| Complaint {
            what: format!("{key} is no API that clients speak"),
            at: Some(frame.start),
        })?;
        let tree = api
            .read(self.direction, version, body)
            .map_err(|error| frame.complaint(&error, body))?;
        Ok(Decoded {
            header,
            tree,
            input,
        })
    }
}

impl Decoded<'_> {
    /// The message in JSON.
    pub(super) fn form(&self) -> Form<'_> {
        Form::new(self, self.input)
    }
}
