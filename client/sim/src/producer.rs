//! A simulated producer: the engine's pieces, put together as the client puts them together, without a socket.

mod application;
mod callers;
mod coordination;
mod ending;
mod lanes;
mod questions;
mod watch;

use std::{collections::BTreeMap, time::Duration};

use milena_engine::{
    backoff::Rng,
    cluster::{Leader, NodeId},
    metadata::{Metadata, MetadataConfig},
    produce::{
        Budget, Content, Effects, Failure, Identity, PartitionQueue, Reaper, Settings, Share, Wake,
    },
    time::Instant,
    transaction::Transactions,
    versions::Features,
};

use milena_protocol::Str;

use self::{
    application::Application, callers::Caller, coordination::Coordination, lanes::Lane,
    questions::Questions, watch::Watch,
};
use crate::{
    cluster::Brokers,
    ledger::{BatchNumber, Ledger, Place, Violation},
    log::EventLog,
    net::{Event, LinkId, Net, Packet},
    part::Part,
    plan::{Plan, ProducerPlan},
};

/// What a producer lives in.
pub(crate) struct Around<'a> {
    pub(crate) net: &'a mut Net,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) log: &'a mut EventLog,
    pub(crate) brokers: &'a Brokers,
}

impl Around<'_> {
    fn note(&mut self, words: impl FnOnce() -> String) {
        self.log.note(self.net.now, words);
    }

    const fn now(&self) -> Instant {
        self.net.now
    }
}

/// One producer.
pub(crate) struct Producer {
    index: usize,
    plan: ProducerPlan,
    nodes: i32,
    parts: BTreeMap<Place, Part>,
    budget: Budget,
    identity: Identity,
    reaper: Reaper<Part>,
    metadata: Metadata,
    lanes: BTreeMap<NodeId, Lane>,
    questions: Questions,
    watch: Watch,
    callers: Vec<Caller>,
    coordination: Option<Coordination>,
    /// As the newest connection heard it.
    features: Features,
    rng: Rng,
    next_wake: Option<Instant>,
    /// Something was done that may make more possible.
    busy: bool,
    closed: bool,
    /// Waits for memory, granted or not.
    pub(crate) waits: u64,
    /// Ids granted.
    pub(crate) grants: u64,
    /// How long it stood still.
    still: Duration,
    /// How far the clock for its records is ahead, in milliseconds.
    ahead: i64,
    /// Batches that were sent again.
    pub(crate) retries: u64,
}

/// Rounds of work at one point in time before it counts as an endless loop.
const ROUNDS: usize = 1000;

impl Producer {
    pub(crate) fn new(
        index: usize,
        plan: &Plan,
        mine: &ProducerPlan,
        mut rng: Rng,
        now: Instant,
    ) -> Self {
        let names = plan.names();
        let name = |topic: usize| names.get(topic).map_or("", String::as_str);
        let parts = plan
            .partitions()
            .map(|place| (place, Part::new(place, name(place.0))));
        let config = MetadataConfig {
            max_idle: Duration::from_secs(100_000),
            max_age: Duration::from_secs(2),
            backoff: mine.settings.retry_backoff,
            ..MetadataConfig::default()
        };
        let mut metadata = Metadata::new(config, Rng::new(rng.next_u64()));
        for name in &names {
            metadata.track(name, false, now);
        }
        let mut mine = mine.clone();
        let coordination = mine.transactions.clone().map(|its| {
            let id = Str::from(Plan::transactional_id(its.id).as_str());
            mine.settings.transactional_id = Some(id.clone());
            let seed = rng.next_u64();
            let backoff = mine.settings.retry_backoff;
            let transactions = Transactions::new(id, its.timeout, backoff, seed);
            Coordination::new(transactions, Application::new(&its, name(0)))
        });
        let mut callers: Vec<_> = mine
            .callers
            .iter()
            .map(|script| Caller::new(script))
            .collect();
        if coordination.is_some() {
            callers.push(Caller::new(&[]));
        }
        Self {
            index,
            nodes: plan.nodes,
            parts: parts.collect(),
            budget: Budget::new(mine.buffer_memory, mine.settings.chunk_size()),
            identity: Identity::new(),
            reaper: Reaper::new(),
            metadata,
            lanes: BTreeMap::new(),
            questions: Questions::new(mine.setup_timeout),
            watch: Watch::default(),
            callers,
            coordination,
            features: Features::default(),
            plan: mine,
            rng,
            next_wake: None,
            busy: false,
            closed: false,
            waits: 0,
            grants: 0,
            still: Duration::ZERO,
            ahead: 0,
            retries: 0,
        }
    }

