//! What goes wrong, and when: drawn from a seed.

use std::{fmt, time::Duration};

use fastrand::Rng;

/// Everything that goes wrong in a run, as three sequences that go on side by side.
///
/// A pause is counted from the end of the fault before it, which may take longer than planned: how soon a cluster
/// recovers is not in the seed.
#[derive(Debug, PartialEq)]
pub(crate) struct Schedule {
    /// One node at a time is away.
    pub(crate) nodes: Vec<Timed<NodeFault>>,
    pub(crate) network: Vec<Timed<NetworkFault>>,
    /// How long a topic lives before it is created anew.
    pub(crate) topics: Vec<Duration>,
}

/// A fault, and how long all is well before it.
#[derive(Debug, PartialEq)]
pub(crate) struct Timed<F> {
    pub(crate) pause: Duration,
    pub(crate) fault: F,
}

/// What happens to a node, or to the leaders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NodeFault {
    /// It dies without a word, and comes back later.
    Kill { node: i32, down: Duration },
    /// It stands still, and goes on as if nothing had been.
    Pause { node: i32, time: Duration },
    /// It is asked to end, and comes back later.
    Restart { node: i32, down: Duration },
    /// Every partition prefers the replica that is `by` places further on, and elects it.
    Move { by: usize },
}

/// What happens to the connections of a node, for a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NetworkFault {
    pub(crate) node: i32,
    pub(crate) kind: NetworkKind,
    pub(crate) time: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum NetworkKind {
    /// Everything takes longer.
    Slow(Ways, Duration),
    /// Bytes come in pieces, of so many at most.
    Chopped(Ways, usize),
    /// Nothing gets through, until it all does.
    Stalled(Ways),
    /// All connections are closed.
    Closed,
    /// All connections are reset.
    Reset,
    /// One direction ends, the other goes on.
    HalfClosed(Way),
}

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToBroker,
    ToClient,
}

/// One direction, or both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Ways {
    One(Way),
    Both,
}

impl Ways {
    pub(crate) fn contain(self, way: Way) -> bool {
        match self {
            Self::One(one) => one == way,
            Self::Both => true,
        }
    }
}

impl Schedule {
    /// The schedule of a seed, long enough for `time`. A longer one begins with the shorter one.
    pub(crate) fn draw(seed: u64, nodes: i32, time: Duration) -> Self {
        let mut dice = Rng::with_seed(seed);
        // Each sequence draws by itself, so that the length of one does not matter to the others.
        let (mut first, mut second, mut third) = (dice.fork(), dice.fork(), dice.fork());
        Self {
            nodes: fill(time, &mut Deck::default(), |deck: &mut Deck<4>| {
                let pause = millis(&mut first, 2_000, 6_000);
                let fault = node_fault(deck.draw(&mut first), &mut first, nodes);
                let lasts = match fault {
                    NodeFault::Kill { down, .. } | NodeFault::Restart { down, .. } => down,
                    NodeFault::Pause { time, .. } => time,
                    NodeFault::Move { .. } => Duration::ZERO,
                };
                (Timed { pause, fault }, pause + lasts)
            }),
            network: fill(time, &mut Deck::default(), |deck: &mut Deck<6>| {
                let pause = millis(&mut second, 200, 3_000);
                let fault = network_fault(deck.draw(&mut second), &mut second, nodes);
                (Timed { pause, fault }, pause + fault.time)
            }),
            topics: fill(time, &mut (), |()| {
                let life = millis(&mut third, 8_000, 25_000);
                (life, life)
            }),
        }
    }
}

/// Draws until the time is filled.
fn fill<D, T>(
    time: Duration,
    deck: &mut D,
    mut draw: impl FnMut(&mut D) -> (T, Duration),
) -> Vec<T> {
    let (mut all, mut filled) = (Vec::new(), Duration::ZERO);
    while filled < time {
        let (one, lasts) = draw(deck);
        all.push(one);
        filled += lasts;
    }
    all
}

/// The numbers below `N` in random order, again and again: whatever is drawn by it happens even in a short run.
#[derive(Default)]
struct Deck<const N: usize>(Vec<usize>);

impl<const N: usize> Deck<N> {
    fn draw(&mut self, dice: &mut Rng) -> usize {
        if self.0.is_empty() {
            self.0 = (0..N).collect();
            dice.shuffle(&mut self.0);
        }
        self.0.pop().unwrap_or_default()
    }
}

