//! The network: links with latency, and the heap of everything that is going to happen.

use std::{collections::BTreeMap, collections::VecDeque, time::Duration};

use bytes::Bytes;
use milena_engine::{backoff::Rng, time::Instant};

use crate::mishap::Way;

/// Names a connection for good.
pub(crate) type LinkId = u64;

/// Something that is going to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A producer wanted to be called at this time.
    Wake { producer: usize },
    /// A caller of a producer has its next record ready.
    Append { producer: usize, caller: usize },
    /// The first packet on a link's way up reaches the broker.
    Up(LinkId),
    /// The first packet on a link's way down reaches the client.
    Down(LinkId),
    /// The mishap of that number.
    Mishap(usize),
    /// A node comes back.
    NodeUp { node: i32 },
    /// A topic that was deleted is created anew.
    TopicBack { topic: usize },
    /// A process that stood still goes on.
    Thaw { producer: usize },
    /// Everything becomes whole.
    Heal,
}

/// Something that reaches the client.
#[derive(Clone, Debug)]
pub(crate) enum Packet {
    /// The connection is made.
    Opened,
    /// Bytes.
    Bytes(Bytes),
    /// The other side closed, or nobody is there.
    End,
}

/// A connection between a producer and a node, with what is on its way.
///
/// A packet arrives when its event comes up, and an event takes the first packet there is: so packets keep their
/// order, and one that a mishap took off the way is an event without effect.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) producer: usize,
    pub(crate) node: i32,
    up: VecDeque<Bytes>,
    down: VecDeque<Packet>,
    /// The client still listens.
    client_open: bool,
    /// The broker still listens.
    broker_open: bool,
    /// The wire is cut: nothing that is written now arrives.
    cut: bool,
    up_held: Instant,
    down_held: Instant,
    latest_up: Instant,
    latest_down: Instant,
}

/// What a node does to connections for a time.
#[derive(Clone, Copy, Debug)]
struct Spell {
    node: i32,
    producer: Option<usize>,
    until: Instant,
    what: Hindrance,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hindrance {
    Stalls(Way),
    TakesNoConnections,
}

#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) now: Instant,
    events: BTreeMap<(Instant, u64), Event>,
    planned: u64,
    links: BTreeMap<LinkId, Link>,
    connections: LinkId,
    spells: Vec<Spell>,
    rng: Rng,
    latency: (Duration, Duration),
    window: usize,
}

impl Net {
    pub(crate) fn new(latency: (Duration, Duration), window: usize, rng: Rng) -> Self {
        Self {
            now: Instant::ZERO,
            events: BTreeMap::new(),
            planned: 0,
            links: BTreeMap::new(),
            connections: 0,
            spells: Vec::new(),
            rng,
            latency,
            window,
        }
    }

    pub(crate) fn plan(&mut self, at: Instant, event: Event) {
        self.planned += 1;
        self.events.insert((at.max(self.now), self.planned), event);
    }

    /// The next event; time moves on to it.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let ((at, _), event) = self.events.pop_first()?;
        self.now = at;
        Some(event)
    }

    /// Whether packets are on their way to a broker.
    pub(crate) fn is_busy(&self) -> bool {
        self.links.values().any(|link| !link.up.is_empty())
    }

    fn trip(&mut self) -> Duration {
        let (fastest, slowest) = self.latency;
        let spread = slowest.saturating_sub(fastest).as_nanos();
        fastest + Duration::from_nanos(self.rng.below(u64::try_from(spread).unwrap_or(0)))
    }

    pub(crate) fn link(&self, id: LinkId) -> Option<&Link> {
        self.links.get(&id)
    }
}

// The client's end.
impl Net {
    /// Begins to connect. `up` says whether the node is.
    pub(crate) fn connect(&mut self, producer: usize, node: i32, up: bool) -> LinkId {
        self.connections += 1;
        let id = self.connections;
        let mut link = Link {
            producer,
            node,
            up: VecDeque::new(),
            down: VecDeque::new(),
            client_open: true,
            broker_open: up,
            cut: false,
            up_held: Instant::ZERO,
            down_held: Instant::ZERO,
            latest_up: Instant::ZERO,
            latest_down: Instant::ZERO,
        };
        let now = self.now;
        let mut reachable = true;
        for spell in &self.spells {
            if spell.until <= now || !spell.meets(producer, node) {
                continue;
            }
            match spell.what {
                Hindrance::Stalls(way) => link.hold(way, spell.until),
                Hindrance::TakesNoConnections => reachable = false,
            }
        }
        self.links.insert(id, link);
        if reachable {
            let packet = if up { Packet::Opened } else { Packet::End };
            let there = self.trip();
            self.push_down(id, packet, now + there);
        }
        id
    }

    /// Whether the socket takes another request.
    pub(crate) fn has_room(&self, id: LinkId) -> bool {
        let room = |link: &Link| link.cut || link.up.len() < self.window;
        self.links.get(&id).is_some_and(room)
    }

    /// The client writes a request. It goes nowhere if the wire is cut.
    pub(crate) fn write(&mut self, id: LinkId, frame: Bytes) {
        let trip = self.trip();
        let now = self.now;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.cut || !link.broker_open {
            return;
        }
        link.up.push_back(frame);
        let at = (now + trip).max(link.latest_up).max(link.up_held);
        link.latest_up = at;
        self.plan(at, Event::Up(id));
    }

