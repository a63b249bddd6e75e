//! Headers, framing, and the connection that is built on them.

mod connection;
mod stream;

use bytes::Bytes;
use milena_protocol::{
    ApiKey, ApiVisitor, Message, Request, RequestHeader, ResponseHeader, decode_request_header,
    decode_response_header, encode_request, encode_response, visit_apis,
};

use crate::memory::{Bound, measured};

/// Bytes before each frame: its length.
const PREFIX: usize = 4;

/// What is meant (0: a request, 1: a response, 2: a stream of frames, 3: a connection), and its bytes.
pub fn frame(data: &[u8]) {
    let Some((&kind, data)) = data.split_first() else {
        return;
    };
    match kind {
        0 => request(&Bytes::copy_from_slice(data)),
        1 => response(data),
        2 => stream::stream(data),
        3 => connection::connection(data),
        _ => {}
    }
}

/// A request's frame. Where its body is understood too, the frame that is written anew says the same.
fn request(frame: &Bytes) {
    let (read, peak) = measured(|| decode_request_header(frame));
    Bound::of_header().hold(peak, frame.len(), || "request header".to_owned());
    match read {
        Ok((header, body)) => visit_apis(&mut RequestCase { header, body }),
        Err(error) => drop(error.to_string()),
    }
}

struct RequestCase {
    header: RequestHeader,
    body: Bytes,
}

impl ApiVisitor for RequestCase {
    fn visit<R: Request>(&mut self) {
        let header = &self.header;
        let version = header.api_version;
        if header.api_key != R::API {
            return;
        }
        let Ok(body) = R::decode(&self.body, version) else {
            return;
        };
        let id = header.correlation_id;
        let written = encode_request(id, header.client_id.as_ref(), version, &body);
        let written = written.expect("what was read can be written").into_bytes();
        let (again, rest) = decode_request_header(&unframed(&written)).expect("a sound header");
        let expected = RequestHeader {
            unknown_tags: Default::default(),
            ..header.clone()
        };
        assert_eq!(again, expected);
        let encoded = body.encode(version).expect("what was read can be written");
        assert_eq!(rest, encoded.clone().into_bytes());
        let framed = header.frame(encoded).expect("a header that was read");
        let again = decode_request_header(&unframed(&framed.into_bytes())).expect("a sound header");
        assert_eq!(again, (header.clone(), rest));
    }
}

/// API key, version, and a response's frame.
fn response(data: &[u8]) {
    let Some((&[api, version], frame)) = data.split_first_chunk() else {
        return;
    };
    let (api, version) = (ApiKey(i16::from(api)), i16::from(version));
    let frame = Bytes::copy_from_slice(frame);
    let (read, peak) = measured(|| decode_response_header(&frame, api, version));
    Bound::of_header().hold(peak, frame.len(), || "response header".to_owned());
    match read {
        Ok((header, body)) => visit_apis(&mut ResponseCase {
            api,
            version,
            header,
            body,
        }),
        Err(error) => drop(error.to_string()),
    }
}

struct ResponseCase {
    api: ApiKey,
    version: i16,
    header: ResponseHeader,
    body: Bytes,
}

impl ApiVisitor for ResponseCase {
    fn visit<R: Request>(&mut self) {
        if self.api != R::API {
            return;
        }
        let Ok(body) = R::Response::decode(&self.body, self.version) else {
            return;
        };
        let id = self.header.correlation_id;
        let written = encode_response(id, self.version, &body);
        let written = written.expect("what was read can be written").into_bytes();
        let (again, rest) = decode_response_header(&unframed(&written), self.api, self.version)
            .expect("a sound header");
        assert_eq!(again.correlation_id, id);
        let encoded = body
            .encode(self.version)
            .expect("what was read can be written");
        assert_eq!(rest, encoded.clone().into_bytes());
        let framed = self.header.frame(self.api, self.version, encoded);
        let framed = unframed(&framed.expect("a header that was read").into_bytes());
        let again =
            decode_response_header(&framed, self.api, self.version).expect("a sound header");
        assert_eq!(again, (self.header.clone(), rest));
    }
}

/// Takes off the length, which has to be right.
fn unframed(frame: &Bytes) -> Bytes {
    let prefix: &[u8; PREFIX] = frame.first_chunk().expect("a length");
    assert_eq!(u32::from_be_bytes(*prefix) as usize, frame.len() - PREFIX);
    frame.slice(PREFIX..)
}
