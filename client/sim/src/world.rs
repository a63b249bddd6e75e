//! The world: brokers, network, producers and time, run until everything is settled.

mod judgement;
mod mishaps;

use std::{collections::BTreeMap, time::Duration};

use milena_broker::Reply;
use milena_engine::{backoff::Rng, time::Instant};

use crate::{
    cluster::{Brokers, describe_request},
    ledger::{Ledger, Log, Tally, TransactionTally, Violation},
    log::EventLog,
    mishap::Mishap,
    net::{Event, LinkId, Net},
    plan::Plan,
    producer::{Around, Producer},
};

/// How a run went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What became of the records.
    pub tally: Tally,
    /// What became of transactions.
    pub transactions: TransactionTally,
    /// Events that were handled.
    pub events: u64,
    /// Requests that were applied after their client had given up the connection.
    pub zombies: u64,
    /// Batches that came again and were recognised.
    pub recognised: u64,
    /// Appends that had to wait for memory.
    pub waits: u64,
    /// Batches that were sent again.
    pub retries: u64,
    /// Epochs that producers used up to begin their sequences anew.
    pub bumps: u64,
    /// Producer ids that were given out beyond the first of each producer.
    pub renewals: u64,
    /// When everything was settled.
    pub ended: Instant,
}

/// Time that everything may take once nothing goes wrong any more.
const PATIENCE: Duration = Duration::from_secs(20);
/// Wait before something is tried again that cannot be done now.
const SOON: Duration = Duration::from_millis(20);
/// Events of a run before it counts as endless.
const EVENTS: u64 = 50_000;

/// Runs a plan. `log` takes the events.
///
/// # Errors
/// The promise that was broken.
pub fn run(plan: &Plan, log: &mut EventLog) -> Result<Report, Violation> {
    let mut world = World::new(plan, log)?;
    world.live()?;
    world.drain()?;
    world.judge()
}

