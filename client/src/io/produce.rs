//! The task that sends one broker its produce requests.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use milena_engine::{
    backoff::{Backoff, Rng},
    cluster::NodeId,
    connection::{Answer, Event},
    produce::{Effects, Identities, Identity, Outbound, Sender},
    time::Instant,
};
use milena_protocol::produce::ProduceRequest;
use tokio::time::Sleep;

use super::{link::Link, spans::Spans};
use crate::{
    error::{BrokerError, BrokerErrorKind},
    producer::{Core, Inbox, Letters, PartitionRef},
};

/// Requests and answers handled in one wake, so that other tasks get their turn.
const ROUNDS: usize = 64;

/// Drives the [`Sender`] of one broker over a connection of its own, so that no other request stands before a
/// produce request. The connection is made when there is something to send, and made anew when it is lost.
pub(crate) struct ProduceTask {
    core: Arc<Core>,
    inbox: Arc<Inbox>,
    sender: Sender<PartitionRef>,
    effects: Effects<PartitionRef>,
    line: Line,
    spans: Spans,
    /// Connection attempts that failed since the last that did not.
    failures: u32,
    backoff: Backoff,
    rng: Rng,
    sleep: Pin<Box<Sleep>>,
    /// What the sleep is set to, until it goes off.
    armed: Option<Instant>,
    /// Until when the broker wants no more requests, as [`transmit`](Self::transmit) last saw it.
    quiet_until: Option<Instant>,
    stopping: bool,
}

type Dialing = Pin<Box<dyn Future<Output = Result<Link<u64>, BrokerError>> + Send>>;

enum Line {
    /// Not connected; not before then.
    Down {
        not_before: Instant,
    },
    Dialing(Dialing),
    Up(Box<Link<u64>>),
}