    /// The client closes. What it wrote arrives all the same, or some of it.
    pub(crate) fn close(&mut self, id: LinkId) {
        let abrupt = self.rng.below(4) == 0;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.client_open = false;
        link.down.clear();
        if abrupt {
            let kept = self.rng.below(link.up.len() as u64 + 1);
            link.up.truncate(usize::try_from(kept).unwrap_or(0));
        }
        self.forget(id);
    }
}

// The broker's end.
impl Net {
    /// The next packet on the way up, if it arrives. `Err` says that it is held back.
    pub(crate) fn arrive_up(&mut self, id: LinkId) -> Option<Bytes> {
        let late = Duration::from_micros(self.rng.below(3000));
        let now = self.now;
        let link = self.links.get_mut(&id)?;
        if link.up_held > now {
            let at = link.up_held + late;
            if !link.up.is_empty() {
                self.plan(at, Event::Up(id));
            }
            return None;
        }
        let frame = link.up.pop_front();
        let listening = link.broker_open;
        self.forget(id);
        frame.filter(|_| listening)
    }

    /// The broker answers.
    pub(crate) fn answer(&mut self, id: LinkId, bytes: Bytes, due: Instant) {
        let at = due.max(self.now) + self.trip();
        self.push_down(id, Packet::Bytes(bytes), at);
    }

    /// The broker closes: what it sent before arrives, nothing that comes now is read.
    pub(crate) fn close_broker(&mut self, id: LinkId) {
        let trip = self.trip();
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if !link.broker_open {
            return;
        }
        link.broker_open = false;
        link.up.clear();
        let at = self.now + trip;
        self.push_down(id, Packet::End, at);
    }

    /// The broker reads no more, but stays.
    pub(crate) fn fall_silent(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.hold(Way::Up, Instant::FAR_FUTURE);
            link.up.clear();
            link.broker_open = false;
        }
    }

    /// The next packet on the way down, if it arrives and somebody is there.
    pub(crate) fn arrive_down(&mut self, id: LinkId) -> Option<Packet> {
        let late = Duration::from_micros(self.rng.below(3000));
        let now = self.now;
        let link = self.links.get_mut(&id)?;
        if link.down_held > now {
            let at = link.down_held + late;
            if !link.down.is_empty() {
                self.plan(at, Event::Down(id));
            }
            return None;
        }
        link.down.pop_front()
    }

    fn push_down(&mut self, id: LinkId, packet: Packet, at: Instant) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if !link.client_open || (link.cut && !matches!(packet, Packet::End)) {
            return;
        }
        link.down.push_back(packet);
        let at = at.max(link.latest_down).max(link.down_held);
        link.latest_down = at;
        self.plan(at, Event::Down(id));
    }

    /// Drops a link of which nobody will hear again.
    fn forget(&mut self, id: LinkId) {
        let over = |link: &Link| !link.client_open && (link.up.is_empty() || !link.broker_open);
        if self.links.get(&id).is_some_and(over) {
            self.links.remove(&id);
        }
    }
}

// Mishaps.
impl Net {
    fn matching(&self, node: i32, producer: Option<usize>) -> Vec<LinkId> {
        let meets = |link: &Link| {
            link.node == node && producer.is_none_or(|producer| producer == link.producer)
        };
        let links = self.links.iter().filter(|(_, link)| meets(link));
        links.map(|(id, _)| *id).collect()
    }

    /// Cuts the wires to a node. Of what is on its way, the first part still arrives, in either direction.
    pub(crate) fn cut(&mut self, node: i32, producer: Option<usize>) {
        for id in self.matching(node, producer) {
            let (up, down) = (self.rng.next_u64(), self.rng.next_u64());
            let trip = self.trip();
            let Some(link) = self.links.get_mut(&id) else {
                continue;
            };
            if link.cut {
                continue;
            }
            let kept = up % (link.up.len() as u64 + 1);
            link.up.truncate(usize::try_from(kept).unwrap_or(0));
            let kept = down % (link.down.len() as u64 + 1);
            link.down.truncate(usize::try_from(kept).unwrap_or(0));
            link.cut = true;
            let at = self.now + trip;
            self.push_down(id, Packet::End, at);
        }
    }

    /// A node fails: nothing that is on its way arrives there.
    pub(crate) fn close_node(&mut self, node: i32) {
        for id in self.matching(node, None) {
            self.close_broker(id);
            self.forget(id);
        }
    }

    pub(crate) fn stall(
        &mut self,
        node: i32,
        producer: Option<usize>,
        way: Way,
        until: Instant,
        later_ones: bool,
    ) {
        for id in self.matching(node, producer) {
            if let Some(link) = self.links.get_mut(&id) {
                link.hold(way, until);
            }
        }
        if later_ones {
            self.spells.push(Spell {
                node,
                producer,
                until,
                what: Hindrance::Stalls(way),
            });
        }
    }

    pub(crate) fn take_no_connections(&mut self, node: i32, until: Instant) {
        self.spells.push(Spell {
            node,
            producer: None,
            until,
            what: Hindrance::TakesNoConnections,
        });
    }

    pub(crate) fn heal(&mut self) {
        self.spells.clear();
    }
}

impl Link {
    fn hold(&mut self, way: Way, until: Instant) {
        if way != Way::Down {
            self.up_held = self.up_held.max(until);
        }
        if way != Way::Up {
            self.down_held = self.down_held.max(until);
        }
    }

    /// Whether the client gave it up.
    pub(crate) const fn is_abandoned(&self) -> bool {
        !self.client_open
    }
}

impl Spell {
    fn meets(&self, producer: usize, node: i32) -> bool {
        self.node == node && self.producer.is_none_or(|only| only == producer)
    }
}