struct World<'a> {
    plan: &'a Plan,
    log: &'a mut EventLog,
    net: Net,
    brokers: Brokers,
    ledger: Ledger,
    producers: Vec<Producer>,
    report: Report,
    /// Logs of topics that were deleted.
    graves: Vec<Log>,
    /// Until when the process of each producer stands still.
    frozen: BTreeMap<usize, Instant>,
    ended: bool,
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, log: &'a mut EventLog) -> Result<Self, Violation> {
        let mut rng = Rng::new(!plan.seed);
        let brokers = Brokers::new(plan).map_err(|error| Violation(error.to_string()))?;
        let mut net = Net::new(plan.latency, plan.window, Rng::new(rng.next_u64()));
        let mut producers = Vec::new();
        for (index, mine) in plan.producers.iter().enumerate() {
            let producer = Producer::new(index, plan, mine, Rng::new(rng.next_u64()), net.now);
            for (caller, after) in producer.first_records().into_iter().enumerate() {
                let event = Event::Append {
                    producer: index,
                    caller,
                };
                net.plan(Instant::ZERO + after, event);
            }
            net.plan(Instant::ZERO, Event::Wake { producer: index });
            producers.push(producer);
        }
        for (number, (at, _)) in plan.mishaps.iter().enumerate() {
            net.plan(*at, Event::Mishap(number));
        }
        net.plan(plan.heal, Event::Heal);
        let mut world = Self {
            plan,
            log,
            net,
            brokers,
            ledger: Ledger::default(),
            producers,
            report: Report::default(),
            graves: Vec::new(),
            frozen: BTreeMap::new(),
            ended: false,
        };
        for index in 0..plan.producers.len() {
            world.visit(index, Producer::pump)?;
        }
        Ok(world)
    }

    /// Until every producer has nothing left.
    fn live(&mut self) -> Result<(), Violation> {
        while !self.is_done() {
            if self.net.now > self.plan.heal + PATIENCE {
                let left: Vec<_> = self.producers.iter().map(Producer::leftovers).collect();
                return Err(Violation(format!(
                    "it does not come to an end: {}",
                    left.join("; ")
                )));
            }
            self.step()?;
        }
        self.report.ended = self.net.now;
        self.ended = true;
        Ok(())
    }

    /// Until nothing is on its way to a broker any more.
    fn drain(&mut self) -> Result<(), Violation> {
        while self.net.is_busy() {
            self.step()?;
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.ledger.unfinished() == 0 && self.producers.iter().all(Producer::is_done)
    }

    fn step(&mut self) -> Result<(), Violation> {
        let event = self.net.next();
        let event = event.ok_or_else(|| Violation("nothing happens any more".to_owned()))?;
        self.report.events += 1;
        if self.report.events > EVENTS {
            return Err(Violation(format!("more than {EVENTS} events")));
        }
        match event {
            Event::Up(link) => self.reach_broker(link),
            Event::NodeUp { node } => {
                self.log
                    .note(self.net.now, || format!("node {node} is back"));
                self.brokers
                    .state
                    .node_up(node)
                    .map_err(|error| Violation(error.to_string()))
            }
            Event::TopicBack { topic } => {
                if self.create(topic).is_err() {
                    // Not enough nodes are up.
                    self.net.plan(self.net.now + SOON, event);
                }
                Ok(())
            }
            Event::Heal => self.heal(),
            Event::Mishap(number) => self.befall(number),
            _ if self.ended => Ok(()),
            // A process that stands still finds all of it when it goes on.
            _ if self.defer(event) => Ok(()),
            Event::Thaw { producer } => self.visit(producer, Producer::pump),
            Event::Wake { producer } => self.visit(producer, Producer::wake),
            Event::Append { producer, caller } => self.visit(producer, |producer, around| {
                producer.next_record(caller, around)
            }),
            Event::Down(link) => self.reach_client(link),
        }
    }

    /// Puts off what happens to a producer that stands still.
    fn defer(&mut self, event: Event) -> bool {
        let producer = match event {
            Event::Wake { producer } | Event::Append { producer, .. } => Some(producer),
            Event::Down(link) => self.net.link(link).map(|link| link.producer),
            Event::Mishap(number) => match self.plan.mishaps.get(number) {
                Some((
                    _,
                    Mishap::Flush { producer }
                    | Mishap::Purge { producer }
                    | Mishap::Close { producer },
                )) => Some(*producer),
                _ => None,
            },
            _ => None,
        };
        let thaws = producer.and_then(|producer| self.thaws(producer));
        if let Some(at) = thaws {
            self.net.plan(at, event);
        }
        thaws.is_some()
    }

    /// Until when a producer stands still, if it does.
    fn thaws(&self, producer: usize) -> Option<Instant> {
        let at = self.frozen.get(&producer).copied();
        at.filter(|at| *at > self.net.now)
    }

    fn visit(
        &mut self,
        producer: usize,
        what: impl FnOnce(&mut Producer, &mut Around<'_>) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let mut around = Around {
            net: &mut self.net,
            ledger: &mut self.ledger,
            log: self.log,
            brokers: &self.brokers,
        };
        let producer = self.producers.get_mut(producer);
        producer.map_or(Ok(()), |producer| what(producer, &mut around))
    }

    fn reach_broker(&mut self, id: LinkId) -> Result<(), Violation> {
        let Some((producer, node, abandoned)) = self
            .net
            .link(id)
            .map(|link| (link.producer, link.node, link.is_abandoned()))
        else {
            return Ok(());
        };
        let Some(frame) = self.net.arrive_up(id) else {
            return Ok(());
        };
        let now = self.net.now;
        if abandoned {
            self.report.zombies += 1;
            for place in self.brokers.places(&frame) {
                self.ledger.come_late(place);
            }
        }
        self.log.note(now, || {
            let late = if abandoned { ", late" } else { "" };
            format!("node {node}, link {id}{late}: {}", describe_request(&frame))
        });
        match self.brokers.handle(node, id, frame, now) {
            Reply::Answer(answer) => {
                let due = Instant::from_millis(u64::try_from(answer.due).unwrap_or(0));
                self.net.answer(id, answer.segments.concat().into(), due);
                if answer.then_close {
                    self.net.close_broker(id);
                }
            }
            Reply::Silence => {}
            Reply::Hang => {
                self.log
                    .note(now, || format!("node {node} falls silent on link {id}"));
                self.net.fall_silent(id);
            }
            Reply::Close(reason) => {
                self.log
                    .note(now, || format!("node {node} closes link {id}: {reason}"));
                self.net.close_broker(id);
            }
            Reply::Wait(_) => return Err(Violation("a fetch waits".to_owned())),
        }
        // The socket has room again.
        if self.ended || self.thaws(producer).is_some() {
            Ok(())
        } else {
            self.visit(producer, Producer::pump)
        }
    }

    fn reach_client(&mut self, id: LinkId) -> Result<(), Violation> {
        let producer = self.net.link(id).map(|link| link.producer);
        let packet = self.net.arrive_down(id);
        let (Some(producer), Some(packet)) = (producer, packet) else {
            return Ok(());
        };
        self.visit(producer, |producer, around| {
            producer.arrive(id, packet, around)
        })
    }
}

impl Report {
    /// Both together; the later end.
    pub fn add(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.transactions.add(&other.transactions);
        self.events += other.events;
        self.zombies += other.zombies;
        self.recognised += other.recognised;
        self.waits += other.waits;
        self.retries += other.retries;
        self.bumps += other.bumps;
        self.renewals += other.renewals;
        self.ended = self.ended.max(other.ended);
    }
}
