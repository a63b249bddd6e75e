//! One stream and the engine's connection over it.

use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use milena_engine::{
    connection::{Answer, Connection, Event, Identity, Orphan, Refused, SendError, Terms},
    frame::FrameBuffer,
    throttle::Throttled,
    time::Instant,
};
use milena_protocol::Request;
use tokio::{
    io::{AsyncReadExt, AsyncWrite},
    time::Sleep,
};
use tracing::debug;

use super::{
    clock::Clock,
    connector::{Connector, Stream},
    features::Heard,
    write_queue::WriteQueue,
};
use crate::error::{BrokerError, Peer};

/// Frames waiting in the write queue before more are taken from the connection. What is not taken was certainly not sent.
const QUEUED_FRAMES: usize = 8;
/// Rounds of reading and writing in one wake, so that one busy broker leaves others their turn.
const ROUNDS: usize = 64;

/// A connected stream with the [`Connection`] that it serves; ready for requests from the start.
///
/// The owner's task drives it:
///
/// ```text
/// let mut link = Link::open(&dialer, peer, deadline).await?;
/// loop {
///     link.send(&request, token, deadline, true, None)?;    // any number; nothing is written yet
///     match poll_fn(|cx| link.poll(cx)).await {             // writes, reads, fires deadlines
///         Ok(Event::Answer(answer)) => { let response = link.decode::<R, _>(&answer)?; … }
///         Ok(Event::Written(token)) => …                    // a request that is not answered
///         Ok(Event::Ready) => …                             // never seen: `open` has waited for it
///         Err(error) => for orphan in link.close() { … }    // of no further use
///     }
/// }
/// ```
///
/// After `send`, poll again, or the request stays where it is. Dropping a pending poll loses nothing.
pub(crate) struct Link<T> {
    peer: Arc<Peer>,
    clock: Clock,
    stream: Box<dyn Stream>,
    connection: Connection<T>,
    frames: FrameBuffer,
    writes: WriteQueue,
    /// Something was written since the stream was last flushed.
    unflushed: bool,
    /// The stream took no more, though there may be something left to read that says why.
    write_error: Option<io::Error>,
    events: VecDeque<Event<T>>,
    sleep: Pin<Box<Sleep>>,
    /// What the sleep is set to.
    armed: Option<Instant>,
    last_used: Instant,
}

/// What is needed to open links.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) clock: Clock,
    /// The largest frame accepted, in bytes.
    pub(crate) max_frame: usize,
    /// Time for the TCP connection to one address.
    pub(crate) setup_timeout: Duration,
    pub(crate) features: Arc<Heard>,
}

