//! What one broker is sent: which partitions have something ready, and which requests are in flight.

mod answers;
mod effects;
mod packing;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use milena_codec::Compressor;
use milena_protocol::{
    Records, Str, Uuid,
    produce::{PartitionProduceResponse, ProduceRequest, ProduceResponse},
};

use self::answers::{Answers, cause, outcome};
pub use self::effects::{Effects, Finished, LeaderHint, Measured, Retried};
use super::{
    enrolment::Generation,
    identity::Identities,
    outcome::Ack,
    queue::{Answer, BatchId, Content, NotTaken, PartitionQueue, Wake},
    settings::{Acks, Settings},
};
use crate::{
    backoff::Rng,
    cluster::{BrokerView, Leader, NodeId},
    time::Instant,
};

/// A handle to one partition's queue, wherever that is kept.
pub trait Partition: Clone {
    /// What is told about a batch that is settled.
    type Completion: Clone;

    /// The topic's name.
    fn topic(&self) -> &Str;
    /// The topic's id, or zero from brokers that have none.
    fn topic_id(&self) -> Uuid;
    /// The partition's number.
    fn index(&self) -> i32;
    /// Access to the queue, for as long as `f` runs.
    fn with<R>(&self, f: impl FnOnce(&mut PartitionQueue<Self::Completion>) -> R) -> R;
}

/// The sender for one broker.
///
/// - Happened: [`handle_wake`](Self::handle_wake), [`handle_response`](Self::handle_response),
///   [`handle_written`](Self::handle_written), [`handle_lost`](Self::handle_lost).
/// - To do: [`poll_request`](Self::poll_request) until it has nothing, then sleep until something happens or
///   [`poll_timeout`](Self::poll_timeout).
///
/// Its work goes with the partitions that have something to send; idle ones are not looked at.
#[derive(Debug)]
pub struct Sender<P: Partition> {
    node: NodeId,
    ready: VecDeque<P>,
    timers: BTreeMap<(Instant, u64), P>,
    timer_count: u64,
    in_flight: VecDeque<Request<P>>,
    requests: u64,
    /// Made for the first batch, since it may hold a large window.
    compressor: Option<Compressor>,
    rng: Rng,
}

/// A request to be sent.
#[derive(Debug)]
pub struct Outbound {
    /// Names the request in later calls.
    pub token: u64,
    /// What to send.
    pub request: ProduceRequest,
    /// Version to stay at or below, where a topic's id is not known.
    pub max_version: Option<i16>,
    /// Whether the broker will answer.
    pub answered: bool,
}

#[derive(Debug)]
struct Request<P> {
    token: u64,
    sent: Instant,
    batches: Vec<Carried<P>>,
}

/// A batch in flight, with its bytes: they are kept for the next attempt, and given back only when no copy of them
/// can be on its way any more.
#[derive(Debug)]
struct Carried<P> {
    partition: P,
    topic_id: Uuid,
    id: BatchId,
    content: Content,
    records: Records,
}

impl<P: Partition> Sender<P> {
    /// A sender for `node` with nothing to do. `seed` is for the jitter of retries.
    pub const fn new(node: NodeId, seed: u64) -> Self {
        Self {
            node,
            ready: VecDeque::new(),
            timers: BTreeMap::new(),
            timer_count: 0,
            in_flight: VecDeque::new(),
            requests: 0,
            compressor: None,
            rng: Rng::new(seed),
        }
    }

    /// The broker.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Requests whose outcome is open.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Whether a connection is of use now.
    pub fn has_ready(&self) -> bool {
        self.ready.iter().any(|partition| self.is_ready(partition))
    }

    /// Whether a partition is still this broker's: another may lead it since it was added.
    fn is_ready(&self, partition: &P) -> bool {
        partition.with(|queue| queue.is_ready_on(self.node))
    }

    /// A partition has something for this broker, now or later.
    pub fn handle_wake(&mut self, partition: P, at: Option<Instant>) {
        match at {
            None => self.ready.push_back(partition),
            Some(at) => {
                self.timer_count += 1;
                self.timers.insert((at, self.timer_count), partition);
            }
        }
    }

    /// The broker cannot be reached, or there is no producer id: `cause` goes into the error of what runs out of time.
    pub fn handle_trouble(&mut self, cause: &Arc<str>) {
        self.requests += 1;
        let (node, look) = (self.node, self.requests);
        self.ready.retain(|partition| {
            partition.with(|queue| queue.is_ready_on(node) && queue.is_first(node, look))
        });
        for partition in &self.ready {
            partition.with(|queue| queue.handle_trouble(cause));
        }
    }

    /// Memory is short: what lingers is sent now. What waits for another reason has to wait all the same.
    pub fn handle_pressure(&mut self, now: Instant, settings: &Settings, effects: &mut Effects<P>) {
        for (at, partition) in std::mem::take(&mut self.timers) {
            let hurried = partition.with(|queue| {
                queue
                    .stop_lingering()
                    .then(|| queue.reschedule(now, settings))
            });
            match hurried {
                Some(wake) => self.route(partition, wake, effects),
                None => {
                    self.timers.insert(at, partition);
                }
            }
        }
    }

