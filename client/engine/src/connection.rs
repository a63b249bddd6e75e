//! One connection to one broker, without the socket.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use milena_protocol::{
    ApiKey, ErrorCode, Message, Request, Segments, Str,
    api_versions::{ApiVersionsRequest, ApiVersionsResponse},
    decode_response_header, encode_request,
};

use crate::{
    inflight::{Entry, InFlight},
    throttle::Throttled,
    time::Instant,
    versions::BrokerVersions,
};

mod error;

pub use self::error::{ConnectionError, SendError};
pub use crate::inflight::Orphan;

/// A connection: which versions to speak, what is in flight, what an arriving frame belongs to.
///
/// It is driven from outside. Things that happened go in through `handle_*`; [`send`](Self::send) and
/// [`close`](Self::close) are what the owner wants; after any of them, ask [`poll_transmit`](Self::poll_transmit) until it
/// has nothing more, and [`poll_timeout`](Self::poll_timeout) for when to call [`handle_timeout`](Self::handle_timeout).
/// An error means that the connection is of no further use: take the requests it owes out with `close`.
///
/// `T` is whatever the owner wants back with the answer to a request.
#[derive(Debug)]
pub struct Connection<T> {
    identity: Arc<Identity>,
    state: State,
    next_id: i32,
    in_flight: InFlight<T>,
    outbox: VecDeque<Segments>,
    quiet_until: Option<Instant>,
}

/// How the client introduces itself (KIP-511).
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The client id sent with every request, which brokers put into logs and quotas.
    pub client_id: Option<Str>,
    /// Name of the client software.
    pub software_name: Str,
    /// Version of the client software.
    pub software_version: Str,
}

/// The conditions under which a request is sent.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The time now.
    pub now: Instant,
    /// When the answer must be there; after it, the whole connection counts as broken.
    pub deadline: Instant,
    /// Whether the broker answers at all; it does not answer a Produce with acks 0.
    pub answered: bool,
    /// A version above which not to go, below the client's own highest.
    pub max_version: Option<i16>,
}

/// Something that a frame or a write led to.
#[derive(Debug)]
pub enum Event<T> {
    /// The versions are agreed on; requests can be sent from now on.
    Ready,
    /// The answer to the oldest request.
    Answer(Answer<T>),
    /// A request that is not answered was given to the stream whole.
    Written(T),
}

/// An answer, matched with its request and not decoded yet: see [`Connection::decode`].
#[derive(Debug)]
pub struct Answer<T> {
    /// What the sender attached to the request.
    pub token: T,
    /// The request.
    pub api: ApiKey,
    /// The version in which both were written.
    pub version: i16,
    /// The body, without the header.
    pub body: Bytes,
}

impl<T> Answer<T> {
    /// Takes off what the sender attached.
    pub fn split(self) -> (T, Answer<()>) {
        let Self {
            token,
            api,
            version,
            body,
        } = self;
        (
            token,
            Answer {
                token: (),
                api,
                version,
                body,
            },
        )
    }
}

/// A request that was not accepted, with what the sender attached to it.
#[derive(Debug)]
pub struct Refused<T> {
    /// What the sender attached.
    pub token: T,
    /// Why.
    pub error: SendError,
}

#[derive(Debug)]
enum State {
    /// Asked which versions the broker speaks, in version `asked` of that question.
    Versions {
        asked: i16,
        id: i32,
        since: Instant,
        deadline: Instant,
    },
    Ready(BrokerVersions),
    Closed,
}

// What is.
impl<T> Connection<T> {
    /// Whether requests can be sent.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready(_))
    }

    /// The versions that the broker offers; `None` before the handshake is over.
    pub fn versions(&self) -> Option<&BrokerVersions> {
        match &self.state {
            State::Ready(versions) => Some(versions),
            State::Versions { .. } | State::Closed => None,
        }
    }

    /// The version in which a request would be sent.
    pub fn version_of<R: Request>(&self, max_version: Option<i16>) -> Result<i16, SendError> {
        let versions = self.versions().ok_or(SendError::NotReady)?;
        Ok(versions.pick_for::<R>(max_version)?)
    }

    /// Requests accepted and neither answered nor, where no answer comes, written.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Until when the broker wants to be left alone; what is sent before waits that long.
    pub fn throttled_until(&self, now: Instant) -> Option<Instant> {
        self.quiet_until.filter(|&until| until > now)
    }
}

