//! A topic's partitions, as a producer sees them.

use std::sync::{
    Arc, MutexGuard,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use arc_swap::ArcSwap;
use milena_engine::{
    backoff::Rng,
    cluster::{Leader, TopicView},
    produce::{Partition, PartitionQueue},
};
use milena_protocol::{Str, Uuid};

use super::{
    callbacks::Callbacks,
    delivery::Completion,
    growing::Growing,
    partitioner::{Gauge, Sights},
};
use crate::lock::Lock;

/// Why a partition's records are not sent at present.
const NO_LEADER: &str = "the partition has no leader";

/// The partitions of one topic, and the choice for records without a key.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) facts: Arc<Facts>,
    /// As many as there ever were: what was accepted for those that are no more has to end too.
    partitions: Growing<PartitionRef>,
    /// How many there are.
    count: AtomicU32,
    adopting: Lock<()>,
    /// A record was written since the topic was last reported as used.
    used: AtomicBool,
    sticky: AtomicU32,
    sights: Arc<Sights>,
    rng: Lock<Rng>,
}

/// What a topic's partitions know of it.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) name: Arc<str>,
    wire_name: Str,
    view: ArcSwap<TopicView>,
}

/// A partition's queue, and the lock that callers and senders share it by.
///
/// The lock is held to write one record or to take one batch: never while anything is awaited, and no other
/// partition's lock is taken meanwhile.
#[derive(Debug)]
pub(crate) struct PartitionCell {
    pub(crate) topic: Arc<Facts>,
    pub(crate) index: i32,
    pub(crate) gauge: Gauge,
    pub(crate) callbacks: Callbacks,
    queue: Lock<PartitionQueue<Arc<Completion>>>,
}

/// A shared handle to a partition.
#[derive(Clone, Debug)]
pub(crate) struct PartitionRef(Arc<PartitionCell>);

impl Topic {
    pub(crate) fn new(view: Arc<TopicView>, sights: Arc<Sights>, seed: u64) -> Arc<Self> {
        let topic = Arc::new(Self {
            facts: Arc::new(Facts {
                name: view.name.clone(),
                wire_name: Str::from(&*view.name),
                view: ArcSwap::new(view.clone()),
            }),
            partitions: Growing::new(),
            count: AtomicU32::new(0),
            adopting: Lock::new(()),
            used: AtomicBool::new(true),
            sticky: AtomicU32::new(0),
            sights,
            rng: Lock::new(Rng::new(seed)),
        });
        topic.grow(&view);
        topic.next_sticky(topic.sticky.load(Ordering::Relaxed));
        topic
    }

    pub(crate) fn view(&self) -> arc_swap::Guard<Arc<TopicView>> {
        self.facts.view.load()
    }

    pub(crate) const fn partitions(&self) -> &Growing<PartitionRef> {
        &self.partitions
    }

    /// How many partitions there are: 0 once the topic is gone.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// A record is written to the topic. Says whether that is news.
    pub(crate) fn touch(&self) -> bool {
        // Mostly it is not, and then nothing is written that other threads read.
        !self.used.load(Ordering::Relaxed) && !self.used.swap(true, Ordering::Relaxed)
    }

    /// Begins to count as unused. Says whether it was used.
    pub(crate) fn rest(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }

    /// Whether any partition holds something.
    pub(crate) fn has_unsettled(&self) -> bool {
        self.partitions
            .iter()
            .any(|partition| !partition.lock().is_empty())
    }

    /// The partition that records without a key go to at present.
    pub(crate) fn sticky(&self) -> u32 {
        self.sticky.load(Ordering::Relaxed)
    }

    /// Moves on from `from`, unless somebody did already.
    pub(crate) fn next_sticky(&self, from: u32) {
        let mut rng = self.rng.lock();
        if let Some(next) = self.sights.pick(self, &self.view(), &mut rng) {
            let _ = self
                .sticky
                .compare_exchange(from, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Takes over what is new in the view that `latest` gives. `moved` is called, with the queue locked, for each
    /// partition whose leader changed.
    pub(crate) fn update(
        &self,
        latest: impl FnOnce() -> Arc<TopicView>,
        mut moved: impl FnMut(&PartitionRef, &mut PartitionQueue<Arc<Completion>>),
    ) {
        // One at a time, each with the latest there is: an older view never replaces a newer one.
        let _turn = self.adopting.lock();
        let view = &latest();
        let before = self.facts.view.swap(view.clone());
        // Of a topic that was created anew, leader epochs begin anew.
        let renewed = before.id != view.id;
        self.grow(view);
        let sticky = self.sticky();
        let chosen = view.partitions.get(sticky as usize);
        if chosen.is_none_or(|partition| partition.leader.is_none()) {
            self.next_sticky(sticky);
        }
        for (partition, seen) in self.partitions.iter().zip(&view.partitions) {
            let leader = seen.leader.map(|node| Leader {
                node,
                epoch: seen.leader_epoch,
            });
            let mut queue = partition.lock();
            if renewed {
                queue.handle_renewed();
            }
            let known = queue.leader();
            let outdated =
                |known: Leader| (0..known.epoch).contains(&seen.leader_epoch) && !renewed;
            if known != leader && !known.is_some_and(outdated) {
                queue.handle_leader(leader);
                if leader.is_none() {
                    queue.handle_trouble(&NO_LEADER.into());
                }
                moved(partition, &mut queue);
            }
        }
    }

    fn grow(&self, view: &TopicView) {
        let count = u32::try_from(view.partitions.len()).unwrap_or(u32::MAX);
        self.count.store(count, Ordering::Relaxed);
        for (index, seen) in view
            .partitions
            .iter()
            .enumerate()
            .skip(self.partitions.len())
        {
            let leader = seen.leader.map(|node| Leader {
                node,
                epoch: seen.leader_epoch,
            });
            let mut queue = PartitionQueue::new(leader);
            if leader.is_none() {
                queue.handle_trouble(&NO_LEADER.into());
            }
            self.partitions.push(PartitionRef(Arc::new(PartitionCell {
                topic: self.facts.clone(),
                index: i32::try_from(index).unwrap_or(i32::MAX),
                gauge: Gauge::default(),
                callbacks: Callbacks::default(),
                queue: Lock::new(queue),
            })));
        }
    }
}

impl PartitionRef {
    pub(crate) fn lock(&self) -> MutexGuard<'_, PartitionQueue<Arc<Completion>>> {
        self.0.queue.lock()
    }

    pub(crate) fn cell(&self) -> &PartitionCell {
        &self.0
    }
}

impl Partition for PartitionRef {
    type Completion = Arc<Completion>;

    fn topic(&self) -> &Str {
        &self.0.topic.wire_name
    }

    fn topic_id(&self) -> Uuid {
        self.0.topic.view.load().id
    }

    fn index(&self) -> i32 {
        self.0.index
    }

    fn with<R>(&self, f: impl FnOnce(&mut PartitionQueue<Self::Completion>) -> R) -> R {
        let mut queue = self.lock();
        let result = f(&mut queue);
        self.0.gauge.note(queue.load());
        result
    }
}