    /// The next request to send, if there is any. With acks 0 and no answer to come, call
    /// [`handle_written`](Self::handle_written) once it is on its way.
    pub fn poll_request(
        &mut self,
        now: Instant,
        settings: &Settings,
        identity: &mut impl Identities,
        effects: &mut Effects<P>,
    ) -> Option<Outbound> {
        self.handle_timers(now, settings, effects);
        if self.in_flight.len() >= settings.max_in_flight
            || (settings.idempotent && identity.with(|identity| identity.wanted()))
        {
            return None;
        }
        loop {
            self.requests += 1;
            let (batches, any_taken) = self.gather(now, settings, identity, effects);
            if !batches.is_empty() {
                let measured = Measured::Request {
                    records: batches
                        .iter()
                        .map(|it| u64::from(it.content.batch.count()))
                        .sum(),
                    bytes: batches.iter().map(|it| it.records.len()).sum(),
                };
                effects.measured.push(measured);
                return Some(self.request(batches, now, settings, identity));
            }
            // What was taken turned out not to be sendable; what is left of it may be ready again.
            if !any_taken {
                return None;
            }
        }
    }

    /// A batch of each ready partition, as many as fit, and whether any was taken from its queue.
    fn gather(
        &mut self,
        now: Instant,
        settings: &Settings,
        identity: &mut impl Identities,
        effects: &mut Effects<P>,
    ) -> (Vec<Carried<P>>, bool) {
        let mut any_taken = false;
        let mut batches = Vec::new();
        let mut size = 0;
        for _ in 0..self.ready.len() {
            let Some(partition) = self.ready.pop_front() else {
                break;
            };
            let room = (size > 0).then(|| settings.max_request_size.saturating_sub(size));
            let looked = partition.with(|queue| {
                if !queue.visit(self.node, self.requests) {
                    return None;
                }
                let place = (partition.topic(), partition.index());
                let taken =
                    identity.with(|ids| queue.take(self.node, room, now, settings, ids, place));
                Some((taken, queue.reschedule(now, settings)))
            });
            // It stood here twice, as one may that was given up and has something new.
            let Some((taken, wake)) = looked else {
                continue;
            };
            self.route(partition.clone(), wake, effects);
            match taken {
                Ok(taken) => {
                    any_taken = true;
                    if let Some(carried) = self.pack(partition, taken, now, settings, effects) {
                        size += carried.records.len();
                        batches.push(carried);
                    }
                }
                // A partition that is not part of the transaction yet stays among the ready ones.
                Err(NotTaken::Nothing | NotTaken::NotEnrolled) => {}
                Err(NotTaken::NoRoom | NotTaken::NoIdentity) => {
                    // The next request begins with it, or smaller batches could take its place for ever.
                    if let Some(partition) = self.ready.pop_back() {
                        self.ready.push_front(partition);
                    }
                    break;
                }
            }
        }
        (batches, any_taken)
    }

    /// The request of these batches, which are in flight from here on.
    fn request(
        &mut self,
        mut batches: Vec<Carried<P>>,
        now: Instant,
        settings: &Settings,
        identity: &mut impl Identities,
    ) -> Outbound {
        let token = self.requests;
        batches.sort_by(|a, b| a.key().cmp(&b.key()));
        let by_id = batches.iter().all(|batch| batch.topic_id != Uuid::ZERO);
        let mut max_version = (!by_id).then_some(12);
        if settings.transactional_id.is_some() {
            let generation = identity.with(|identity| identity.generation());
            let limit = generation.and_then(Generation::max_produce_version);
            max_version = limit.or(max_version);
        }
        let outbound = Outbound {
            token,
            request: ProduceRequest {
                transactional_id: settings.transactional_id.clone(),
                acks: settings.acks.wire(),
                timeout_ms: i32::try_from(settings.request_timeout.as_millis()).unwrap_or(i32::MAX),
                topic_data: packing::topics(&mut batches),
                ..ProduceRequest::default()
            },
            max_version,
            answered: settings.acks != Acks::None,
        };
        self.in_flight.push_back(Request {
            token,
            sent: now,
            batches,
        });
        outbound
    }

