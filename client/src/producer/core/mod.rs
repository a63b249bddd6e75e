//! What a producer's callers and tasks share.

mod append;
mod ending;
mod inbox;
mod transactions;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, MutexGuard,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use milena_engine::{
    cluster::{NodeId, TopicView},
    metadata,
    produce::{Identity, LeaderHint, ProducerIdentity, Reaper, Settings, Wake},
    time::Instant,
    transaction::Transactions,
};
use rustc_hash::FxHashMap;
use tokio::sync::{Notify, Semaphore};

use super::{
    interceptor::Interceptors,
    metrics::Meter,
    partitioner::Sights,
    setup::Setup,
    topic::{PartitionRef, Topic},
};
use crate::{
    Client,
    io::{clock::Clock, keeper, memory::Memory},
    lock::Lock,
};

pub(crate) use self::{
    append::Refusal,
    inbox::{Inbox, Letters},
    transactions::{Coordination, Untold},
};

/// The producer takes no more records.
const CLOSED: u8 = 1;
/// No transaction is open that a record could belong to.
const NO_TRANSACTION: u8 = 2;

/// The heart of a producer: topics, memory, identity, and the way from a partition to its broker's task.
pub(crate) struct Core {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
    pub(crate) clock: Clock,
    pub(crate) meter: Meter,
    max_block: Duration,
    /// How partitions are chosen.
    sights: Arc<Sights>,
    interceptors: Interceptors,
    identity: Lock<Identity>,
    /// With transactions only.
    pub(crate) coordination: Option<Coordination>,
    topics: ArcSwap<FxHashMap<Arc<str>, Arc<Topic>>>,
    brokers: Lock<BTreeMap<NodeId, Arc<Inbox>>>,
    reaper: Lock<Reaper<PartitionRef>>,
    /// Topics that are used again after a rest.
    newly_used: Lock<Vec<Arc<str>>>,
    /// Wakes the keeper: there is a new deadline, an identity is wanted, or the end begins.
    pub(crate) keeper: Notify,
    /// Why no record is accepted: a set of [`CLOSED`] and [`NO_TRANSACTION`].
    shut: AtomicU8,
    abandoned: AtomicBool,
    /// Set once nothing will be sent any more.
    ended: AtomicBool,
    /// Closed then, for those who wait.
    end: Semaphore,
    /// Records given up by the end.
    given_up: AtomicU64,
    /// Records given up so far, and how many of them while anybody still held a handle.
    lost: AtomicU64,
    lost_before: AtomicU64,
    seeds: AtomicU64,
}

impl Core {
    pub(crate) fn start(
        client: Client,
        settings: Settings,
        setup: Setup,
        transactions: Option<Transactions>,
    ) -> Arc<Self> {
        let sights = Sights {
            choosing: setup.choosing,
            client: client.clone(),
            clock: client.clock(),
            linger: settings.linger,
        };
        let core = Arc::new(Self {
            memory: Memory::new(setup.buffer_memory, settings.chunk_size()),
            clock: client.clock(),
            meter: Meter::new(client.clock(), &client.config().client_id),
            client,
            settings,
            max_block: setup.max_block,
            sights: Arc::new(sights),
            interceptors: setup.interceptors,
            identity: Lock::new(Identity::new()),
            topics: ArcSwap::default(),
            brokers: Lock::default(),
            reaper: Lock::new(Reaper::new()),
            newly_used: Lock::default(),
            keeper: Notify::new(),
            shut: AtomicU8::new(if transactions.is_some() {
                NO_TRANSACTION
            } else {
                0
            }),
            coordination: transactions.map(Coordination::new),
            abandoned: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            end: Semaphore::new(0),
            given_up: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            lost_before: AtomicU64::new(0),
            seeds: AtomicU64::new(fastrand::u64(..)),
        });
        keeper::spawn(core.clone());
        core
    }

    pub(crate) const fn max_block(&self) -> Duration {
        self.max_block
    }

    /// Who sees all records, if anybody does.
    pub(crate) fn interceptors(&self) -> Option<&Interceptors> {
        self.interceptors.any()
    }

    /// Whether no record is accepted at present, for whatever reason.
    fn is_shut(&self) -> bool {
        self.shut.load(Ordering::Relaxed) != 0
    }

    fn is_closed(&self) -> bool {
        self.shut.load(Ordering::Relaxed) & CLOSED != 0
    }

    fn shut(&self, reason: u8) {
        self.shut.fetch_or(reason, Ordering::Release);
    }

    fn open(&self, reason: u8) {
        self.shut.fetch_and(!reason, Ordering::Release);
    }

    /// Takes over what is known of a topic.
    pub(crate) fn adopt(&self, view: &Arc<TopicView>) -> Arc<Topic> {
        let known = self.topics.load().get(&view.name).cloned();
        let topic = match known {
            Some(topic) => topic,
            None => {
                let fresh = Topic::new(view.clone(), self.sights.clone(), self.seed());
                let mut topic = fresh.clone();
                self.topics.rcu(|topics| {
                    let mut topics = FxHashMap::clone(topics);
                    topic = topics
                        .entry(view.name.clone())
                        .or_insert_with(|| fresh.clone())
                        .clone();
                    topics
                });
                topic
            }
        };
        let now = self.clock.now();
        let mut wakes = Vec::new();
        let latest = || {
            let latest = self.client.cluster().topic(&view.name).cloned();
            latest.unwrap_or_else(|| view.clone())
        };
        topic.update(latest, |partition, queue| {
            wakes.extend(
                queue
                    .reschedule(now, &self.settings)
                    .map(|wake| (partition.clone(), wake)),
            );
        });
        for (partition, wake) in wakes {
            self.wake(partition, wake);
        }
        topic
    }

