//! Any request or response, of any API and version.

use bytes::Bytes;
use milena_protocol::{
    Api, ApiKey, ApiVisitor, DecodeError, Direction, Message, Request, visit_apis,
};

use crate::memory::{Bound, measured};

/// A message: API key, version, direction (odd: response), body.
///
/// Reading holds no more memory than a multiple of the body, which the message's table gives, and says the same as a
/// tree and as structs. What is read can be written, in the length that was announced; read again it is the same, and
/// written again it is the same bytes.
pub fn message(data: &[u8]) {
    let Some((&[api, version, direction], body)) = data.split_first_chunk() else {
        return;
    };
    let Some(api) = Api::find(ApiKey(i16::from(api))) else {
        return;
    };
    visit_apis(&mut Case {
        api,
        version: i16::from(version),
        direction: Direction::BOTH[usize::from(direction & 1)],
        body: Bytes::copy_from_slice(body),
    });
}

struct Case {
    api: &'static Api,
    version: i16,
    direction: Direction,
    body: Bytes,
}

impl ApiVisitor for Case {
    fn visit<R: Request>(&mut self) {
        if R::API != self.api.key {
            return;
        }
        let read = match self.direction {
            Direction::Request => self.read::<R>(),
            Direction::Response => self.read::<R::Response>(),
        };
        if let Err(error) = read {
            let name = self.api.schema(self.direction).name;
            let text = error.to_string();
            assert!(text.starts_with(name), "{text}");
        }
    }
}

impl Case {
    fn read<M: Message>(&self) -> Result<(), DecodeError> {
        let (body, version) = (&self.body, self.version);
        let (read, peak) = measured(|| M::decode(body, version));
        let (tree, tree_peak) = measured(|| self.api.read(self.direction, version, body));
        if M::VERSIONS.contains(version) {
            let name = || format!("{} v{version}", M::NAME);
            Bound::of_message::<M>(version).hold(peak, body.len(), name);
            Bound::of_tree::<M>(version).hold(tree_peak, body.len(), name);
        }
        assert_eq!(tree.as_ref().err(), read.as_ref().err());
        round_trip(&read?, version);
        Ok(())
    }
}

fn round_trip<M: Message>(first: &M, version: i16) {
    let name = M::NAME;
    let write = |message: &M| match message.encode(version) {
        Ok(segments) => segments.into_bytes(),
        Err(error) => {
            panic!("{name} v{version} was read and cannot be written: {error}\n{message:?}")
        }
    };
    let written = write(first);
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
    let reflexive = *first == first.clone();
    assert!(
        *first == second || !reflexive,
        "{name} v{version}:\n{first:?}\n{second:?}"
    );
    assert_eq!(write(&second), written, "{name} v{version}: {first:?}");
}
