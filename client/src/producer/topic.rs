//! A topic's partitions, as a producer sees them.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use arc_swap::ArcSwap;
use milena_engine::{
    backoff::Rng,
    cluster::TopicView,
    produce::{Leader, Partition, PartitionQueue, Sticky},
};
use milena_protocol::{Str, Uuid};

use super::delivery::Completion;

/// The partitions of one topic, and the choice for records without a key.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(crate) wire_name: Str,
    view: ArcSwap<TopicView>,
    partitions: ArcSwap<Vec<PartitionRef>>,
    sticky: AtomicU32,
    rng: Mutex<Rng>,
}

/// A partition's queue, and the lock that callers and senders share it by.
///
/// The lock is held to write one record or to take one batch: never while anything is awaited, and no other
/// partition's lock is taken meanwhile.
#[derive(Debug)]
pub(crate) struct PartitionCell {
    pub(crate) topic: Arc<Topic>,
    pub(crate) index: i32,
    queue: Mutex<PartitionQueue<Arc<Completion>>>,
}

/// A shared handle to a partition.
#[derive(Clone, Debug)]
pub(crate) struct PartitionRef(Arc<PartitionCell>);

impl Topic {
    pub(crate) fn new(view: Arc<TopicView>, seed: u64) -> Arc<Self> {
        let topic = Arc::new(Self {
            name: view.name.clone(),
            wire_name: Str::from(&*view.name),
            view: ArcSwap::new(view.clone()),
            partitions: ArcSwap::default(),
            sticky: AtomicU32::new(0),
            rng: Mutex::new(Rng::new(seed)),
        });
        topic.grow(&view);
        topic.next_sticky(topic.sticky.load(Ordering::Relaxed));
        topic
    }

    pub(crate) fn view(&self) -> arc_swap::Guard<Arc<TopicView>> {
        self.view.load()
    }

    pub(crate) fn partitions(&self) -> arc_swap::Guard<Arc<Vec<PartitionRef>>> {
        self.partitions.load()
    }

    /// The partition that records without a key go to at present.
    pub(crate) fn sticky(&self) -> u32 {
        self.sticky.load(Ordering::Relaxed)
    }

    /// Moves on from `from`, unless somebody did already.
    pub(crate) fn next_sticky(&self, from: u32) {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = Sticky::pick(&self.view.load(), &mut rng) {
            let _ = self
                .sticky
                .compare_exchange(from, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Takes over what is new in `view`. `moved` is called, with the queue locked, for each partition whose leader
    /// changed.
    pub(crate) fn update(
        self: &Arc<Self>,
        view: &Arc<TopicView>,
        mut moved: impl FnMut(&PartitionRef, &mut PartitionQueue<Arc<Completion>>),
    ) {
        self.view.store(view.clone());
        self.grow(view);
        for (partition, seen) in self.partitions.load().iter().zip(&view.partitions) {
            let leader = seen.leader.map(|node| Leader {
                node,
                epoch: seen.leader_epoch,
            });
            let mut queue = partition.lock();
            let known = queue.leader();
            let newer = match (known, leader) {
                (Some(known), Some(leader)) => known != leader && leader.epoch >= known.epoch,
                _ => known != leader,
            };
            if newer {
                queue.handle_leader(leader);
                moved(partition, &mut queue);
            }
        }
    }

    fn grow(self: &Arc<Self>, view: &TopicView) {
        let known = self.partitions.load();
        if known.len() >= view.partitions.len() {
            return;
        }
        let mut partitions = Vec::clone(&known);
        for (index, seen) in view.partitions.iter().enumerate().skip(known.len()) {
            let leader = seen.leader.map(|node| Leader {
                node,
                epoch: seen.leader_epoch,
            });
            partitions.push(PartitionRef(Arc::new(PartitionCell {
                topic: self.clone(),
                index: i32::try_from(index).unwrap_or(i32::MAX),
                queue: Mutex::new(PartitionQueue::new(leader)),
            })));
        }
        self.partitions.store(Arc::new(partitions));
    }
}

impl PartitionRef {
    pub(crate) fn lock(&self) -> MutexGuard<'_, PartitionQueue<Arc<Completion>>> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
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
        f(&mut self.lock())
    }
}
