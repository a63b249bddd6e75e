//! Request and response headers, and whole frames.
//!
//! Headers are written by hand, for they break the rules that messages keep: the client id is never a compact string,
//! and the response of ApiVersions has the oldest header in every version, so that a client can read it before it
//! knows what the broker speaks.

use bytes::Bytes;

use crate::api_key::ApiKey;
use crate::error::{DecodeError, EncodeError, StepOut};
use crate::field::Field;
use crate::message::{Message, Request, write_body};
use crate::registry::flexible_from;
use crate::sink::{Encoded, Segments, Sink, frame};
use crate::tags::{Tag, TagWriter, UnknownTags, read_tags};
use crate::text::Str;
use crate::version::Ver;
use crate::wire::{Frame, Parsed, Wire};

/// What stands in front of every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which API.
    pub api_key: ApiKey,
    /// The version of request and response.
    pub api_version: i16,
    /// Comes back in the response.
    pub correlation_id: i32,
    /// A name for logs and quotas.
    pub client_id: Option<Str>,
    /// Tagged fields that this crate does not know.
    pub unknown_tags: UnknownTags,
}

/// What stands in front of every response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeader {
    /// That of the request.
    pub correlation_id: i32,
    /// Tagged fields that this crate does not know.
    pub unknown_tags: UnknownTags,
}

const NOT_FLEXIBLE: Ver = Ver {
    v: 1,
    flexible: false,
};

fn request_is_flexible(api: ApiKey, version: i16) -> bool {
    flexible_from(api).is_some_and(|from| version >= from)
}

fn response_is_flexible(api: ApiKey, version: i16) -> bool {
    api != ApiKey::API_VERSIONS && request_is_flexible(api, version)
}

fn row<'a, T>(parsed: Parsed<'a, T>, name: &'static str) -> Parsed<'a, T> {
    parsed.map_err(|error| error.in_row(name))
}

impl RequestHeader {
    fn ver(&self) -> Ver {
        Ver {
            v: 1,
            flexible: request_is_flexible(self.api_key, self.api_version),
        }
    }

    /// The part that the headers of all versions share.
    fn read(bytes: &Bytes) -> Parsed<'_, Self> {
        let frame = &Frame::new(bytes, NOT_FLEXIBLE);
        let i = Wire::new(bytes);
        let (i, api_key) = row(Field::read(i, frame), "request_api_key")?;
        let (i, api_version) = row(Field::read(i, frame), "request_api_version")?;
        let (i, correlation_id) = row(Field::read(i, frame), "correlation_id")?;
        let (i, client_id) = row(Field::read_nullable(i, frame), "client_id")?;
        let header = Self {
            api_key: ApiKey(api_key),
            api_version,
            correlation_id,
            client_id,
            ..Self::default()
        };
        Ok((i, header))
    }

    fn write(&self, out: &mut Sink) -> Encoded {
        self.api_key.0.write(out, NOT_FLEXIBLE)?;
        self.api_version.write(out, NOT_FLEXIBLE)?;
        self.correlation_id.write(out, NOT_FLEXIBLE)?;
        Field::write_nullable(self.client_id.as_ref(), out, NOT_FLEXIBLE)
            .map_err(|error| error.in_row("client_id"))?;
        TagWriter::begin(out, self.ver(), &self.unknown_tags)?.finish()
    }

    /// A whole request: length, this header with all that is in it, and a body, which [`Message::encode`] wrote in the
    /// header's version, or which goes on as it came. The body is not copied.
    ///
    /// # Errors
    /// A client id of more than 32767 bytes, unknown tags in a version that has no place for them, and more bytes
    /// altogether than a length can say.
    pub fn frame(&self, body: impl Into<Segments>) -> Result<Segments, EncodeError> {
        let version = i16::from(self.ver().flexible) + 1;
        frame_around(&|out| self.write(out), &body.into())
            .map_err(|error| error.in_message("RequestHeader", version))
    }
}

