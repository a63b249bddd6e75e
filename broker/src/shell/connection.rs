//! One connection: frames in, answers out in the order of requests, each when it is due.

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::io::{self, IoSlice};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::{Buf, Bytes};
use milena_protocol::{ApiKey, Direction};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use crate::observe::Frame;
use crate::reply::{Answer, CloseReason, Reply, Waiting};
use crate::shell::Shared;
use crate::shell::frame::{FrameError, FrameReader};

/// Answers that may be due later before requests are left unread.
const MAX_PENDING: usize = 1000;
/// Segments in one vectored write.
const MAX_SLICES: usize = 64;

/// Serves one connection until it ends.
pub(crate) async fn serve<S>(shared: Arc<Shared>, node: i32, number: u64, mut stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    debug!(node, connection = number, "client connected");
    let mut connection = Connection {
        reader: FrameReader::new(shared.max_frame),
        shared,
        node,
        number,
        latest: Asked::default(),
        pending: VecDeque::new(),
        mode: Mode::Serving,
    };
    match connection.run(&mut stream).await {
        Ok(()) => debug!(node, connection = number, "connection ended"),
        Err(FrameError::Io(error)) => debug!(node, connection = number, %error, "connection lost"),
        Err(error) => warn!(node, connection = number, %error, "connection closed"),
    }
}

struct Connection {
    shared: Arc<Shared>,
    node: i32,
    number: u64,
    reader: FrameReader,
    latest: Asked,
    /// Answers in the order of requests, each with what it answers.
    pending: VecDeque<(Asked, Answer)>,
    mode: Mode,
}

/// A request, as far as its answer's observer has to know it.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    sequence: u64,
    api: Option<(ApiKey, i16)>,
}

#[derive(Debug)]
enum Mode {
    /// Requests are read.
    Serving,
    /// A fetch waits; what comes behind it has to wait as well.
    Waiting(Waiting),
    /// A fault silenced the connection; what comes is read and forgotten.
    Hung,
    /// No more is read; ends when the last answer has left.
    Closing,
}

/// What ends a pause.
enum Event {
    /// An answer is due, a wait is over, or the cluster changed.
    Look,
    Frame(Bytes),
    Ended,
}

impl Connection {
    async fn run<S: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> Result<(), FrameError> {
        loop {
            // Asked for before looking, so that no change falls between looking and sleeping.
            let shared = Arc::clone(&self.shared);
            let mut changed = pin!(shared.changed.notified());
            if let Mode::Waiting(_) = self.mode {
                changed.as_mut().enable();
                self.look_again();
            }
            if let Mode::Serving = self.mode {
                self.take_what_came()?;
            }
            if self.send_what_is_due(stream).await? {
                return Ok(());
            }
            if matches!(self.mode, Mode::Closing) && self.pending.is_empty() {
                return Ok(());
            }
            match self.pause(stream, changed).await? {
                Event::Look => {}
                Event::Frame(frame) => self.handle(frame),
                Event::Ended => return Ok(()),
            }
        }
    }

    /// Handles requests that were read together, so that their answers leave together.
    fn take_what_came(&mut self) -> Result<(), FrameError> {
        while let Mode::Serving = self.mode
            && self.pending.len() < MAX_PENDING
            && let Some(frame) = self.reader.take()?
        {
            self.handle(frame);
        }
        Ok(())
    }

    fn handle(&mut self, frame: Bytes) {
        self.latest = Asked {
            sequence: self.latest.sequence + 1,
            api: asked_api(&frame),
        };
        self.show_request(&frame);
        let Self {
            shared,
            node,
            number,
            ..
        } = self;
        let now = shared.clock.now();
        let reply = shared.with(|state| state.handle(*node, *number, frame, now));
        self.follow(reply);
    }

    fn show_request(&self, frame: &Bytes) {
        if let Some(observe) = self.shared.observer.get() {
            let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
            let prefix = Bytes::copy_from_slice(&length.to_be_bytes());
            let segments = [prefix, frame.clone()];
            observe(&self.frame(self.latest, Direction::Request, &segments));
        }
    }

    fn show_response(&self, asked: Asked, segments: &[Bytes]) {
        if let Some(observe) = self.shared.observer.get() {
            observe(&self.frame(asked, Direction::Response, segments));
        }
    }

