//! A connection to one broker, kept by a task: made when needed, remade when lost.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use milena_engine::{
    backoff::{Backoff, Rng},
    connection::{Answer, Event, SendError},
    route::Reach,
    throttle::Throttled,
    time::Instant,
};
use milena_protocol::{ApiKey, Request};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};

use super::link::{Dialer, Link};
use crate::{
    error::{BrokerError, BrokerErrorKind, Peer},
    process::{Forked, at_home},
};

/// What one request came to.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Trouble with the broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The broker cannot be asked that.
    #[error("{peer}: {error}")]
    Unsupported { peer: Arc<Peer>, error: SendError },
    /// No answer in time.
    #[error("{api:?}: no answer from {peer} within {waited:?}")]
    TimedOut {
        api: ApiKey,
        peer: Arc<Peer>,
        waited: Duration,
    },
    /// The broker is not, or no longer, part of the cluster.
    #[error("broker {0} is not known")]
    UnknownBroker(i32),
    /// No broker is known, or none can be reached at the moment.
    #[error("no broker can be reached")]
    NoBroker,
    /// The client's tasks are gone: its runtime has shut down, or one of them panicked.
    #[error("the client's task has ended")]
    Ended,
    /// This is not the process of the client's tasks.
    #[error(transparent)]
    Forked(#[from] Forked),
}

impl RequestError {
    /// Whether another attempt, or another broker, may do better.
    pub(crate) fn is_retriable(&self) -> bool {
        match self {
            // A broker of the cluster that does not make sense now may do so after a new start.
            Self::Broker(error) => error.kind() != BrokerErrorKind::Incompatible,
            Self::TimedOut { .. } | Self::UnknownBroker(_) | Self::NoBroker => true,
            Self::Unsupported { .. } | Self::Ended | Self::Forked(_) => false,
        }
    }
}

/// A connection that takes longer than this to make is not counted upon.
const SLOW_CONNECT: Duration = Duration::from_secs(2);

/// How connections are kept.
#[derive(Clone, Debug)]
pub(crate) struct LaneSettings {
    pub(crate) dialer: Dialer,
    pub(crate) request_timeout: Duration,
    pub(crate) reconnect: Backoff,
    /// Time for a connection to one address; grows with each failure.
    pub(crate) setup: Backoff,
    pub(crate) max_idle: Duration,
}

/// A handle on the task that keeps one connection.
#[derive(Clone)]
pub(crate) struct Lane {
    pub(crate) peer: Arc<Peer>,
    calls: mpsc::UnboundedSender<Box<dyn Call>>,
    gauge: Arc<Gauge>,
}

impl Lane {
    /// Starts the task; `on_lost` is called each time the broker cannot be reached or a connection is lost.
    pub(crate) fn spawn(
        runtime: &tokio::runtime::Handle,
        settings: LaneSettings,
        peer: Arc<Peer>,
        on_lost: impl Fn() + Send + 'static,
    ) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let gauge = Arc::new(Gauge::default());
        let keeper = Keeper {
            rng: Rng::new(fastrand::u64(..)),
            peer: peer.clone(),
            gauge: gauge.clone(),
            settings,
            calls,
            waiting: VecDeque::new(),
            failures: 0,
            rest_until: Instant::ZERO,
            on_lost: Box::new(on_lost),
        };
        runtime.spawn(at_home(keeper.run()));
        Self {
            peer,
            calls: sender,
            gauge,
        }
    }

    /// How far the connection is.
    pub(crate) fn reach(&self, now: Instant) -> Reach {
        self.gauge.reach(now)
    }

    /// Sends a request, made for the version that it goes out in, and waits for its answer until `deadline`. It goes out
    /// in `max_version` at most.
    pub(crate) async fn request<R>(
        &self,
        make: impl FnOnce(i16) -> R + Send + 'static,
        max_version: Option<i16>,
        api_deadline: tokio::time::Instant,
    ) -> Result<R::Response, RequestError>
    where
        R: Request<Response: Throttled>,
    {
        let (reply, answer) = oneshot::channel();
        let call = Exchange {
            make: Box::new(make),
            max_version,
            reply,
        };
        let started = tokio::time::Instant::now();
        self.calls
            .send(Box::new(call))
            .map_err(|_| RequestError::Ended)?;
        match tokio::time::timeout_at(api_deadline, answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(RequestError::Ended),
            Err(_) => Err(RequestError::TimedOut {
                api: R::API,
                peer: self.peer.clone(),
                waited: started.elapsed(),
            }),
        }
    }
}

/// What the outside sees of a connection.
#[derive(Debug, Default)]
struct Gauge {
    /// One of the constants below.
    state: AtomicUsize,
    in_flight: AtomicUsize,
    /// In nanoseconds of the client's clock.
    last_attempt: AtomicU64,
    rest_until: AtomicU64,
}