impl ResponseHeader {
    fn read(bytes: &Bytes, flexible: bool) -> Parsed<'_, Self> {
        let frame = &Frame::new(bytes, Ver { v: 1, flexible });
        let i = Wire::new(bytes);
        let (i, correlation_id) = row(Field::read(i, frame), "correlation_id")?;
        let (i, unknown_tags) = read_tags(i, frame, &mut |_, _| Ok(Tag::Unknown))?;
        Ok((
            i,
            Self {
                correlation_id,
                unknown_tags,
            },
        ))
    }

    fn write(&self, out: &mut Sink, flexible: bool) -> Encoded {
        self.correlation_id.write(out, NOT_FLEXIBLE)?;
        TagWriter::begin(out, Ver { v: 1, flexible }, &self.unknown_tags)?.finish()
    }

    /// A whole response, as [`RequestHeader::frame`] is a whole request. `api` and `version` are those of the request.
    ///
    /// # Errors
    /// Unknown tags in a version that has no place for them, and more bytes altogether than a length can say.
    pub fn frame(
        &self,
        api: ApiKey,
        version: i16,
        body: impl Into<Segments>,
    ) -> Result<Segments, EncodeError> {
        let flexible = response_is_flexible(api, version);
        frame_around(&|out| self.write(out, flexible), &body.into())
            .map_err(|error| error.in_message("ResponseHeader", i16::from(flexible)))
    }
}

fn frame_around(
    header: &dyn Fn(&mut Sink) -> Encoded,
    body: &Segments,
) -> Result<Segments, EncodeError> {
    frame(&|out| {
        header(out)?;
        for segment in body {
            out.link(segment);
        }
        Ok(())
    })
}

/// Writes a whole request: length, header and body. The header's version follows from the body's.
///
/// # Errors
/// Those of [`Message::encode`], and a client id of more than 32767 bytes.
pub fn encode_request<R: Request>(
    correlation_id: i32,
    client_id: Option<&Str>,
    version: i16,
    body: &R,
) -> Result<Segments, EncodeError> {
    let header = RequestHeader {
        api_key: R::API,
        api_version: version,
        correlation_id,
        client_id: client_id.cloned(),
        ..RequestHeader::default()
    };
    write_body(body, version, &|write| {
        frame(&|out| {
            header.write(out)?;
            write(out)
        })
    })
}

/// Writes a whole response: length, header and body. The header's version follows from the body's.
///
/// # Errors
/// Those of [`Message::encode`].
pub fn encode_response<M: Message>(
    correlation_id: i32,
    version: i16,
    body: &M,
) -> Result<Segments, EncodeError> {
    let header = ResponseHeader {
        correlation_id,
        ..ResponseHeader::default()
    };
    let flexible = response_is_flexible(M::API, version);
    write_body(body, version, &|write| {
        frame(&|out| {
            header.write(out, flexible)?;
            write(out)
        })
    })
}

/// Splits a request, without its length, into header and body.
///
/// Of an API that this crate does not have, the parts that all headers share are read; the body then begins with the
/// tagged section of the header, if there is one.
///
/// # Errors
/// When the header is cut short or against its rules.
pub fn decode_request_header(frame: &Bytes) -> Result<(RequestHeader, Bytes), DecodeError> {
    let start = Wire::new(frame);
    let in_version = |version| {
        move |error| DecodeError::from_nom(error, start).in_message("RequestHeader", version)
    };
    let (rest, mut header) = RequestHeader::read(frame).map_err(in_version(1))?;
    let tagged = Frame::new(frame, header.ver());
    let (rest, tags) =
        read_tags(rest, &tagged, &mut |_, _| Ok(Tag::Unknown)).map_err(in_version(2))?;
    header.unknown_tags = tags;
    Ok((header, rest.share(frame)))
}

/// Splits a response, without its length, into header and body. `api` and `version` are those of the request.
///
/// # Errors
/// When the header is cut short or against its rules.
pub fn decode_response_header(
    frame: &Bytes,
    api: ApiKey,
    version: i16,
) -> Result<(ResponseHeader, Bytes), DecodeError> {
    let flexible = response_is_flexible(api, version);
    match ResponseHeader::read(frame, flexible) {
        Ok((rest, header)) => Ok((header, rest.share(frame))),
        Err(error) => {
            let error = DecodeError::from_nom(error, Wire::new(frame));
            Err(error.in_message("ResponseHeader", i16::from(flexible)))
        }
    }
}
