//! The way to one broker: its sender, and the connection that it sends over.

use std::collections::BTreeMap;

use milena_engine::{
    cluster::NodeId,
    connection::{Answer, Event, Terms},
    produce::{Effects, Sender},
    time::Instant,
};
use milena_protocol::produce::ProduceRequest;

use super::{Around, Producer};
use crate::{
    cluster::describe_answer,
    ledger::Violation,
    line::{Line, Loss},
    net::Packet,
    part::Part,
};

/// A broker's sender and connection.
pub(crate) struct Lane {
    pub(super) sender: Sender<Part>,
    pub(super) line: Line<u64>,
    /// Something happened since it last looked. It does not look otherwise, as its task would not.
    pub(super) awake: bool,
}

impl Producer {
    pub(super) fn lane(&mut self, node: NodeId) -> &mut Lane {
        let Self {
            lanes, rng, plan, ..
        } = self;
        lanes.entry(node).or_insert_with(|| Lane {
            sender: Sender::new(node, rng.next_u64()),
            line: Line::new(plan.setup_timeout),
            awake: false,
        })
    }

    /// A packet arrived from a broker.
    pub(super) fn produce_arrives(
        &mut self,
        node: NodeId,
        packet: Packet,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        let (events, loss) = self.lane(node).line.arrive(packet, around.net);
        for event in events {
            self.produce_event(node, event, around)?;
        }
        if let Some(loss) = loss {
            self.lane_lost(node, loss, around)?;
        }
        self.pump(around)
    }

    fn produce_event(
        &mut self,
        node: NodeId,
        event: Event<u64>,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        self.busy = true;
        let (now, settings) = (around.now(), self.settings());
        let mut effects = Effects::new();
        let lane = self.lane(node);
        lane.awake = true;
        match event {
            Event::Ready => {
                let heard = lane.line.features();
                self.features = self.features.max(heard);
            }
            Event::Written(token) => {
                lane.sender
                    .handle_written(token, now, &settings, &mut effects);
            }
            Event::Answer(answer) => return self.produce_answered(node, &answer, around),
        }
        self.apply(effects, around)
    }

    fn produce_answered(
        &mut self,
        node: NodeId,
        answer: &Answer<u64>,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        let mut effects = Effects::new();
        let lane = self.lane(node);
        match lane.line.decode::<ProduceRequest, _>(answer, around.net) {
            Ok(response) => {
                let token = answer.token;
                self.watch
                    .answered((node, token), &response, &self.parts, &settings, now)?;
                let lane = self.lane(node);
                lane.sender
                    .handle_response(token, &response, now, &settings, &mut effects);
                let index = self.index;
                around.note(|| {
                    let words = describe_answer(&response);
                    format!("producer {index}: node {node} answered{words}")
                });
            }
            Err(loss) => return self.lane_lost(node, loss, around),
        }
        self.apply(effects, around)
    }

    fn lane_lost(
        &mut self,
        node: NodeId,
        loss: Loss<u64>,
        around: &mut Around<'_>,
    ) -> Result<(), Violation> {
        self.busy = true;
        self.watch.lost(node);
        let (now, settings, index) = (around.now(), self.settings(), self.index);
        around.note(|| format!("producer {index}: lost node {node}: {}", loss.cause));
        let orphans: BTreeMap<u64, bool> = loss
            .orphans
            .iter()
            .map(|orphan| (orphan.token, orphan.transmitted))
            .collect();
        // One that the connection does not owe any more was answered, though not in a way that could be read.
        let sent = |token| orphans.get(&token).copied().unwrap_or(true);
        let mut effects = Effects::new();
        let lane = self.lane(node);
        lane.awake = true;
        lane.sender
            .handle_lost(&loss.cause, sent, now, &settings, &mut effects);
        lane.sender.handle_trouble(&loss.cause);
        self.metadata.request_refresh();
        self.apply(effects, around)
    }

    /// Connects, sends and looks at timeouts.
    pub(super) fn drive_lanes(&mut self, around: &mut Around<'_>) -> Result<(), Violation> {
        let nodes: Vec<_> = self.lanes.keys().copied().collect();
        for node in nodes {
            self.drive_lane(node, around)?;
        }
        Ok(())
    }