// What happened.
impl<T> Connection<T> {
    /// A frame arrived, without its length.
    ///
    /// `None` means that it was part of the handshake, which goes on.
    pub fn handle_frame(
        &mut self,
        frame: Bytes,
        now: Instant,
    ) -> Result<Option<Event<T>>, ConnectionError> {
        if let State::Versions {
            asked,
            id,
            since,
            deadline,
        } = self.state
        {
            let answer = Handshake::read(&frame, asked, id)?;
            return match answer {
                Handshake::Done { versions, pause } => {
                    self.state = State::Ready(versions);
                    self.be_quiet(pause, now);
                    Ok(Some(Event::Ready))
                }
                Handshake::Ask(version) => {
                    self.ask_versions(version, since, deadline)?;
                    Ok(None)
                }
            };
        }
        let got = correlation_id(&frame)?;
        let Some(expected) = self.in_flight.expected() else {
            return Err(ConnectionError::Unasked { got });
        };
        if expected.id != got {
            let (expected, api) = (expected.id, expected.api);
            return Err(ConnectionError::Correlation { got, expected, api });
        }
        let (_, body) = decode_response_header(&frame, expected.api, expected.version)
            .map_err(ConnectionError::Decode)?;
        let Some(entry) = self.in_flight.take() else {
            return Err(ConnectionError::Unasked { got });
        };
        Ok(Some(Event::Answer(Answer {
            token: entry.token,
            api: entry.api,
            version: entry.version,
            body,
        })))
    }

    /// The oldest frame from [`poll_transmit`](Self::poll_transmit) was given to the stream whole.
    pub fn handle_transmitted(&mut self) -> Option<Event<T>> {
        if matches!(self.state, State::Versions { .. }) {
            return None;
        }
        self.in_flight
            .mark_transmitted()
            .map(|entry| Event::Written(entry.token))
    }

    /// Time has passed. An error says what took too long.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.quiet_until = self.throttled_until(now);
        if let State::Versions {
            since, deadline, ..
        } = self.state
            && deadline <= now
        {
            return Err(ConnectionError::HandshakeTimedOut {
                waited: now.since(since),
            });
        }
        match self.in_flight.earliest() {
            Some((entry, transmitted)) if entry.deadline <= now => {
                Err(ConnectionError::RequestTimedOut {
                    api: entry.api,
                    waited: now.since(entry.sent_at),
                    transmitted,
                })
            }
            _ => Ok(()),
        }
    }

    /// The peer closed its side, with this much of a frame left over: see
    /// [`FrameBuffer::partial`](crate::frame::FrameBuffer::partial). Says what that means.
    pub fn handle_end(&self, partial: Option<(usize, Option<usize>)>) -> ConnectionError {
        match (partial, &self.state) {
            (Some((arrived, announced)), _) => {
                ConnectionError::ClosedMidFrame { arrived, announced }
            }
            (None, State::Versions { .. }) => ConnectionError::ClosedInHandshake,
            (None, State::Ready(_) | State::Closed) => ConnectionError::Closed,
        }
    }
}

// What is wanted.
impl<T> Connection<T> {
    /// A connection that has just been made. The handshake has to be over by `deadline`.
    pub fn new(
        identity: Arc<Identity>,
        now: Instant,
        deadline: Instant,
    ) -> Result<Self, ConnectionError> {
        let mut connection = Self {
            identity,
            state: State::Closed,
            next_id: 0,
            in_flight: InFlight::new(),
            outbox: VecDeque::new(),
            quiet_until: None,
        };
        connection.ask_versions(ApiVersionsRequest::LATEST_STABLE, now, deadline)?;
        Ok(connection)
    }

    /// Takes a request on, in the highest version that both sides know; returns that version.
    pub fn send<R: Request>(
        &mut self,
        request: &R,
        token: T,
        terms: Terms,
    ) -> Result<i16, Refused<T>> {
        let id = self.next_id;
        let encoded = self.version_of::<R>(terms.max_version).and_then(|version| {
            encode_request(id, self.identity.client_id.as_ref(), version, request)
                .map(|segments| (version, segments))
                .map_err(SendError::Encode)
        });
        let (version, segments) = match encoded {
            Ok(encoded) => encoded,
            Err(error) => return Err(Refused { token, error }),
        };
        self.take_id();
        self.outbox.push_back(segments);
        self.in_flight.push(Entry {
            id,
            api: R::API,
            version,
            token,
            sent_at: terms.now,
            deadline: terms.deadline,
            answered: terms.answered,
        });
        Ok(version)
    }