    fn settings(&self) -> Settings {
        self.plan.settings.clone()
    }

    /// Whether everything that was appended is settled, and all memory is back.
    pub(crate) fn is_done(&self) -> bool {
        let coordinated = |coordination: &Coordination| self.closed || coordination.is_done();
        self.callers.iter().all(Caller::is_done)
            && self.coordination.as_ref().is_none_or(coordinated)
            && self
                .parts
                .values()
                .all(|part| part.queue(|queue| queue.is_empty()))
            && self.lanes.values().all(|lane| lane.sender.in_flight() == 0)
            && self.budget.reserved() == 0
    }

    /// What is not done, in words.
    pub(crate) fn leftovers(&self) -> String {
        let callers = self
            .callers
            .iter()
            .filter(|caller| !caller.is_done())
            .count();
        let queues: Vec<_> = self
            .parts
            .iter()
            .filter(|(_, part)| !part.queue(|queue| queue.is_empty()))
            .map(|(place, part)| part.queue(|queue| format!("{place:?}: {queue:?}")))
            .collect();
        let lanes = self
            .lanes
            .iter()
            .map(|(node, lane)| (node.0, lane.sender.in_flight()));
        format!(
            "producer {}: {callers} callers, {:?}, {} bytes reserved, in flight {:?}, queues {queues:?}",
            self.index,
            self.coordination.as_ref().map(Coordination::describe),
            self.budget.reserved(),
            lanes.collect::<Vec<_>>(),
        )
    }

    /// Partitions without records that were looked at.
    pub(crate) fn disturbed(&self) -> Option<&Part> {
        let used = |place: &Place| {
            let loads = self.plan.callers.iter().flatten();
            let script = self.plan.transactions.iter().flat_map(|its| &its.script);
            let mut all = loads.chain(script.flat_map(|transaction| &transaction.records));
            all.any(|load| (load.topic, load.partition) == *place)
        };
        let idle = self.parts.iter().filter(|(place, _)| !used(place));
        idle.map(|(_, part)| part).find(|part| part.looks() > 0)
    }

    /// The epoch that its latest sequences began with; transactions have theirs from the coordinator.
    pub(crate) fn epoch(&self) -> Option<i16> {
        let mine = self.identity.current();
        mine.filter(|_| self.coordination.is_none())
            .map(|identity| identity.epoch)
    }

    /// A packet arrived on one of its links.
    pub(crate) fn arrive(
        &mut self,
        link: LinkId,
        packet: Packet,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        if self.questions.line.link() == Some(link) {
            return self.question_arrives(packet, around);
        }
        if let Some(node) = self.coordinator_at(link) {
            return self.coordinator_arrives(node, packet, around);
        }
        let lane = self
            .lanes
            .iter()
            .find(|(_, lane)| lane.line.link() == Some(link));
        match lane.map(|(node, _)| *node) {
            Some(node) => self.produce_arrives(node, packet, around),
            None => Ok(()),
        }
    }

    /// Its process stands still for so long.
    pub(crate) fn stood_still(&mut self, lasts: Duration) {
        self.still += lasts;
    }

    /// Sets the clock by which it stamps its records.
    pub(crate) const fn set_clock(&mut self, ahead: i64) {
        self.ahead = ahead;
    }

    /// The time has come that it wanted to be called at.
    pub(crate) fn wake(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        if self.next_wake.is_some_and(|at| at <= around.now()) {
            self.next_wake = None;
            return self.pump(around);
        }
        Ok(())
    }