    fn drive_lane(&mut self, node: NodeId, around: &mut Around<'_>) -> Result<(), Violation> {
        let (now, settings) = (around.now(), self.settings());
        if let Some(loss) = self.lane(node).line.handle_timeout(around.net) {
            self.lane_lost(node, loss, around)?;
        }
        let mut effects = Effects::new();
        let pressed = self.budget.has_waiters();
        let Lane {
            sender,
            line,
            awake,
        } = self.lane(node);
        let timers = [sender.poll_timeout(), line.poll_timeout()];
        *awake |= pressed || timers.into_iter().flatten().any(|due| due <= now);
        sender.handle_timers(now, &settings, &mut effects);
        if pressed {
            sender.handle_pressure(now, &settings, &mut effects);
        }
        self.apply(effects, around)?;
        let index = self.index;
        let lane = self.lane(node);
        if lane.line.may_connect(now) && lane.sender.has_ready() {
            let up = around.brokers.state.is_up(node.0);
            let link = around.net.connect(index, node.0, up);
            lane.line.begin(link, now);
            around.note(|| format!("producer {index}: connects to node {node}, link {link}"));
        }
        while self.lane(node).awake && self.lane(node).line.is_ready() {
            let mut effects = Effects::new();
            let Self {
                lanes,
                identity,
                busy,
                watch,
                parts,
                ..
            } = self;
            let Some(lane) = lanes.get_mut(&node) else {
                break;
            };
            let had_id = !identity.wanted();
            let outbound = lane
                .sender
                .poll_request(now, &settings, identity, &mut effects);
            let sent = outbound.is_some();
            // The epochs have come to their end: another id has to be asked for.
            *busy |= had_id && identity.wanted();
            if let Some(outbound) = outbound {
                let terms = Terms {
                    now,
                    deadline: now + settings.request_timeout,
                    answered: outbound.answered,
                    max_version: [outbound.max_version, around.brokers.latest_produce()]
                        .into_iter()
                        .flatten()
                        .min(),
                };
                let token = outbound.token;
                watch.sends((node, token), &outbound.request, parts, &settings, now)?;
                if let Err(refused) = lane.line.send(&outbound.request, token, terms) {
                    let why = refused.map_or_else(String::new, |refused| refused.error.to_string());
                    let why = why.into();
                    lane.sender
                        .handle_failed(token, &why, false, now, &settings, &mut effects);
                }
            }
            let events = lane.line.flush(around.net);
            self.apply(effects, around)?;
            let wrote = !events.is_empty();
            for event in events {
                self.produce_event(node, event, around)?;
            }
            self.busy |= sent;
            if !sent && !wrote {
                self.lane(node).awake = false;
            }
        }
        // The handshake is written before the connection is ready for anything else.
        let events = self.lane(node).line.flush(around.net);
        for event in events {
            self.produce_event(node, event, around)?;
        }
        Ok(())
    }

    /// Those who waited for a producer id, or for their partitions to become part of the transaction, can send.
    pub(super) fn rouse_lanes(&mut self) {
        for lane in self.lanes.values_mut() {
            lane.awake = true;
        }
    }

    /// Once there is nothing to do for anybody, nobody sleeps who could send.
    pub(super) fn check_lanes(&mut self) -> Result<(), Violation> {
        let waits_for_others = match &self.coordination {
            Some(coordination) => !coordination.lets_send(&mut self.identity),
            None => self.settings().idempotent && self.identity.wanted(),
        };
        if waits_for_others {
            return Ok(());
        }
        for (node, lane) in &self.lanes {
            let has_room = lane.sender.in_flight() < self.settings().max_in_flight;
            if has_room && lane.line.is_ready() && lane.sender.has_ready() && !lane.awake {
                return Err(Violation(format!(
                    "producer {} sleeps over what it could send to node {}",
                    self.index, node.0
                )));
            }
        }
        Ok(())
    }

    pub(super) fn lanes_timeout(&self) -> Option<Instant> {
        let times = self.lanes.values().flat_map(|lane| {
            let rested = lane.line.rests_until();
            [
                lane.sender.poll_timeout(),
                lane.line.poll_timeout(),
                rested.filter(|_| lane.sender.has_ready()),
            ]
        });
        times.flatten().min()
    }
}