impl ProduceTask {
    pub(crate) fn new(core: Arc<Core>, node: NodeId, inbox: Arc<Inbox>) -> Self {
        let seed = core.seed();
        let clock = core.clock;
        Self {
            inbox,
            sender: Sender::new(node, seed),
            effects: Effects::new(),
            line: Line::Down {
                not_before: Instant::ZERO,
            },
            spans: Spans::new(),
            failures: 0,
            backoff: core.client.reconnect_backoff(),
            rng: Rng::new(seed),
            sleep: Box::pin(tokio::time::sleep_until(clock.at(Instant::FAR_FUTURE))),
            armed: None,
            quiet_until: None,
            stopping: false,
            core,
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            let mut progress = false;
            if let Poll::Ready(letters) = self.inbox.poll_read(cx) {
                self.read(letters);
                progress = true;
            }
            if self.stopping {
                return Poll::Ready(());
            }
            if self.core.memory.is_short() {
                let now = self.core.clock.now();
                self.sender
                    .handle_pressure(now, &self.core.settings, &mut self.effects);
            }
            progress |= self.transmit();
            progress |= self.drive(cx);
            self.carry_out();
            progress |= self.sleep(cx);
            if !progress {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn read(&mut self, letters: Letters) {
        for (partition, at) in letters.wakes {
            self.sender.handle_wake(partition, at);
        }
        if letters.pressure {
            let now = self.core.clock.now();
            self.sender
                .handle_pressure(now, &self.core.settings, &mut self.effects);
        }
        if let Some(trouble) = letters.trouble {
            self.sender.handle_trouble(&trouble);
        }
        self.stopping = letters.stop;
    }

    /// Hands requests to the connection for as long as there are any and it takes them.
    fn transmit(&mut self) -> bool {
        let mut refused = None;
        let node = self.sender.node();
        self.quiet_until = None;
        let Line::Up(link) = &mut self.line else {
            // Timers go off all the same.
            return false;
        };
        let mut progress = false;
        let (core, sender, effects) = (&self.core, &mut self.sender, &mut self.effects);
        loop {
            self.quiet_until = link.throttled_until();
            if self.quiet_until.is_some() {
                break;
            }
            let now = core.clock.now();
            let request = sender.poll_request(now, &core.settings, &mut Shared(core), effects);
            core.heed_wishes();
            let Some(outbound) = request else {
                break;
            };
            self.spans.begin(node, &outbound);
            let Outbound {
                token,
                request,
                max_version,
                answered,
            } = outbound;
            progress = true;
            let deadline = now + core.settings.request_timeout;
            if let Err(error) = link.send(&request, token, deadline, answered, max_version) {
                let (kind, peer) = (BrokerErrorKind::Incompatible, link.peer());
                refused = Some(BrokerError::new(peer, kind, error.error.to_string()));
                break;
            }
        }
        if let Some(error) = refused {
            // Another connection may find another broker there. Until then, a pause.
            self.lose(&error, self.core.clock.now());
        }
        progress
    }

    /// Moves the connection on: makes it, reads from it, mourns it.
    fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        let now = self.core.clock.now();
        match &mut self.line {
            Line::Down { not_before } => {
                if !self.sender.has_ready() || *not_before > now {
                    return false;
                }
                let dialing = self.core.client.dial(self.sender.node());
                self.line = Line::Dialing(Box::pin(dialing));
                true
            }
            Line::Dialing(dialing) => match dialing.as_mut().poll(cx) {
                Poll::Pending => false,
                Poll::Ready(Ok(link)) => {
                    tracing::info!(peer = %link.peer(), "connected to produce");
                    self.failures = 0;
                    self.line = Line::Up(Box::new(link));
                    true
                }
                Poll::Ready(Err(error)) => {
                    self.hang_up(&error, now);
                    true
                }
            },
            Line::Up(link) => match link.poll(cx) {
                Poll::Pending => false,
                Poll::Ready(Ok(event)) => {
                    self.handle(event, now);
                    true
                }
                Poll::Ready(Err(error)) => {
                    self.lose(&error, now);
                    true
                }
            },
        }
    }

    fn handle(&mut self, event: Event<u64>, now: Instant) {
        match event {
            Event::Ready => {}
            Event::Written(token) => {
                self.spans.end(token, "written");
                self.sender
                    .handle_written(token, now, &self.core.settings, &mut self.effects);
            }
            Event::Answer(answer) => self.handle_answer(&answer, now),
        }
    }

    fn handle_answer(&mut self, answer: &Answer<u64>, now: Instant) {
        let Line::Up(link) = &mut self.line else {
            return;
        };
        let (settings, effects) = (&self.core.settings, &mut self.effects);
        match link.decode::<ProduceRequest, _>(answer) {
            Ok(response) => {
                self.spans.end(answer.token, "answered");
                self.sender
                    .handle_response(answer.token, &response, now, settings, effects);
            }
            Err(error) => {
                let cause = error.to_string().into();
                self.sender
                    .handle_failed(answer.token, &cause, true, now, settings, effects);
                self.lose(&error, now);
            }
        }
    }

    /// The connection is gone: what was in flight is sent again, or given up.
    fn lose(&mut self, error: &BrokerError, now: Instant) {
        self.spans.end_all("lost");
        if let Line::Up(link) = &mut self.line {
            let orphans = link.close();
            let sent = |token: u64| orphans.iter().any(|o| o.token == token && o.transmitted);
            let cause = error.to_string().into();
            let (settings, effects) = (&self.core.settings, &mut self.effects);
            self.sender
                .handle_lost(&cause, sent, now, settings, effects);
        }
        self.hang_up(error, now);
    }

    fn hang_up(&mut self, error: &BrokerError, now: Instant) {
        let node = self.sender.node();
        tracing::warn!(broker = node.0, %error, failures = self.failures, "produce connection lost");
        self.sender.handle_trouble(&error.to_string().into());
        let pause = self.backoff.delay(self.failures, &mut self.rng);
        self.failures = self.failures.saturating_add(1);
        self.line = Line::Down {
            not_before: now + pause,
        };
        self.core.client.control().request_refresh();
    }

    /// Carries out what the sender decided, now that no lock is held.
    fn carry_out(&mut self) {
        let core = &self.core;
        let effects = &mut self.effects;
        core.memory.release(0, effects.chunks.drain(..));
        for measured in effects.measured.drain(..) {
            core.meter.measured(measured);
        }
        let finished = effects.finished.iter();
        core.note_failures(finished.filter_map(|finished| finished.result.as_ref().err()));
        for content in effects.freed.drain(..) {
            core.free(content);
        }
        for finished in effects.finished.drain(..) {
            core.finish(&finished.partition, finished.share, finished.result);
        }
        for (partition, wake) in effects.wakes.drain(..) {
            core.wake(partition, wake);
        }
        for retried in effects.retried.drain(..) {
            core.meter.retried();
            let cell = retried.partition.cell();
            tracing::info!(
                topic = &*cell.topic.name,
                partition = cell.index,
                attempts = retried.attempts,
                cause = %retried.cause,
                "retrying batch"
            );
        }
        for hint in effects.hints.drain(..) {
            core.handle_hint(&hint);
        }
        if std::mem::take(&mut effects.stale) {
            core.client.control().request_refresh();
        }
    }

    /// When the connection has been of no use for so long that it is closed, before the broker does it at a bad moment.
    fn idle_until(&self) -> Option<Instant> {
        match &self.line {
            // A broker that wants to be left alone is left alone on this connection, not on a new one.
            Line::Up(link) if self.sender.in_flight() == 0 && link.throttled_until().is_none() => {
                Some(link.last_used() + self.core.client.config().connections_max_idle)
            }
            _ => None,
        }
    }

    /// Sets the timer to the next thing that is due. Returns whether it went off.
    fn sleep(&mut self, cx: &mut Context<'_>) -> bool {
        let reconnect = match &self.line {
            Line::Down { not_before } if self.sender.has_ready() => Some(*not_before),
            // Not asked anew: if the pause has ended since, the timer goes off at once.
            Line::Up(_) => self.quiet_until,
            Line::Down { .. } | Line::Dialing(_) => None,
        };
        let idle = self.idle_until();
        let timer = self.sender.poll_timeout();
        let Some(wanted) = [reconnect, timer, idle].into_iter().flatten().min() else {
            return false;
        };
        if self.armed != Some(wanted) {
            self.armed = Some(wanted);
            self.sleep.as_mut().reset(self.core.clock.at(wanted));
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.armed = None;
        let now = self.core.clock.now();
        if self.idle_until().is_some_and(|idle| idle <= now) {
            tracing::debug!(
                broker = self.sender.node().0,
                "idle produce connection closed"
            );
            self.line = Line::Down { not_before: now };
        }
        self.sender
            .handle_timers(now, &self.core.settings, &mut self.effects);
        self.carry_out();
        true
    }
}

/// The producer's identity, locked only while a batch is taken.
struct Shared<'a>(&'a Core);

impl Identities for Shared<'_> {
    fn with<R>(&mut self, f: impl FnOnce(&mut Identity) -> R) -> R {
        f(&mut self.0.identity())
    }
}

impl Future for ProduceTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().turn(cx)
    }
}

impl Drop for ProduceTask {
    /// Without its task, a broker's records go nowhere: if the runtime drops it, the producer has ended. Either way,
    /// nothing is held any more for what was in flight.
    fn drop(&mut self) {
        if !self.stopping {
            self.core.abort();
        }
        self.sender.abandon(&mut self.effects);
        self.carry_out();
    }
}