    /// Tells the task of a broker about a partition.
    pub(crate) fn wake(&self, partition: PartitionRef, wake: Wake) {
        let inbox = self.inbox(wake.node);
        inbox.write(|letters| letters.wakes.push((partition, wake.at)));
    }

    /// Callers wait for memory: nothing lingers any more.
    pub(crate) fn press(&self) {
        for inbox in self.inboxes() {
            inbox.write(|letters| letters.pressure = true);
        }
    }

    /// The inboxes of all broker tasks, for writing to them with no lock held.
    fn inboxes(&self) -> Vec<Arc<Inbox>> {
        self.brokers().values().cloned().collect()
    }

    /// A topic is used again after a rest: the client has to be told that it is of interest.
    fn report_used(&self, topic: Arc<str>) {
        self.newly_used.lock().push(topic);
        self.keeper.notify_one();
    }

    /// Topics that are used again after a rest, since the last call.
    pub(crate) fn newly_used(&self) -> Vec<Arc<str>> {
        std::mem::take(&mut *self.newly_used.lock())
    }

    fn inbox(&self, node: NodeId) -> Arc<Inbox> {
        let mut brokers = self.brokers();
        if let Some(inbox) = brokers.get(&node) {
            return inbox.clone();
        }
        let inbox = Arc::new(Inbox::default());
        brokers.insert(node, inbox.clone());
        // The keeper starts the task: this may be a thread without a runtime.
        self.keeper.notify_one();
        inbox
    }

    /// The brokers that something was to be sent to.
    pub(crate) fn brokers(&self) -> MutexGuard<'_, BTreeMap<NodeId, Arc<Inbox>>> {
        self.brokers.lock()
    }

    pub(crate) fn identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock()
    }

    pub(crate) fn topics(&self) -> Arc<FxHashMap<Arc<str>, Arc<Topic>>> {
        self.topics.load_full()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seeds.fetch_add(1, Ordering::Relaxed)
    }

    fn watch(&self, partition: PartitionRef, deadline: Instant) {
        let mut reaper = self.reaper.lock();
        let sooner = reaper.poll_timeout().is_none_or(|first| deadline < first);
        reaper.watch(partition, deadline);
        if sooner {
            self.keeper.notify_one();
        }
    }

    /// Whether a broker has to be asked for a producer id. That of a transactional producer comes from its coordinator.
    pub(crate) fn wants_identity(&self) -> bool {
        self.settings.idempotent && self.coordination.is_none() && self.identity().wanted()
    }

    /// Sees to it that somebody asks for what a sender cannot go on without.
    pub(crate) fn heed_wishes(&self) {
        match &self.coordination {
            Some(coordination) if self.identity().wants_partitions() => coordination.wake(),
            None if self.wants_identity() => self.keeper.notify_one(),
            _ => {}
        }
    }

    /// A broker has given a producer id: those who waited for it can send.
    pub(crate) fn handle_identity(&self, identity: ProducerIdentity) {
        self.identity().handle_granted(identity);
        self.announce_identity();
    }

    /// Those who waited for a producer id, or for their partitions to become part of the transaction, can send.
    pub(crate) fn announce_identity(&self) {
        for inbox in self.inboxes() {
            inbox.write(|letters| letters.identity = true);
        }
    }

    /// No broker gives a producer id, without which nothing can be sent.
    pub(crate) fn handle_no_identity(&self, why: &str) {
        let trouble: Arc<str> = format!("no producer id: {why}").into();
        for inbox in self.inboxes() {
            inbox.write(|letters| letters.trouble = Some(trouble.clone()));
        }
    }

    /// A broker named the leader of a partition along with an error.
    pub(crate) fn handle_hint(&self, hint: &LeaderHint<PartitionRef>) {
        let cell = hint.partition.cell();
        self.client.control().leader_hint(metadata::LeaderHint {
            topic: cell.topic.name.clone(),
            partition: cell.index,
            leader: hint.leader,
            endpoint: hint.endpoint.clone(),
        });
        // A leader at an address that nobody knows is waited for until metadata names it.
        let node = hint.leader.node;
        if hint.endpoint.is_none() && self.client.cluster().broker(node).is_none() {
            return;
        }
        let now = self.clock.now();
        let mut queue = hint.partition.lock();
        if queue
            .leader()
            .is_some_and(|known| known.epoch >= hint.leader.epoch)
        {
            return;
        }
        queue.handle_leader(Some(hint.leader));
        let wake = queue.reschedule(now, &self.settings);
        drop(queue);
        if let Some(wake) = wake {
            self.wake(hint.partition.clone(), wake);
        }
    }
}