impl<T> Link<T> {
    /// Connects and completes the handshake, all of it before `deadline`.
    pub(crate) async fn open(
        dialer: &Dialer,
        peer: Arc<Peer>,
        deadline: Instant,
    ) -> Result<Self, BrokerError> {
        let clock = dialer.clock;
        let started = clock.now();
        let dialing = dialer
            .connector
            .connect(&peer.host, peer.port, dialer.setup_timeout);
        let stream = match tokio::time::timeout_at(clock.at(deadline), dialing).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(BrokerError::dial(&peer, &error)),
            Err(_) => return Err(BrokerError::dial_timeout(&peer, clock.now().since(started))),
        };
        let now = clock.now();
        let connection = Connection::new(dialer.identity.clone(), now, deadline)
            .map_err(|error| BrokerError::connection(&peer, &error))?;
        let mut link = Self {
            peer,
            clock,
            stream,
            connection,
            frames: FrameBuffer::new(dialer.max_frame),
            writes: WriteQueue::default(),
            unflushed: false,
            write_error: None,
            events: VecDeque::new(),
            sleep: Box::pin(tokio::time::sleep_until(clock.at(deadline))),
            armed: Some(deadline),
            last_used: now,
        };
        while !link.connection.is_ready() {
            std::future::poll_fn(|cx| link.poll(cx)).await?;
        }
        if let Some(versions) = link.connection.versions() {
            dialer.features.note(versions.features());
        }
        debug!(peer = %link.peer, "connected");
        Ok(link)
    }

    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// Requests accepted and not answered yet.
    pub(crate) fn in_flight(&self) -> usize {
        self.connection.in_flight()
    }

    /// When something was last sent or received.
    pub(crate) fn last_used(&self) -> Instant {
        self.last_used
    }

    /// Until when the broker wants no more requests.
    pub(crate) fn throttled_until(&self) -> Option<Instant> {
        self.connection.throttled_until(self.clock.now())
    }

    /// The version in which a request would be sent.
    pub(crate) fn version_of<R: Request>(
        &self,
        max_version: Option<i16>,
    ) -> Result<i16, SendError> {
        self.connection.version_of::<R>(max_version)
    }

    /// Takes a request on. `answered` is whether an answer will come. Returns the version it goes out in.
    pub(crate) fn send<R: Request>(
        &mut self,
        request: &R,
        token: T,
        deadline: Instant,
        answered: bool,
        max_version: Option<i16>,
    ) -> Result<i16, Refused<T>> {
        let now = self.clock.now();
        self.last_used = now;
        self.connection.send(
            request,
            token,
            Terms {
                now,
                deadline,
                answered,
                max_version,
            },
        )
    }

    /// Reads an answer and heeds the pause that it may ask for. After an error, close the link.
    pub(crate) fn decode<R, U>(&mut self, answer: &Answer<U>) -> Result<R::Response, BrokerError>
    where
        R: Request<Response: Throttled>,
    {
        let now = self.clock.now();
        let response = self.connection.decode::<R, U>(answer, now);
        response.map_err(|error| BrokerError::connection(&self.peer, &error))
    }

    /// Ends the link. Returns the requests that were not answered, oldest first.
    pub(crate) fn close(&mut self) -> Vec<Orphan<T>> {
        self.connection.close()
    }

    /// Moves bytes both ways until something happens that the owner should know.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Event<T>, BrokerError>> {
        for _ in 0..ROUNDS {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Ok(event));
            }
            let now = self.clock.now();
            let wrote = self.write(cx, now);
            if !self.events.is_empty() {
                // What was written is told before anything that may go wrong next: it counts as sent.
                continue;
            }
            if let Some(frame) = self.next_frame()? {
                self.last_used = now;
                let event = self.connection.handle_frame(frame, now);
                let event = event.map_err(|e| BrokerError::connection(&self.peer, &e))?;
                self.events.extend(event);
                continue;
            }
            let read = self.read(cx)?;
            let fired = self.fire(cx)?;
            if !(wrote || read || fired) && self.events.is_empty() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what there is. Returns whether another round makes sense.
    fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.write_error.is_some() {
            return false;
        }
        while self.writes.frames() < QUEUED_FRAMES {
            let Some(frame) = self.connection.poll_transmit(now) else {
                break;
            };
            self.writes.push(frame);
        }
        if self.writes.frames() == 0 {
            return self.flush(cx);
        }
        self.unflushed = true;
        match self.writes.poll_write(&mut *self.stream, cx) {
            Poll::Pending => false,
            Poll::Ready(Ok(completed)) => {
                for _ in 0..completed {
                    self.events.extend(self.connection.handle_transmitted());
                }
                true
            }
            Poll::Ready(Err(error)) => {
                self.write_error = Some(error);
                false
            }
        }
    }

    /// Sees to it that what was written leaves a stream that gathers it. Returns whether another round makes sense.
    fn flush(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.unflushed {
            return false;
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.unflushed = false,
            Poll::Ready(Err(error)) => self.write_error = Some(error),
        }
        false
    }

    fn next_frame(&mut self) -> Result<Option<bytes::Bytes>, BrokerError> {
        let frame = self.frames.next_frame();
        frame.map_err(|error| BrokerError::connection(&self.peer, &error.into()))
    }

    /// Reads once. Returns whether anything arrived.
    fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, BrokerError> {
        let reading = pin!(self.stream.read_buf(self.frames.spare()));
        let outcome = match reading.poll(cx) {
            Poll::Ready(Ok(1..)) => return Ok(true),
            Poll::Pending if self.write_error.is_none() => return Ok(false),
            Poll::Ready(Ok(0)) => None,
            Poll::Ready(Err(error)) => Some(error),
            Poll::Pending => self.write_error.take(),
        };
        let ready = self.connection.is_ready();
        Err(match outcome {
            Some(error) => BrokerError::io(&self.peer, &error, ready),
            None => {
                let end = self.connection.handle_end(self.frames.partial());
                BrokerError::connection(&self.peer, &end)
            }
        })
    }

    /// Sets the timer and looks whether it went off.
    fn fire(&mut self, cx: &mut Context<'_>) -> Result<bool, BrokerError> {
        let Some(wanted) = self.connection.poll_timeout() else {
            return Ok(false);
        };
        // Later than set is left alone: going off early costs less than setting the timer for each request.
        if self.armed.is_none_or(|armed| wanted < armed) {
            self.sleep.as_mut().reset(self.clock.at(wanted));
            self.armed = Some(wanted);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return Ok(false);
        }
        self.armed = None;
        let outcome = self.connection.handle_timeout(self.clock.now());
        outcome.map_err(|error| BrokerError::connection(&self.peer, &error))?;
        Ok(true)
    }
}