    /// Does everything that can be done now.
    pub(crate) fn pump(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        for _ in 0..ROUNDS {
            self.busy = false;
            self.expire(around)?;
            self.serve_callers(around)?;
            self.coordinate(around)?;
            self.ask(around)?;
            self.drive_lanes(around)?;
            if !self.busy {
                self.check_lanes()?;
                self.sleep(around);
                return Ok(());
            }
        }
        Err(Violation(format!(
            "producer {} goes round in circles",
            self.index
        )))
    }

    fn sleep(&mut self, around: &mut Around<'_>) {
        let now = around.now();
        let times = [
            self.reaper.poll_timeout(),
            self.callers_timeout(),
            self.questions_timeout(now),
            self.lanes_timeout(),
            self.coordination_timeout(now),
        ];
        let Some(at) = times.into_iter().flatten().min() else {
            return;
        };
        let at = at.max(now);
        if self.next_wake.is_none_or(|planned| at < planned) {
            self.next_wake = Some(at);
            around.net.plan(
                at,
                Event::Wake {
                    producer: self.index,
                },
            );
        }
    }

    /// Asks who leads what.
    pub(crate) fn refresh(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        self.metadata.request_refresh();
        self.pump(around)
    }

    /// Carries out what the engine wants.
    fn apply(&mut self, effects: Effects<Part>, around: &mut Around<'_>) -> Result<(), Violation> {
        for finished in &effects.finished {
            if let Err(failure) = &finished.result {
                self.spoil(failure);
            }
        }
        for content in effects.freed {
            self.free(content);
        }
        self.budget.release(0, effects.chunks);
        for finished in effects.finished {
            self.finish(&finished.share, finished.result, around)?;
        }
        for (part, wake) in effects.wakes {
            self.tell(part, wake);
        }
        if effects.stale {
            self.metadata.request_refresh();
        }
        self.retries += effects.retried.len() as u64;
        for hint in effects.hints {
            self.take_hint(&hint, around);
        }
        Ok(())
    }

    fn free(&mut self, content: Content) {
        self.busy = true;
        self.budget
            .release(content.reserved, content.batch.recycle());
    }

    fn finish(
        &mut self,
        share: &Share<BatchNumber>,
        outcome: Result<milena_engine::produce::Ack, Failure>,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        let (index, batch) = (self.index, around.ledger.part(share)?);
        around.note(|| match &outcome {
            Ok(ack) => format!(
                "producer {index}: batch {batch} is at {:?}",
                ack.base_offset
            ),
            Err(failure) => format!(
                "producer {index}: batch {batch} failed: {:?}, {:?} after {} attempts, last {:?}",
                failure.reason, failure.persistence, failure.attempts, failure.cause
            ),
        });
        let limit = self.plan.settings.delivery_timeout + self.still;
        around.ledger.finish(batch, outcome, around.net.now, limit)
    }

    /// Takes over who leads what.
    fn adopt(&mut self, around: &mut Around<'_>) {
        let (now, settings) = (around.now(), self.settings());
        let cluster = self.metadata.cluster().clone();
        let parts: Vec<_> = self.parts.values().cloned().collect();
        for part in parts {
            let Some(topic) = cluster.topic(part.name()) else {
                continue;
            };
            // Of a topic that was created anew, leader epochs begin anew.
            let renewed = part.set_id(topic.id);
            if renewed {
                part.queue(PartitionQueue::handle_renewed);
            }
            let Some(view) = topic.partition(part.place().1) else {
                continue;
            };
            let epoch = view.leader_epoch;
            let leader = view.leader.map(|node| Leader { node, epoch });
            let wake = part.queue(|queue| {
                if queue.leader() == leader {
                    return None;
                }
                queue.handle_leader(leader);
                queue.reschedule(now, &settings)
            });
            if let Some(wake) = wake {
                self.tell(part, wake);
            }
        }
    }

    /// The lane of a broker has to look at a partition.
    fn tell(&mut self, part: Part, wake: Wake) {
        self.busy = true;
        let lane = self.lane(wake.node);
        lane.awake = true;
        lane.sender.handle_wake(part, wake.at);
    }
}
