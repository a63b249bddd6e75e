//! What this workspace has of each message, by its name.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::Bytes;
use milena_protocol::schema::StructSchema;
use milena_protocol::{
    Api, ApiVisitor, Direction, Message, Request, encode_request, encode_response, visit_apis,
};

use crate::model::{Fill, Value, Version};

/// A message that was read: its bytes as a version, or why it cannot be written as that.
pub(super) type Written = Box<dyn Fn(i16) -> Result<Bytes, String>>;

/// A message of the protocol crate, without its type.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The API.
    pub(super) api: &'static Api,
    /// Which of its two messages.
    pub(super) direction: Direction,
    /// Has the message's own struct read the bytes, for it to be written as any version.
    pub(super) read: fn(body: &Bytes, version: i16) -> Result<Written, String>,
    /// Bytes of the frame that stand before the body: length and header, without a client id.
    pub(super) header: fn(version: i16) -> Result<usize, String>,
}

impl Known {
    /// Its name.
    pub(super) fn name(&self) -> &'static str {
        self.schema().name
    }

    /// Its table.
    pub(super) fn schema(&self) -> &'static StructSchema {
        self.api.schema(self.direction)
    }

    /// The versions of its API.
    pub(super) fn versions(&self) -> impl Iterator<Item = Version> {
        let from = self.api.flexible_from;
        (self.api.versions.min..=self.api.versions.max).map(move |v| Version {
            v,
            flexible: from.is_some_and(|from| v >= from),
        })
    }

    /// A value of it, drawn from the seed.
    pub(super) fn random(&self, version: Version, seed: u64) -> Value {
        let mut rng = fastrand::Rng::with_seed(seed);
        Value::of_struct(self.schema(), version, Fill::Random, &mut rng)
    }
}

/// All messages there are, by name.
pub(super) fn known() -> &'static BTreeMap<&'static str, Known> {
    static KNOWN: LazyLock<BTreeMap<&'static str, Known>> = LazyLock::new(|| {
        let mut all = All(BTreeMap::new());
        visit_apis(&mut all);
        all.0
    });
    &KNOWN
}

struct All(BTreeMap<&'static str, Known>);

impl ApiVisitor for All {
    fn visit<R: Request>(&mut self) {
        let api = Api::find(R::API).expect("an API that is visited is listed");
        let request = Known {
            api,
            direction: Direction::Request,
            read: read::<R>,
            header: |version| {
                let frame = encode_request(0, None, version, &R::default());
                before_body::<R>(frame.map(|frame| frame.len()), version)
            },
        };
        let response = Known {
            api,
            direction: Direction::Response,
            read: read::<R::Response>,
            header: |version| {
                let frame = encode_response(0, version, &R::Response::default());
                before_body::<R::Response>(frame.map(|frame| frame.len()), version)
            },
        };
        for message in [request, response] {
            self.0.insert(message.name(), message);
        }
    }
}

fn read<M: Message>(body: &Bytes, version: i16) -> Result<Written, String> {
    let message = M::decode(body, version).map_err(|error| error.to_string())?;
    Ok(Box::new(move |version| {
        let written = message.encode(version).map_err(|error| error.to_string())?;
        Ok(written.into_bytes())
    }))
}

fn before_body<M: Message>(
    frame: Result<usize, milena_protocol::EncodeError>,
    version: i16,
) -> Result<usize, String> {
    let body = M::default().encoded_len(version);
    frame
        .and_then(|frame| Ok(frame - body?))
        .map_err(|error| error.to_string())
}