    /// Reads an answer, and heeds the pause that it may ask for.
    pub fn decode<R, U>(
        &mut self,
        answer: &Answer<U>,
        now: Instant,
    ) -> Result<R::Response, ConnectionError>
    where
        R: Request<Response: Throttled>,
    {
        let response =
            R::Response::decode(&answer.body, answer.version).map_err(ConnectionError::Decode)?;
        self.be_quiet(response.pause(answer.version), now);
        Ok(response)
    }

    /// Gives up the connection. Returns the requests that were not answered, oldest first.
    pub fn close(&mut self) -> Vec<Orphan<T>> {
        self.state = State::Closed;
        self.outbox.clear();
        self.in_flight.drain()
    }

    fn ask_versions(
        &mut self,
        version: i16,
        since: Instant,
        deadline: Instant,
    ) -> Result<(), ConnectionError> {
        let request = ApiVersionsRequest {
            client_software_name: self.identity.software_name.clone(),
            client_software_version: self.identity.software_version.clone(),
            ..Default::default()
        };
        let id = self.take_id();
        let segments = encode_request(id, self.identity.client_id.as_ref(), version, &request)
            .map_err(ConnectionError::Handshake)?;
        self.outbox.push_back(segments);
        self.state = State::Versions {
            asked: version,
            id,
            since,
            deadline,
        };
        Ok(())
    }

    fn take_id(&mut self) -> i32 {
        let id = self.next_id;
        self.next_id = id.checked_add(1).unwrap_or(0);
        id
    }

    fn be_quiet(&mut self, pause: Duration, now: Instant) {
        if !pause.is_zero() {
            self.quiet_until = self.quiet_until.max(Some(now + pause));
        }
    }
}

// What is to be done.
impl<T> Connection<T> {
    /// The next frame to write. Frames are written in this order, each whole.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Segments> {
        if self.throttled_until(now).is_some() {
            return None;
        }
        self.outbox.pop_front()
    }

    /// When to come back, even if nothing happens: call [`handle_timeout`](Self::handle_timeout), then
    /// [`poll_transmit`](Self::poll_transmit).
    pub fn poll_timeout(&self) -> Option<Instant> {
        if let State::Versions { deadline, .. } = self.state {
            return Some(deadline);
        }
        let pause_ends = self.quiet_until.filter(|_| !self.outbox.is_empty());
        let deadline = self.in_flight.earliest().map(|(entry, _)| entry.deadline);
        pause_ends.into_iter().chain(deadline).min()
    }
}

/// What an answer to the question for versions means.
enum Handshake {
    Done {
        versions: BrokerVersions,
        pause: Duration,
    },
    Ask(i16),
}

impl Handshake {
    fn read(frame: &Bytes, asked: i16, id: i32) -> Result<Self, ConnectionError> {
        let got = correlation_id(frame)?;
        if got != id {
            let api = ApiKey::API_VERSIONS;
            return Err(ConnectionError::Correlation {
                got,
                expected: id,
                api,
            });
        }
        let (_, body) = decode_response_header(frame, ApiKey::API_VERSIONS, asked)
            .map_err(ConnectionError::Decode)?;
        // A broker that does not know the version asked for says so in version 0.
        let too_new = body
            .first_chunk()
            .map(|code| ErrorCode(i16::from_be_bytes(*code)))
            == Some(ErrorCode::UNSUPPORTED_VERSION);
        let version = if too_new { 0 } else { asked };
        let response =
            ApiVersionsResponse::decode(&body, version).map_err(ConnectionError::Decode)?;
        if !response.error_code.is_err() {
            let pause = response.pause(version);
            let versions = BrokerVersions::from_response(&response);
            return Ok(Self::Done { versions, pause });
        }
        let offered = BrokerVersions::from_response(&response).get(ApiKey::API_VERSIONS);
        match (too_new, asked) {
            // Brokers before 2.4 say no more than "no"; later ones name the versions they know.
            (true, 1..) => Ok(Self::Ask(
                offered.map_or(0, |range| range.max.clamp(0, asked - 1)),
            )),
            _ => Err(ConnectionError::Refused(response.error_code)),
        }
    }
}

/// Every answer starts with the id of its request, whatever the version of the header.
fn correlation_id(frame: &Bytes) -> Result<i32, ConnectionError> {
    match frame.first_chunk() {
        Some(id) => Ok(i32::from_be_bytes(*id)),
        None => Err(ConnectionError::TooShort {
            length: frame.len(),
        }),
    }
}

#[cfg(test)]
mod tests;