impl Gauge {
    const IDLE: usize = 0;
    const CONNECTING: usize = 1;
    const READY: usize = 2;

    fn reach(&self, now: Instant) -> Reach {
        let at = |nanos: &AtomicU64| Instant::from_nanos(nanos.load(Ordering::Relaxed));
        match self.state.load(Ordering::Relaxed) {
            Self::READY => Reach::Ready {
                in_flight: self.in_flight.load(Ordering::Relaxed),
            },
            // What takes long may never come about; others are tried before it.
            Self::CONNECTING if now.since(at(&self.last_attempt)) < SLOW_CONNECT => {
                Reach::Connecting
            }
            _ if at(&self.rest_until) > now => Reach::Resting,
            _ => {
                let last = at(&self.last_attempt);
                Reach::Idle {
                    last_attempt: (last > Instant::ZERO).then_some(last),
                }
            }
        }
    }
}

/// A request on its way to the task, whatever its type.
trait Call: Send {
    /// Whether nobody waits for the answer any more.
    fn is_abandoned(&self) -> bool;
    /// Hands the request to the connection.
    fn start(self: Box<Self>, link: &mut Link<Box<dyn Waiter>>, deadline: Instant);
    fn fail(self: Box<Self>, error: RequestError);
}

/// Whoever waits for an answer.
trait Waiter: Send {
    /// Passes the answer on; an error means that it could not be read and the connection is of no further use.
    fn answer(
        self: Box<Self>,
        answer: &Answer<()>,
        link: &mut Link<Box<dyn Waiter>>,
    ) -> Result<(), BrokerError>;
    fn fail(self: Box<Self>, error: RequestError);
}

struct Exchange<R: Request> {
    make: Box<dyn FnOnce(i16) -> R + Send>,
    max_version: Option<i16>,
    reply: Reply<R>,
}

type Reply<R> = oneshot::Sender<Result<<R as Request>::Response, RequestError>>;

struct Awaited<R: Request>(Reply<R>);

impl<R> Call for Exchange<R>
where
    R: Request<Response: Throttled>,
{
    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn start(self: Box<Self>, link: &mut Link<Box<dyn Waiter>>, deadline: Instant) {
        let unsupported = |peer: &Arc<Peer>, error| RequestError::Unsupported {
            peer: peer.clone(),
            error,
        };
        let version = match link.version_of::<R>(self.max_version) {
            Ok(version) => version,
            Err(error) => return self.fail(unsupported(link.peer(), error)),
        };
        let request = (self.make)(version);
        let waiter = Box::new(Awaited::<R>(self.reply));
        if let Err(refused) = link.send(&request, waiter, deadline, true, self.max_version) {
            refused.token.fail(unsupported(link.peer(), refused.error));
        }
    }

    fn fail(self: Box<Self>, error: RequestError) {
        // Nobody may be waiting any more, which is their business.
        let _ = self.reply.send(Err(error));
    }
}

impl<R> Waiter for Awaited<R>
where
    R: Request<Response: Throttled>,
{
    fn answer(
        self: Box<Self>,
        answer: &Answer<()>,
        link: &mut Link<Box<dyn Waiter>>,
    ) -> Result<(), BrokerError> {
        let response = link.decode::<R, _>(answer);
        let outcome = response.as_ref().map(|_| ()).map_err(Clone::clone);
        let _ = self.0.send(response.map_err(RequestError::Broker));
        outcome
    }

    fn fail(self: Box<Self>, error: RequestError) {
        let _ = self.0.send(Err(error));
    }
}

/// The task.
struct Keeper {
    peer: Arc<Peer>,
    settings: LaneSettings,
    calls: mpsc::UnboundedReceiver<Box<dyn Call>>,
    /// Calls received while there is no connection.
    waiting: VecDeque<Box<dyn Call>>,
    gauge: Arc<Gauge>,
    rng: Rng,
    /// Failures to connect, in a row.
    failures: u32,
    rest_until: Instant,
    on_lost: Box<dyn Fn() + Send>,
}

/// Something that the task has to attend to.
enum Happening {
    Call(Box<dyn Call>),
    Event(Event<Box<dyn Waiter>>),
    Broken(BrokerError),
    /// Nothing was asked for long enough.
    Idle,
    /// The last handle is gone.
    Unwanted,
}

impl Keeper {
    async fn run(mut self) {
        while let Some(call) = self.calls.recv().await {
            self.waiting.push_back(call);
            tokio::time::sleep_until(self.settings.dialer.clock.at(self.rest_until)).await;
            self.waiting.retain(|call| !call.is_abandoned());
            if self.waiting.is_empty() {
                continue;
            }
            match self.dial().await {
                Ok(link) => self.serve(link).await,
                Err(error) => self.handle_unreachable(error),
            }
        }
    }

