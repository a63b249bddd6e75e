//! A simulated producer: the engine's pieces, put together as the client puts them together, without a socket.

mod callers;
mod lanes;
mod questions;
mod watch;

use std::collections::BTreeMap;

use milena_engine::{
    backoff::Rng,
    cluster::NodeId,
    metadata::{Metadata, MetadataConfig},
    produce::{
        Budget, Content, Effects, Failure, Identity, Leader, PartitionQueue, Reaper, Settings,
        Share, Wake,
    },
    time::Instant,
};

use self::{callers::Caller, lanes::Lane, questions::Questions, watch::Watch};
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
    rng: Rng,
    next_wake: Option<Instant>,
    /// Something was done that may make more possible.
    busy: bool,
    closed: bool,
    /// Waits for memory, granted or not.
    pub(crate) waits: u64,
    /// Ids granted.
    pub(crate) grants: u64,
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
            max_idle: std::time::Duration::from_secs(100_000),
            backoff: mine.settings.retry_backoff,
            ..MetadataConfig::default()
        };
        let mut metadata = Metadata::new(config, Rng::new(rng.next_u64()));
        for name in &names {
            metadata.track(name, false, now);
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
            callers: mine
                .callers
                .iter()
                .map(|script| Caller::new(script))
                .collect(),
            plan: mine.clone(),
            rng,
            next_wake: None,
            busy: false,
            closed: false,
            waits: 0,
            grants: 0,
            retries: 0,
        }
    }

    fn settings(&self) -> Settings {
        self.plan.settings.clone()
    }

    /// Whether everything that was appended is settled, and all memory is back.
    pub(crate) fn is_done(&self) -> bool {
        self.callers.iter().all(Caller::is_done)
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
            "producer {}: {callers} callers, {} bytes reserved, in flight {:?}, queues {queues:?}",
            self.index,
            self.budget.reserved(),
            lanes.collect::<Vec<_>>(),
        )
    }

    /// Partitions without records that were looked at.
    pub(crate) fn disturbed(&self) -> Option<&Part> {
        let used = |place: &Place| {
            let loads = self.plan.callers.iter().flatten();
            loads
                .clone()
                .any(|load| (load.topic, load.partition) == *place)
        };
        let idle = self.parts.iter().filter(|(place, _)| !used(place));
        idle.map(|(_, part)| part).find(|part| part.looks() > 0)
    }

    /// The epoch that its latest sequences began with.
    pub(crate) fn epoch(&self) -> Option<i16> {
        self.identity.current().map(|identity| identity.epoch)
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
        let lane = self
            .lanes
            .iter()
            .find(|(_, lane)| lane.line.link() == Some(link));
        match lane.map(|(node, _)| *node) {
            Some(node) => self.produce_arrives(node, packet, around),
            None => Ok(()),
        }
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
            self.ask(around)?;
            self.drive_lanes(around)?;
            if !self.busy {
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

    fn expire(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        while let Some(part) = self.reaper.poll(now) {
            self.busy = true;
            let again = self.end(&part, around, |queue, each, freed| {
                queue.expire(now, &settings, each, freed)
            })?;
            if let Some(again) = again {
                self.reaper.watch(part.clone(), again);
            }
            // What was given up may have been all that held others back.
            if let Some(wake) = part.queue(|queue| queue.reschedule(now, &settings)) {
                self.tell(part, wake);
            }
        }
        Ok(())
    }

    /// Gives up everything.
    pub(crate) fn close(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        self.closed = true;
        self.dismiss_callers();
        let parts: Vec<_> = self.parts.values().cloned().collect();
        for part in parts {
            self.end(&part, around, |queue, each, freed| {
                queue.abort(now, &settings, each, freed);
            })?;
        }
        self.pump(around)
    }

    /// Gives up everything accepted so far.
    pub(crate) fn purge(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        let parts: Vec<_> = self.parts.values().cloned().collect();
        for part in parts {
            if part.queue(|queue| queue.is_empty()) {
                continue;
            }
            self.end(&part, around, |queue, each, freed| {
                queue.purge(now, &settings, each, freed);
            })?;
            if let Some(wake) = part.queue(|queue| queue.reschedule(now, &settings)) {
                self.tell(part, wake);
            }
        }
        self.pump(around)
    }

    /// Asks who leads what.
    pub(crate) fn refresh(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        self.metadata.request_refresh();
        self.pump(around)
    }

    /// Closes every open batch.
    pub(crate) fn flush(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        let parts: Vec<_> = self.parts.values().cloned().collect();
        for part in parts {
            let wake = part.queue(|queue| {
                if queue.is_empty() {
                    return None;
                }
                queue.seal_open();
                queue.reschedule(now, &settings)
            });
            if let Some(wake) = wake {
                self.tell(part, wake);
            }
        }
        self.pump(around)
    }

    /// Runs `give_up` on a queue, and tells of what ended by it.
    fn end<R>(
        &mut self,
        part: &Part,
        around: &mut Around<'_>,
        give_up: impl FnOnce(
            &mut PartitionQueue<BatchNumber>,
            &mut dyn FnMut(Share<BatchNumber>, Failure),
            &mut dyn FnMut(Content),
        ) -> R,
    ) -> Result<R, Violation> {
        let (mut ended, mut freed) = (Vec::new(), Vec::new());
        let result = part.queue(|queue| {
            give_up(
                queue,
                &mut |share, failure| ended.push((share, failure)),
                &mut |content| freed.push(content),
            )
        });
        for content in freed {
            self.free(content);
        }
        for (share, failure) in ended {
            self.finish(&share, Err(failure), around)?;
        }
        Ok(result)
    }

    /// Carries out what the engine wants.
    fn apply(&mut self, effects: Effects<Part>, around: &mut Around<'_>) -> Result<(), Violation> {
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
        let limit = self.plan.settings.delivery_timeout;
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
            part.set_id(topic.id);
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
        self.lane(wake.node).sender.handle_wake(part, wake.at);
    }
}
