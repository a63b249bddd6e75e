//! Which partition a record goes to, if it does not say so itself.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use milena_engine::{
    backoff::Rng,
    cluster::{Cluster, NodeId, TopicView},
    produce::{Candidate, Load, Sticky},
    time::Instant,
};

use super::{record::Record, topic::Topic};
use crate::{Client, io::clock::Clock};

/// Chooses partitions in place of the producer's own rule; set by
/// [`ProducerBuilder::partitioner`](crate::ProducerBuilder::partitioner).
///
/// It is asked once for each record that names no partition, by whoever sends the record, and so by several threads at a
/// time.
///
/// ```
/// use milena::{Partitioner, Partitions, Record};
///
/// /// Tenants have partitions of their own; what belongs to none goes where there is least to do.
/// #[derive(Debug)]
/// struct ByTenant;
///
/// impl Partitioner for ByTenant {
///     fn partition(&self, record: &Record<'_>, partitions: &Partitions<'_>) -> Option<i32> {
///         let mut headers = record.header_refs().iter();
///         let tenant = headers.find(|header| header.key == "tenant").and_then(|header| header.value);
///         match tenant {
///             Some(tenant) => Some(i32::from(*tenant.as_slice().first()?) % partitions.count().max(1)),
///             None => (0..partitions.count()).min_by_key(|partition| partitions.load(*partition)),
///         }
///     }
/// }
/// ```
pub trait Partitioner: fmt::Debug + Send + Sync + 'static {
    /// The partition for `record`; `None` leaves the choice to the producer: by the key, or without one by load.
    ///
    /// A partition that there is not is waited for, like one that the record names; one below 0 is an error.
    fn partition(&self, record: &Record<'_>, partitions: &Partitions<'_>) -> Option<i32>;
}

/// The partitions of a topic, and how busy they are.
#[derive(Debug)]
pub struct Partitions<'a> {
    topic: &'a Topic,
    cluster: &'a Cluster,
}

impl<'a> Partitions<'a> {
    pub(crate) const fn new(topic: &'a Topic, cluster: &'a Cluster) -> Self {
        Self { topic, cluster }
    }

    /// How many there are; they are numbered from 0.
    pub fn count(&self) -> i32 {
        i32::try_from(self.topic.count()).unwrap_or(i32::MAX)
    }

    /// The broker that leads a partition; `None` while there is none.
    pub fn leader(&self, partition: i32) -> Option<i32> {
        let view = self.topic.view();
        view.partition(partition)?.leader.map(|leader| leader.0)
    }

    /// The rack of the broker that leads a partition, as far as it is known.
    pub fn rack(&self, partition: i32) -> Option<&str> {
        let leader = NodeId(self.leader(partition)?);
        self.cluster.broker(leader)?.rack.as_deref()
    }

    /// Batches of a partition that this producer holds, because they are not acknowledged yet.
    pub fn load(&self, partition: i32) -> usize {
        let index = usize::try_from(partition).ok();
        let cell = index.and_then(|index| self.topic.partitions().get(index));
        cell.map_or(0, |cell| cell.cell().gauge.read().batches)
    }
}

/// Each partition in turn, whatever the key; those without a leader are passed over.
#[derive(Debug, Default)]
pub struct RoundRobin {
    next: RwLock<BTreeMap<String, AtomicU32>>,
}

impl RoundRobin {
    /// Begins with partition 0 of each topic.
    pub fn new() -> Self {
        Self::default()
    }

    fn turn(&self, topic: &str) -> u32 {
        let next = self.next.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = next.get(topic) {
            return next.fetch_add(1, Ordering::Relaxed);
        }
        drop(next);
        let mut next = self.next.write().unwrap_or_else(PoisonError::into_inner);
        let next = next.entry(topic.to_owned()).or_default();
        next.fetch_add(1, Ordering::Relaxed)
    }
}

impl Partitioner for RoundRobin {
    fn partition(&self, record: &Record<'_>, partitions: &Partitions<'_>) -> Option<i32> {
        let count = u32::try_from(partitions.count()).ok()?;
        let turns = (0..count).filter_map(|_| self.turn(record.topic()).checked_rem(count));
        let mut numbers = turns.map(u32::cast_signed);
        // With no leader anywhere, the producer's own rule decides where to wait.
        numbers.find(|number| partitions.leader(*number).is_some())
    }
}

/// How a producer chooses.
#[derive(Clone, Debug)]
pub(crate) struct Choosing {
    pub(crate) partitioner: Option<Arc<dyn Partitioner>>,
    pub(crate) ignores_keys: bool,
    /// Partitions with a longer queue are given less.
    pub(crate) is_adaptive: bool,
    /// For how long a partition's batches may wait before it is given nothing more; zero for ever.
    pub(crate) availability_timeout: Duration,
    pub(crate) rack: Option<Arc<str>>,
}

impl Default for Choosing {
    fn default() -> Self {
        Self {
            partitioner: None,
            ignores_keys: false,
            is_adaptive: true,
            availability_timeout: Duration::ZERO,
            rack: None,
        }
    }
}

/// What the choice for records without a key is made by.
#[derive(Clone, Debug)]
pub(crate) struct Sights {
    pub(crate) choosing: Choosing,
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) linger: Duration,
}

impl Sights {
    /// Another partition for records without a key.
    pub(crate) fn pick(&self, topic: &Topic, view: &TopicView, rng: &mut Rng) -> Option<u32> {
        let Choosing {
            is_adaptive,
            availability_timeout,
            ref rack,
            ..
        } = self.choosing;
        let racks = rack.as_ref().map(|rack| (rack, self.client.cluster()));
        let is_near = |leader| match &racks {
            Some((rack, cluster)) => {
                let broker = cluster.broker(leader);
                broker.and_then(|broker| broker.rack.as_ref()) == Some(*rack)
            }
            None => true,
        };
        let now = (!availability_timeout.is_zero()).then(|| self.clock.now());
        let patience = availability_timeout.saturating_add(self.linger);
        let candidate = |number: u32| {
            let seen = view.partitions.get(number as usize);
            let leader = seen.and_then(|seen| seen.leader);
            let partition = topic.partitions().get(number as usize);
            let load = partition.map_or_else(Load::default, |it| it.cell().gauge.read());
            let is_overdue = |now| load.since.is_some_and(|since| since + patience < now);
            Candidate {
                is_led: leader.is_some(),
                is_prompt: !now.is_some_and(is_overdue),
                is_near: leader.is_some_and(is_near),
                load: match is_adaptive {
                    true => u32::try_from(load.batches).unwrap_or(u32::MAX),
                    false => 0,
                },
            }
        };
        let count = u32::try_from(view.partitions.len()).unwrap_or(u32::MAX);
        Sticky::pick(count, candidate, rng)
    }
}

/// What a partition has before it, to be read without its lock.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    batches: AtomicUsize,
    /// One more than the nanoseconds; 0 for nothing.
    since: AtomicU64,
}

impl Gauge {
    /// Notes it. Whoever calls this holds the partition's lock.
    pub(crate) fn note(&self, load: Load) {
        let since = load
            .since
            .map_or(0, |since| since.as_nanos().saturating_add(1));
        self.batches.store(load.batches, Ordering::Relaxed);
        self.since.store(since, Ordering::Relaxed);
    }

    fn read(&self) -> Load {
        let since = self.since.load(Ordering::Relaxed);
        Load {
            batches: self.batches.load(Ordering::Relaxed),
            since: since.checked_sub(1).map(Instant::from_nanos),
        }
    }
}
