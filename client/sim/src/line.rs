//! The client's end of a connection: the engine's [`Connection`] over a simulated link.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use milena_engine::{
    connection::{Answer, Connection, ConnectionError, Event, Identity, Orphan, Refused, Terms},
    frame::FrameBuffer,
    throttle::Throttled,
    time::Instant,
    versions::{BrokerVersions, Features},
};
use milena_protocol::{Request, Str};

use crate::net::{LinkId, Net, Packet};

/// The largest frame taken.
const MAX_FRAME: usize = 1 << 20;
/// Length of a frame's prefix.
const PREFIX: usize = 4;
/// Pause after a connection was lost or not made.
const REST: Duration = Duration::from_millis(3);

/// A connection to one node, made anew when it is lost.
#[derive(Debug)]
pub(crate) struct Line<T> {
    state: State<T>,
    not_before: Instant,
    setup_timeout: Duration,
}

#[derive(Debug)]
enum State<T> {
    Idle,
    Opening {
        link: LinkId,
        deadline: Instant,
    },
    Open {
        link: LinkId,
        connection: Connection<T>,
        frames: FrameBuffer,
    },
}

/// The end of a connection: why, and what it still owed.
#[derive(Debug)]
pub(crate) struct Loss<T> {
    pub(crate) cause: Arc<str>,
    pub(crate) orphans: Vec<Orphan<T>>,
}

impl<T> Line<T> {
    pub(crate) const fn new(setup_timeout: Duration) -> Self {
        Self {
            state: State::Idle,
            not_before: Instant::ZERO,
            setup_timeout,
        }
    }

    pub(crate) const fn link(&self) -> Option<LinkId> {
        match &self.state {
            State::Idle => None,
            State::Opening { link, .. } | State::Open { link, .. } => Some(*link),
        }
    }

    /// Whether requests can be sent.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(&self.state, State::Open { connection, .. } if connection.is_ready())
    }

    /// What the broker knows of the cluster's features.
    pub(crate) fn features(&self) -> Features {
        match &self.state {
            State::Open { connection, .. } => connection
                .versions()
                .map_or_else(Features::default, BrokerVersions::features),
            _ => Features::default(),
        }
    }

    /// The version in which a request would be sent.
    pub(crate) fn version_of<R: Request>(&self, max_version: Option<i16>) -> Option<i16> {
        match &self.state {
            State::Open { connection, .. } => connection.version_of::<R>(max_version).ok(),
            _ => None,
        }
    }

    /// Whether to begin to connect would make sense.
    pub(crate) fn may_connect(&self, now: Instant) -> bool {
        matches!(self.state, State::Idle) && self.not_before <= now
    }

    /// When connecting makes sense again, while nothing is connected.
    pub(crate) const fn rests_until(&self) -> Option<Instant> {
        match self.state {
            State::Idle => Some(self.not_before),
            _ => None,
        }
    }

    pub(crate) fn begin(&mut self, link: LinkId, now: Instant) {
        let deadline = now + self.setup_timeout;
        self.state = State::Opening { link, deadline };
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Idle => None,
            State::Opening { deadline, .. } => Some(*deadline),
            State::Open { connection, .. } => connection.poll_timeout(),
        }
    }

    /// Takes a request on.
    pub(crate) fn send<R: Request>(
        &mut self,
        request: &R,
        token: T,
        terms: Terms,
    ) -> Result<(), Option<Refused<T>>> {
        match &mut self.state {
            State::Open { connection, .. } => connection
                .send(request, token, terms)
                .map(drop)
                .map_err(Some),
            _ => Err(None),
        }
    }

    /// Writes what there is, as far as the link takes it. Returns what that led to.
    pub(crate) fn flush(&mut self, net: &mut Net) -> Vec<Event<T>> {
        let mut events = Vec::new();
        let State::Open {
            link, connection, ..
        } = &mut self.state
        else {
            return events;
        };
        while net.has_room(*link) {
            let Some(frame) = connection.poll_transmit(net.now) else {
                break;
            };
            net.write(*link, frame.into_bytes().slice(PREFIX..));
            events.extend(connection.handle_transmitted());
        }
        events
    }

    /// Something arrived. What it led to, and the end of the connection if it came to one.
    pub(crate) fn arrive(
        &mut self,
        packet: Packet,
        net: &mut Net,
    ) -> (Vec<Event<T>>, Option<Loss<T>>) {
        let mut events = Vec::new();
        let outcome = match packet {
            Packet::Opened => self.open(net.now),
            Packet::Bytes(bytes) => self.read(&bytes, net.now, &mut events),
            Packet::End => Err(self.end()),
        };
        let loss = outcome.err().map(|cause| self.lose(cause, net));
        (events, loss)
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, net: &mut Net) -> Option<Loss<T>> {
        let cause = match &mut self.state {
            State::Opening { deadline, .. } if *deadline <= net.now => {
                Some("no connection in time".to_owned())
            }
            State::Open { connection, .. } => {
                let outcome = connection.handle_timeout(net.now);
                outcome.err().map(|error| error.to_string())
            }
            _ => None,
        };
        cause.map(|cause| self.lose(cause, net))
    }

    /// Reads an answer.
    pub(crate) fn decode<R, U>(
        &mut self,
        answer: &Answer<U>,
        net: &mut Net,
    ) -> Result<R::Response, Loss<T>>
    where
        R: Request<Response: Throttled>,
    {
        let outcome = match &mut self.state {
            State::Open { connection, .. } => connection
                .decode::<R, U>(answer, net.now)
                .map_err(|error| error.to_string()),
            _ => Err("the connection is gone".to_owned()),
        };
        outcome.map_err(|cause| self.lose(cause, net))
    }

    /// Ends the connection.
    pub(crate) fn lose(&mut self, cause: String, net: &mut Net) -> Loss<T> {
        if let Some(link) = self.link() {
            net.close(link);
        }
        let orphans = match std::mem::replace(&mut self.state, State::Idle) {
            State::Open { mut connection, .. } => connection.close(),
            _ => Vec::new(),
        };
        self.not_before = net.now + REST;
        Loss {
            cause: cause.into(),
            orphans,
        }
    }

    fn open(&mut self, now: Instant) -> Result<(), String> {
        let State::Opening { link, deadline } = self.state else {
            return Ok(());
        };
        let identity = Arc::new(Identity {
            client_id: Some(Str::from_static("sim")),
            software_name: Str::from_static("milena"),
            software_version: Str::from_static("0"),
        });
        let connection =
            Connection::new(identity, now, deadline).map_err(|error| error.to_string())?;
        self.state = State::Open {
            link,
            connection,
            frames: FrameBuffer::new(MAX_FRAME),
        };
        Ok(())
    }

    fn read(
        &mut self,
        bytes: &Bytes,
        now: Instant,
        events: &mut Vec<Event<T>>,
    ) -> Result<(), String> {
        let State::Open {
            connection, frames, ..
        } = &mut self.state
        else {
            return Ok(());
        };
        frames.spare().extend_from_slice(bytes);
        loop {
            let frame = frames.next_frame().map_err(|error| error.to_string())?;
            let Some(frame) = frame else {
                return Ok(());
            };
            let event = connection.handle_frame(frame, now);
            events.extend(event.map_err(|error| error.to_string())?);
        }
    }

    fn end(&self) -> String {
        let error = match &self.state {
            State::Open {
                connection, frames, ..
            } => connection.handle_end(frames.partial()),
            _ => ConnectionError::Closed,
        };
        error.to_string()
    }
}