    /// When [`poll_request`](Self::poll_request) may have something without anything else happening.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.keys().next().map(|(at, _)| *at)
    }

    /// The broker has answered a request.
    pub fn handle_response(
        &mut self,
        token: u64,
        response: &ProduceResponse,
        now: Instant,
        settings: &Settings,
        effects: &mut Effects<P>,
    ) {
        let Some(request) = self.remove(token) else {
            return;
        };
        let after = now.since(request.sent);
        effects.measured.push(Measured::Answered { after });
        let answers = Answers::new(response);
        for carried in request.batches {
            let answer = match answers.find(&carried) {
                Some(answer) => {
                    self.note_staleness(&carried, answer, response, effects);
                    outcome(answer)
                }
                None => Answer::Lost("the broker's answer leaves the partition out".into()),
            };
            self.settle(carried, answer, now, settings, effects);
        }
    }

    /// A request that has no answer (acks 0) was written.
    pub fn handle_written(
        &mut self,
        token: u64,
        now: Instant,
        settings: &Settings,
        effects: &mut Effects<P>,
    ) {
        let Some(request) = self.remove(token) else {
            return;
        };
        let after = now.since(request.sent);
        effects.measured.push(Measured::Answered { after });
        for carried in request.batches {
            let ack = Ack {
                base_offset: None,
                log_append_time: None,
            };
            self.settle(carried, Answer::Stored(ack), now, settings, effects);
        }
    }

    /// The broker's answer to one request is of no use, or the request could not be written.
    pub fn handle_failed(
        &mut self,
        token: u64,
        cause: &Arc<str>,
        sent: bool,
        now: Instant,
        settings: &Settings,
        effects: &mut Effects<P>,
    ) {
        let Some(request) = self.remove(token) else {
            return;
        };
        effects.measured.push(Measured::Unanswered);
        for carried in request.batches {
            let answer = if sent {
                Answer::Lost(cause.clone())
            } else {
                Answer::Unsent
            };
            effects.stale = true;
            self.settle(carried, answer, now, settings, effects);
        }
    }

    /// The connection is gone, and with it every answer. `sent` says whether any byte of a request left.
    pub fn handle_lost(
        &mut self,
        cause: &Arc<str>,
        sent: impl Fn(u64) -> bool,
        now: Instant,
        settings: &Settings,
        effects: &mut Effects<P>,
    ) {
        let tokens: Vec<u64> = self.in_flight.iter().map(|request| request.token).collect();
        for token in tokens {
            self.handle_failed(token, cause, sent(token), now, settings, effects);
        }
    }

    /// Nothing will be sent any more, and no answer is waited for: gives back the memory of what is in flight.
    pub fn abandon(&mut self, effects: &mut Effects<P>) {
        let unanswered = self.in_flight.iter().map(|_| Measured::Unanswered);
        effects.measured.extend(unanswered);
        let requests = self.in_flight.drain(..);
        let carried = requests.flat_map(|request| request.batches);
        effects.freed.extend(carried.map(|carried| carried.content));
    }

    fn remove(&mut self, token: u64) -> Option<Request<P>> {
        let at = self
            .in_flight
            .iter()
            .position(|request| request.token == token)?;
        self.in_flight.remove(at)
    }

    /// Time has passed.
    pub fn handle_timers(&mut self, now: Instant, settings: &Settings, effects: &mut Effects<P>) {
        while let Some(entry) = self.timers.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let partition = entry.remove();
            let wake = partition.with(|queue| {
                queue.handle_timer(now);
                queue.reschedule(now, settings)
            });
            self.route(partition, wake, effects);
        }
    }

    fn route(&mut self, partition: P, wake: Option<Wake>, effects: &mut Effects<P>) {
        match wake {
            Some(wake) if wake.node == self.node => self.handle_wake(partition, wake.at),
            Some(wake) => effects.wakes.push((partition, wake)),
            None => {}
        }
    }

    fn settle(
        &mut self,
        carried: Carried<P>,
        answer: Answer,
        now: Instant,
        settings: &Settings,
        effects: &mut Effects<P>,
    ) {
        let Carried {
            partition,
            id,
            content,
            ..
        } = carried;
        let cause = cause(&answer);
        let (settled, wake) = partition.with(|queue| {
            let settled = queue.settle(id, content, answer, now, settings, &mut self.rng);
            (settled, queue.reschedule(now, settings))
        });
        self.route(partition.clone(), wake, effects);
        if let (Some(attempts), Some(cause)) = (settled.retry, cause) {
            effects.retried.push(Retried {
                partition: partition.clone(),
                attempts,
                cause,
            });
        }
        if let Some(content) = effects.note(&partition, settled) {
            self.split(partition, id, content, now, settings, effects);
        }
    }

    fn note_staleness(
        &self,
        carried: &Carried<P>,
        answer: &PartitionProduceResponse,
        response: &ProduceResponse,
        effects: &mut Effects<P>,
    ) {
        if !answer.error_code.refreshes_metadata() {
            return;
        }
        effects.stale = true;
        let hint = &answer.current_leader;
        if let Some(node) = NodeId::from_wire(hint.leader_id)
            && hint.leader_epoch >= 0
        {
            let endpoints = &response.node_endpoints;
            let endpoint = endpoints.iter().find(|e| e.node_id == hint.leader_id);
            effects.hints.push(LeaderHint {
                partition: carried.partition.clone(),
                leader: Leader {
                    node,
                    epoch: hint.leader_epoch,
                },
                endpoint: endpoint
                    .and_then(|e| BrokerView::from_wire(node, &e.host, e.port, e.rack.as_deref())),
            });
        }
    }
}

impl<P: Partition> Carried<P> {
    fn key(&self) -> (&Str, i32) {
        (self.partition.topic(), self.partition.index())
    }
}

#[cfg(test)]
mod tests;