fn node_fault(kind: usize, dice: &mut Rng, nodes: i32) -> NodeFault {
    let node = dice.i32(1..=nodes);
    match kind {
        0 => NodeFault::Kill {
            node,
            down: millis(dice, 500, 10_000),
        },
        // Some last until another leader is elected, and some do not.
        1 => NodeFault::Pause {
            node,
            time: millis(dice, 500, 12_000),
        },
        2 => NodeFault::Restart {
            node,
            down: millis(dice, 0, 8_000),
        },
        _ => NodeFault::Move {
            by: dice.usize(1..3),
        },
    }
}

fn network_fault(kind: usize, dice: &mut Rng, nodes: i32) -> NetworkFault {
    let node = dice.i32(1..=nodes);
    let way = if dice.bool() {
        Way::ToBroker
    } else {
        Way::ToClient
    };
    let ways = if dice.u8(0..3) == 0 {
        Ways::Both
    } else {
        Ways::One(way)
    };
    let (kind, time) = match kind {
        0 => (
            NetworkKind::Slow(ways, millis(dice, 1, 300)),
            millis(dice, 500, 5_000),
        ),
        1 => (
            NetworkKind::Chopped(ways, dice.usize(1..200)),
            millis(dice, 500, 3_000),
        ),
        2 => (NetworkKind::Stalled(ways), millis(dice, 200, 8_000)),
        3 => (NetworkKind::Closed, Duration::ZERO),
        4 => (NetworkKind::Reset, Duration::ZERO),
        _ => (NetworkKind::HalfClosed(way), Duration::ZERO),
    };
    NetworkFault { node, kind, time }
}

fn millis(dice: &mut Rng, low: u64, high: u64) -> Duration {
    Duration::from_millis(dice.u64(low..=high))
}

impl fmt::Display for NodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill { node, down } => write!(f, "node {node} is killed, for {down:.1?}"),
            Self::Pause { node, time } => write!(f, "node {node} stands still, for {time:.1?}"),
            Self::Restart { node, down } => {
                write!(f, "node {node} is asked to end, for {down:.1?}")
            }
            Self::Move { by } => write!(f, "all leaders move on by {by}"),
        }
    }
}

impl fmt::Display for NetworkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (node, time) = (self.node, self.time);
        write!(f, "connections of node {node} ")?;
        match self.kind {
            NetworkKind::Slow(ways, delay) => {
                write!(f, "take {delay:.0?} longer {ways}, for {time:.1?}")
            }
            NetworkKind::Chopped(ways, most) => {
                write!(f, "are chopped to {most} bytes {ways}, for {time:.1?}")
            }
            NetworkKind::Stalled(ways) => write!(f, "stall {ways}, for {time:.1?}"),
            NetworkKind::Closed => f.write_str("are closed"),
            NetworkKind::Reset => f.write_str("are reset"),
            NetworkKind::HalfClosed(way) => write!(f, "are closed {}", Ways::One(way)),
        }
    }
}

impl fmt::Display for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One(Way::ToBroker) => "to the broker",
            Self::One(Way::ToClient) => "to the client",
            Self::Both => "both ways",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, mem::discriminant, time::Duration};

    use super::Schedule;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_same_seed_draws_the_same_faults_and_another_draws_others() {
        assert_eq!(Schedule::draw(7, 3, MINUTE), Schedule::draw(7, 3, MINUTE));
        assert_ne!(Schedule::draw(7, 3, MINUTE), Schedule::draw(8, 3, MINUTE));
    }

    #[test]
    fn a_longer_run_begins_as_a_shorter_one() {
        let (short, long) = (
            Schedule::draw(7, 3, MINUTE),
            Schedule::draw(7, 3, 5 * MINUTE),
        );
        assert!(long.nodes.starts_with(&short.nodes) && long.nodes.len() > short.nodes.len());
        assert!(long.network.starts_with(&short.network));
        assert!(long.topics.starts_with(&short.topics));
    }

    #[test]
    fn faults_of_every_kind_happen_in_a_minute() {
        for seed in 0..50 {
            let schedule = Schedule::draw(seed, 3, MINUTE);
            let kinds = schedule
                .nodes
                .iter()
                .map(|timed| format!("{:?}", discriminant(&timed.fault)));
            assert_eq!(kinds.collect::<BTreeSet<_>>().len(), 4, "{schedule:?}");
            let kinds = schedule
                .network
                .iter()
                .map(|timed| format!("{:?}", discriminant(&timed.fault.kind)));
            assert_eq!(kinds.collect::<BTreeSet<_>>().len(), 6, "{schedule:?}");
            assert!(!schedule.topics.is_empty());
        }
    }
}
