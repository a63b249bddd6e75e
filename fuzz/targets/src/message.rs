//! Any request or response, of any API and version.

use bytes::Bytes;
use milena_protocol::{ApiKey, ApiVisitor, Message, Request, visit_apis};

use crate::memory::{Bound, measured};

/// A message: API key, version, direction (odd: response), body.
///
/// Reading holds no more memory than a multiple of the body, which the message's table gives. What is read can be
/// written, in the length that was announced; read again it is the same, and written again it is the same bytes.
pub fn message(data: &[u8]) {
    let Some((&[api, version, direction], body)) = data.split_first_chunk() else {
        return;
    };
    visit_apis(&mut Case {
        api: ApiKey(i16::from(api)),
        version: i16::from(version),
        response: direction & 1 == 1,
        body: Bytes::copy_from_slice(body),
    });
}

struct Case {
    api: ApiKey,
    version: i16,
    response: bool,
    body: Bytes,
}

impl ApiVisitor for Case {
    fn visit<R: Request>(&mut self) {
        if R::API != self.api {
            return;
        }
        if self.response {
            round_trip::<R::Response>(&self.body, self.version);
        } else {
            round_trip::<R>(&self.body, self.version);
        }
    }
}

fn round_trip<M: Message>(body: &Bytes, version: i16) {
    let name = M::NAME;
    let (read, peak) = measured(|| M::decode(body, version));
    if M::VERSIONS.contains(version) {
        let bound = Bound::of_message::<M>(version);
        bound.hold(peak, body.len(), || format!("{name} v{version}"));
    }
    let first = match read {
        Ok(message) => message,
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with(name), "{text}");
            return;
        }
    };
    let write = |message: &M| match message.encode(version) {
        Ok(segments) => segments.into_bytes(),
        Err(error) => {
            panic!("{name} v{version} was read and cannot be written: {error}\n{message:?}")
        }
    };
    let written = write(&first);
    assert_eq!(
        first.encoded_len(version).ok(),
        Some(written.len()),
        "{name} v{version}: {first:?}"
    );
    let second = match M::decode(&written, version) {
        Ok(message) => message,
        Err(error) => {
            panic!("{name} v{version} was written and cannot be read: {error}\n{first:?}")
        }
    };
    // A message with a NaN in it does not equal itself; then the bytes have to do.
    let reflexive = first == first.clone();
    assert!(
        first == second || !reflexive,
        "{name} v{version}:\n{first:?}\n{second:?}"
    );
    assert_eq!(write(&second), written, "{name} v{version}: {first:?}");
}