    async fn dial(&mut self) -> Result<Link<Box<dyn Waiter>>, BrokerError> {
        let clock = self.settings.dialer.clock;
        self.gauge.state.store(Gauge::CONNECTING, Ordering::Relaxed);
        self.gauge
            .last_attempt
            .store(clock.now().as_nanos(), Ordering::Relaxed);
        let setup_timeout = self.settings.setup.delay(self.failures, &mut self.rng);
        let dialer = Dialer {
            setup_timeout,
            ..self.settings.dialer.clone()
        };
        // Room for several addresses, and for the handshake.
        let deadline = clock.now() + self.settings.request_timeout.max(setup_timeout);
        Link::open(&dialer, self.peer.clone(), deadline).await
    }

    fn handle_unreachable(&mut self, error: BrokerError) {
        warn!(%error, "cannot connect");
        self.rest(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.fail_all(&RequestError::Broker(error));
        (self.on_lost)();
    }

    /// Works a connection until it is lost, idle or unwanted.
    async fn serve(&mut self, mut link: Link<Box<dyn Waiter>>) {
        info!(peer = %self.peer, "connected");
        self.failures = 0;
        self.gauge.state.store(Gauge::READY, Ordering::Relaxed);
        let clock = self.settings.dialer.clock;
        loop {
            while let Some(call) = self.waiting.pop_front() {
                if !call.is_abandoned() {
                    // A caller may be in more of a hurry than this; then the answer finds nobody, and the
                    // connection, which others share, stays.
                    call.start(&mut link, clock.now() + self.settings.request_timeout);
                }
            }
            self.gauge
                .in_flight
                .store(link.in_flight(), Ordering::Relaxed);
            let idle_at = link.last_used() + self.settings.max_idle;
            let mut idle = pin!(tokio::time::sleep_until(clock.at(idle_at)));
            let happening = poll_fn(|cx| self.poll_serving(&mut link, idle.as_mut(), cx)).await;
            match happening {
                Happening::Call(call) => self.waiting.push_back(call),
                Happening::Event(Event::Answer(answer)) => {
                    let (waiter, answer) = answer.split();
                    if let Err(error) = waiter.answer(&answer, &mut link) {
                        return self.handle_lost(&mut link, error);
                    }
                }
                Happening::Event(Event::Ready | Event::Written(_)) => {}
                Happening::Broken(error) => return self.handle_lost(&mut link, error),
                Happening::Idle => {
                    debug!(peer = %self.peer, "closed for lack of use");
                    self.gauge.state.store(Gauge::IDLE, Ordering::Relaxed);
                    return;
                }
                Happening::Unwanted => return,
            }
        }
    }

    fn poll_serving(
        &mut self,
        link: &mut Link<Box<dyn Waiter>>,
        idle: Pin<&mut tokio::time::Sleep>,
        cx: &mut Context<'_>,
    ) -> Poll<Happening> {
        match link.poll(cx) {
            Poll::Ready(Ok(event)) => return Poll::Ready(Happening::Event(event)),
            Poll::Ready(Err(error)) => return Poll::Ready(Happening::Broken(error)),
            Poll::Pending => {}
        }
        match self.calls.poll_recv(cx) {
            Poll::Ready(Some(call)) => return Poll::Ready(Happening::Call(call)),
            Poll::Ready(None) if link.in_flight() == 0 => return Poll::Ready(Happening::Unwanted),
            Poll::Ready(None) | Poll::Pending => {}
        }
        if link.in_flight() == 0 && idle.poll(cx).is_ready() {
            return Poll::Ready(Happening::Idle);
        }
        Poll::Pending
    }

    fn handle_lost(&mut self, link: &mut Link<Box<dyn Waiter>>, error: BrokerError) {
        let orphans = link.close();
        warn!(%error, unanswered = orphans.len(), "connection lost");
        self.rest(0);
        let error = RequestError::Broker(error);
        for orphan in orphans {
            orphan.token.fail(error.clone());
        }
        self.fail_all(&error);
        (self.on_lost)();
    }

    fn rest(&mut self, attempt: u32) {
        let pause = self.settings.reconnect.delay(attempt, &mut self.rng);
        self.rest_until = self.settings.dialer.clock.now() + pause;
        self.gauge
            .rest_until
            .store(self.rest_until.as_nanos(), Ordering::Relaxed);
        self.gauge.in_flight.store(0, Ordering::Relaxed);
        self.gauge.state.store(Gauge::IDLE, Ordering::Relaxed);
    }

    fn fail_all(&mut self, error: &RequestError) {
        while let Ok(call) = self.calls.try_recv() {
            self.waiting.push_back(call);
        }
        for call in self.waiting.drain(..) {
            call.fail(error.clone());
        }
    }
}
