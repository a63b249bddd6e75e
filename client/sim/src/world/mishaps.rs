//! What goes wrong, and how it becomes whole again.

use milena_broker::CoordinatorType;

use super::World;
use crate::{
    cluster::millis,
    ledger::{Log, Violation},
    mishap::{Mishap, Way},
    net::Event,
    plan::Plan,
    producer::Producer,
};

impl World<'_> {
    pub(super) fn befall(&mut self, number: usize) -> Result<(), Violation> {
        let Some((_, mishap)) = self.plan.mishaps.get(number) else {
            return Ok(());
        };
        if self.defer(Event::Mishap(number)) {
            return Ok(());
        }
        let now = self.net.now;
        self.log.note(now, || format!("{mishap:?}"));
        match mishap {
            Mishap::Cut { node, producer } => self.net.cut(*node, *producer),
            Mishap::Stall {
                node,
                producer,
                way,
                lasts,
                later_ones,
            } => self
                .net
                .stall(*node, *producer, *way, now + *lasts, *later_ones),
            Mishap::NodeDown { node, lasts } => {
                self.brokers
                    .state
                    .node_down(*node)
                    .map_err(|error| Violation(error.to_string()))?;
                self.net.close_node(*node);
                self.net.plan(now + *lasts, Event::NodeUp { node: *node });
            }
            Mishap::Unreachable { node, lasts } => {
                self.net.take_no_connections(*node, now + *lasts);
            }
            Mishap::MoveLeader {
                topic,
                partition,
                node,
            } => {
                let name = self.brokers.name(*topic).to_owned();
                // A node that is down cannot lead; then nothing happens.
                let _ = self.brokers.state.move_leader(&name, *partition, *node);
            }
            Mishap::Usurp {
                topic,
                partition,
                node,
                lasts,
            } => {
                let name = self.brokers.name(*topic).to_owned();
                let leader = self.brokers.state.leader(&name, *partition);
                if let Some((old, _)) = leader.filter(|(old, _)| old != node) {
                    self.net.stall(old, None, Way::Both, now + *lasts, true);
                    let _ = self.brokers.state.move_leader(&name, *partition, *node);
                }
                self.spread_the_word()?;
            }
            Mishap::DeleteTopic { topic, lasts } => {
                if self.bury(*topic)? {
                    let topic = *topic;
                    self.net.plan(now + *lasts, Event::TopicBack { topic });
                }
            }
            Mishap::AddPartitions { topic } => {
                // Where too few nodes are up, it comes about in the end.
                let _ = self.brokers.complete(*topic, now);
                self.spread_the_word()?;
            }
            Mishap::Freeze { producer, lasts } => {
                let thaws = self.frozen.entry(*producer).or_insert(now);
                *thaws = (*thaws).max(now + *lasts);
                let (at, producer) = (*thaws, *producer);
                self.net.plan(at, Event::Thaw { producer });
                if let Some(frozen) = self.producers.get_mut(producer) {
                    frozen.stood_still(*lasts);
                }
            }
            Mishap::ClockJump { producer, by } => {
                if let Some(producer) = self.producers.get_mut(*producer) {
                    producer.set_clock(*by);
                }
            }
            Mishap::MoveCoordinator { id, node, loads } => {
                let key = Plan::transactional_id(*id);
                for of in [CoordinatorType::Transaction, CoordinatorType::Group] {
                    let state = &mut self.brokers.state;
                    if state.move_coordinator(of, &key, *node).is_ok() {
                        state.load_coordinator(of, &key, millis(now + *loads));
                    }
                }
            }
            Mishap::Upgrade { level } => {
                let upgraded = self.brokers.state.set_transaction_version(*level);
                upgraded.map_err(|error| Violation(error.to_string()))?;
            }
            Mishap::Bewitch(spell) => {
                let fault = spell.fault(&self.brokers.names);
                self.brokers.state.push_fault(fault);
            }
            Mishap::Flush { producer } => return self.visit(*producer, Producer::flush),
            Mishap::Purge { producer } => return self.visit(*producer, Producer::purge),
            Mishap::Close { producer } => return self.visit(*producer, Producer::close),
        }
        Ok(())
    }

    /// All producers that do not stand still ask who leads what.
    fn spread_the_word(&mut self) -> Result<(), Violation> {
        for producer in 0..self.producers.len() {
            if !self.ended && self.thaws(producer).is_none() {
                self.visit(producer, Producer::refresh)?;
            }
        }
        Ok(())
    }

    /// Deletes a topic, if it is there and can be read. What it held is kept for the judgement.
    fn bury(&mut self, topic: usize) -> Result<bool, Violation> {
        let places: Vec<_> = self
            .plan
            .partitions()
            .filter(|place| place.0 == topic)
            .collect();
        let name = self.brokers.name(topic).to_owned();
        let mut logs = Vec::new();
        for place in places {
            if self.brokers.state.leader(&name, place.1).is_none() {
                return Ok(false);
            }
            let records = self.brokers.read(place, false, self.net.now);
            logs.push(Log {
                place,
                records: records.map_err(Violation)?,
                gone: true,
            });
        }
        self.graves.extend(logs);
        let deleted = self.brokers.state.delete_topic(&name);
        deleted.map_err(|error| Violation(error.to_string()))?;
        Ok(true)
    }

    /// Creates a topic anew, unless it is there.
    pub(super) fn create(&mut self, topic: usize) -> Result<(), Violation> {
        let name = self.brokers.name(topic).to_owned();
        if self.brokers.state.topic_id(&name).is_none() {
            self.log
                .note(self.net.now, || format!("{name} is there again"));
            let partitions = self.plan.topics.get(topic).copied().unwrap_or(1);
            let created = self.brokers.state.create_topic(&name, partitions);
            created.map_err(|error| Violation(error.to_string()))?;
        }
        Ok(())
    }

    pub(super) fn heal(&mut self) -> Result<(), Violation> {
        self.log
            .note(self.net.now, || "everything is whole again".to_owned());
        self.brokers.state.clear_faults();
        self.net.heal();
        for node in 1..=self.plan.nodes {
            if !self.brokers.state.is_up(node) {
                let up = self.brokers.state.node_up(node);
                up.map_err(|error| Violation(error.to_string()))?;
            }
        }
        for topic in 0..self.plan.topics.len() {
            self.create(topic)?;
            self.brokers
                .complete(topic, self.net.now)
                .map_err(Violation)?;
        }
        if !self.ended {
            self.spread_the_word()?;
        }
        Ok(())
    }
}