    fn frame<'a>(&self, asked: Asked, direction: Direction, segments: &'a [Bytes]) -> Frame<'a> {
        Frame {
            node: self.node,
            connection: self.number,
            sequence: asked.sequence,
            direction,
            api: asked.api,
            segments,
        }
    }

    fn look_again(&mut self) {
        let Mode::Waiting(waiting) = std::mem::replace(&mut self.mode, Mode::Serving) else {
            return;
        };
        let now = self.shared.clock.now();
        let reply = self.shared.with(|state| state.resume(waiting, now));
        self.follow(reply);
    }

    fn follow(&mut self, reply: Reply) {
        match reply {
            Reply::Answer(answer) => {
                if answer.then_close {
                    self.mode = Mode::Closing;
                }
                self.pending.push_back((self.latest, answer));
            }
            Reply::Wait(waiting) => self.mode = Mode::Waiting(waiting),
            Reply::Silence => {}
            Reply::Hang => self.mode = Mode::Hung,
            Reply::Close(reason) => {
                let (node, connection) = (self.node, self.number);
                match &reason {
                    CloseReason::Fault | CloseReason::NodeDown => {
                        debug!(node, connection, %reason, "closing")
                    }
                    _ => warn!(node, connection, %reason, "closing"),
                }
                self.mode = Mode::Closing;
            }
        }
    }

    /// `true` if that was the last of this connection.
    async fn send_what_is_due<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
    ) -> io::Result<bool> {
        if self.pending.is_empty() {
            return Ok(false);
        }
        let now = self.shared.clock.now();
        let mut segments = VecDeque::new();
        let mut last = false;
        while let Some((asked, answer)) = self.pending.pop_front_if(|(_, answer)| answer.due <= now)
        {
            self.show_response(asked, &answer.segments);
            segments.extend(answer.segments);
            last |= answer.then_close;
        }
        if !segments.is_empty() {
            write_all(stream, segments).await?;
        }
        Ok(last)
    }

    /// Waits until there is something to do.
    async fn pause<S, C>(&mut self, stream: &mut S, changed: C) -> Result<Event, FrameError>
    where
        S: AsyncRead + Unpin,
        C: Future<Output = ()>,
    {
        let Self {
            reader,
            pending,
            mode,
            shared,
            ..
        } = self;
        let deadline = match mode {
            Mode::Waiting(waiting) => Some(waiting.deadline()),
            _ => None,
        };
        let next = pending
            .front()
            .map(|(_, answer)| answer.due)
            .into_iter()
            .chain(deadline)
            .min();
        let alarm = next.map(|at| shared.clock.instant(at));
        let full = pending.len() >= MAX_PENDING;
        let waits = matches!(mode, Mode::Waiting(_));
        let input = async {
            match mode {
                Mode::Serving if full => pending_forever().await,
                Mode::Serving => Ok(reader
                    .next(stream)
                    .await?
                    .map_or(Event::Ended, Event::Frame)),
                Mode::Waiting(_) => {
                    reader.ended(stream).await;
                    Ok(Event::Ended)
                }
                Mode::Hung => {
                    reader.discard(stream).await;
                    Ok(Event::Ended)
                }
                Mode::Closing => pending_forever().await,
            }
        };
        let (mut input, mut changed, mut alarm) = (pin!(input), pin!(changed), pin!(sleep(alarm)));
        poll_fn(|context| {
            if let Poll::Ready(event) = input.as_mut().poll(context) {
                return Poll::Ready(event);
            }
            if alarm.as_mut().poll(context).is_ready()
                || (waits && changed.as_mut().poll(context).is_ready())
            {
                return Poll::Ready(Ok(Event::Look));
            }
            Poll::Pending
        })
        .await
    }
}

/// API and version, which every header begins with.
fn asked_api(frame: &[u8]) -> Option<(ApiKey, i16)> {
    let [key_high, key_low, high, low] = *frame.first_chunk()?;
    let api = ApiKey(i16::from_be_bytes([key_high, key_low]));
    Some((api, i16::from_be_bytes([high, low])))
}

async fn pending_forever() -> Result<Event, FrameError> {
    pending().await
}

async fn sleep(until: Option<Instant>) {
    match until {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}

async fn write_all<W: AsyncWrite + Unpin>(
    to: &mut W,
    mut segments: VecDeque<Bytes>,
) -> io::Result<()> {
    while !segments.is_empty() {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut used = 0;
        for (slice, segment) in slices.iter_mut().zip(&segments) {
            *slice = IoSlice::new(segment);
            used += 1;
        }
        let mut written = to
            .write_vectored(slices.get(..used).unwrap_or_default())
            .await?;
        if written == 0 && segments.iter().any(|segment| !segment.is_empty()) {
            return Err(io::ErrorKind::WriteZero.into());
        }
        while let Some(segment) = segments.front_mut() {
            if written < segment.len() {
                segment.advance(written);
                break;
            }
            written -= segment.len();
            segments.pop_front();
        }
    }
    to.flush().await
}
