//! What a producer's callers and tasks share.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use arc_swap::ArcSwap;
use milena_codec::RecordRef;
use milena_engine::{
    cluster::{NodeId, TopicView},
    produce::{
        Choice, Content, Failure, Finished, Grant, Identity, LeaderHint, Need, NotAppended,
        PartitionQueue, ProducerIdentity, Reaper, Reason, Room, Settings, Wake, partition_for_key,
    },
    time::Instant,
};
use rustc_hash::FxHashMap;
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
    time::{Instant as Deadline, timeout, timeout_at},
};

use super::{
    delivery::{Completion, Delivery},
    error::{CloseError, ProduceError, ProduceErrorKind},
    record::Record,
    topic::{PartitionRef, Topic},
};
use crate::{
    Client,
    io::{clock::Clock, keeper, memory::Memory},
};

/// The heart of a producer: topics, memory, identity, and the way from a partition to its broker's task.
pub(crate) struct Core {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) memory: Memory,
    pub(crate) clock: Clock,
    max_block: Duration,
    identity: Mutex<Identity>,
    topics: ArcSwap<FxHashMap<Arc<str>, Arc<Topic>>>,
    brokers: Mutex<BTreeMap<NodeId, Arc<Inbox>>>,
    reaper: Mutex<Reaper<PartitionRef>>,
    /// Wakes the keeper: there is a new deadline, an identity is wanted, or the end begins.
    pub(crate) keeper: Notify,
    closed: AtomicBool,
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

/// What a broker's task is told from outside.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<Letters>,
}

#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) wakes: Vec<(PartitionRef, Option<Instant>)>,
    /// Callers wait for memory.
    pub(crate) pressure: bool,
    /// There is a producer id.
    pub(crate) identity: bool,
    /// There is no producer id, and this is why.
    pub(crate) trouble: Option<Arc<str>>,
    /// The producer has ended.
    pub(crate) stop: bool,
    waker: Option<Waker>,
}

/// Why a record could not be appended at once.
#[derive(Debug)]
pub(crate) enum Refusal {
    NoMemory(Need),
    /// The topic or this partition of it is not known.
    NoPartition {
        partition: Option<i32>,
    },
    Error(ProduceError),
}

impl Core {
    pub(crate) fn start(
        client: Client,
        settings: Settings,
        buffer_memory: usize,
        max_block: Duration,
    ) -> Arc<Self> {
        let core = Arc::new(Self {
            memory: Memory::new(buffer_memory, settings.chunk_size()),
            clock: client.clock(),
            client,
            settings,
            max_block,
            identity: Mutex::new(Identity::new()),
            topics: ArcSwap::default(),
            brokers: Mutex::default(),
            reaper: Mutex::new(Reaper::new()),
            keeper: Notify::new(),
            closed: AtomicBool::new(false),
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

    /// Writes the record into its partition's batch, if that needs no waiting. `held` is memory that was waited for.
    pub(crate) fn append(
        &self,
        record: &Record<'_>,
        held: &mut Option<Grant>,
    ) -> Result<Delivery, Refusal> {
        match self.topics.load().get(record.topic) {
            Some(topic) => self.append_to(topic, record, held),
            None if self.is_closed() => Err(Refusal::Error(self.closed(record))),
            None => Err(Refusal::NoPartition {
                partition: record.partition,
            }),
        }
    }

    /// [`append`](Self::append) to a topic that was looked up before.
    pub(crate) fn append_to(
        &self,
        topic: &Topic,
        record: &Record<'_>,
        held: &mut Option<Grant>,
    ) -> Result<Delivery, Refusal> {
        if self.is_closed() {
            return Err(Refusal::Error(self.closed(record)));
        }
        let data = &RecordRef {
            timestamp: record.timestamp.unwrap_or_else(now_ms),
            key: record.key,
            value: record.value,
            headers: record.headers.as_slice(),
        };
        let size = data.upper_bound();
        if size > self.settings.max_request_size {
            let limit = format!("max_request_size ({})", self.settings.max_request_size);
            return Err(self.too_large(record, size, &limit));
        }
        if size > self.memory.total() {
            return Err(self.too_large_for_memory(record, size));
        }
        let (partitions, count) = (topic.partitions(), topic.count());
        let (mut index, mut choice) = match (record.partition, &record.key) {
            (Some(partition), _) => (u32::try_from(partition).unwrap_or(u32::MAX), Choice::Given),
            (None, Some(key)) => (partition_for_key(key.as_slice(), count), Choice::Given),
            (None, None) => (topic.sticky(), Choice::Sticky),
        };
        let mut source = Source {
            memory: &self.memory,
            held,
        };
        let (partition, appended) = loop {
            let known = partitions.get(index as usize).filter(|_| index < count);
            let Some(partition) = known else {
                return Err(Refusal::NoPartition {
                    partition: record.partition,
                });
            };
            let mut queue = partition.lock();
            // The end is announced before the queues are emptied: whoever holds the queue's lock sees one or the
            // other.
            if self.ended.load(Ordering::Acquire) {
                return Err(Refusal::Error(self.closed(record)));
            }
            let appended = queue.append(
                data,
                choice,
                &self.settings,
                &mut source,
                || self.clock.now(),
                || {
                    Arc::new(Completion::new(
                        topic.facts.name.clone(),
                        partition.cell().index,
                    ))
                },
            );
            drop(queue);
            match appended {
                Ok(appended) => break (partition, appended),
                Err(NotAppended::Shortage(need)) => {
                    return Err(match self.memory.beyond(need) {
                        Some(size) => self.too_large_for_memory(record, size),
                        None => Refusal::NoMemory(need),
                    });
                }
                Err(NotAppended::TurnOver) => {
                    topic.next_sticky(index);
                    index = topic.sticky();
                    choice = Choice::StickyNew;
                }
            }
        };
        if appended.turn_over {
            topic.next_sticky(index);
        }
        if let Some(deadline) = appended.watch {
            self.watch(partition.clone(), deadline);
        }
        if let Some(wake) = appended.wake {
            self.wake(partition.clone(), wake);
        }
        Ok(Delivery::new(
            appended.completion,
            appended.index,
            data.timestamp,
        ))
    }

    /// [`append`](Self::append), waiting for what was missing, though not beyond the end of the producer.
    pub(crate) async fn append_later(
        self: &Arc<Self>,
        record: &Record<'_>,
        refusal: Refusal,
    ) -> Result<Delivery, ProduceError> {
        let mut ended = pin!(self.end.acquire());
        let mut appended = pin!(self.in_runtime(self.append_in_turn(record, refusal)));
        poll_fn(|cx| {
            if ended.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(self.closed(record)));
            }
            appended.as_mut().poll(cx)
        })
        .await
    }

    /// Sees to it that `future` finds a runtime, which its timers need; the caller may be on a thread without one.
    async fn in_runtime<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let alone = Handle::try_current().is_err();
            let _entered = alone.then(|| self.client.runtime().enter());
            future.as_mut().poll(cx)
        })
        .await
    }

    async fn append_in_turn(
        self: &Arc<Self>,
        record: &Record<'_>,
        mut refusal: Refusal,
    ) -> Result<Delivery, ProduceError> {
        let deadline = Deadline::now() + self.max_block;
        loop {
            let mut held = Held {
                memory: &self.memory,
                grant: None,
            };
            match refusal {
                Refusal::Error(error) => return Err(error),
                Refusal::NoPartition { partition } => {
                    self.await_topic(record.topic, partition, deadline).await?;
                }
                Refusal::NoMemory(need) => {
                    let turn = self.memory.take(need);
                    self.press();
                    let Ok(grant) = timeout_at(deadline, turn).await else {
                        return Err(ProduceError::new(
                            ProduceErrorKind::BufferFull,
                            record.topic,
                            record.partition,
                            format!(
                                "buffer_memory ({} bytes) was used up for {:?}",
                                self.memory.total(),
                                self.max_block
                            ),
                        ));
                    };
                    held.grant = Some(grant);
                }
            }
            match self.append(record, &mut held.grant) {
                Ok(delivery) => return Ok(delivery),
                Err(again) => refusal = again,
            }
        }
    }

    /// The topic, if it was looked up before.
    pub(crate) fn known(&self, topic: &str) -> Option<Arc<Topic>> {
        self.topics.load().get(topic).cloned()
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) async fn partitions_for(
        self: &Arc<Self>,
        topic: &str,
    ) -> Result<usize, ProduceError> {
        let deadline = Deadline::now() + self.max_block;
        let topic = self
            .in_runtime(self.await_topic(topic, None, deadline))
            .await?;
        Ok(topic.count() as usize)
    }

    /// The topic, once it and the partition are known.
    async fn await_topic(
        self: &Arc<Self>,
        name: &str,
        partition: Option<i32>,
        deadline: Deadline,
    ) -> Result<Arc<Topic>, ProduceError> {
        let view = self.client.await_topic(name, partition, deadline).await;
        let view = view.map_err(|error| ProduceError::unknown(name, partition, error))?;
        Ok(self.adopt(&view))
    }

    /// Asks for a topic without waiting for it.
    pub(crate) fn look_up(&self, topic: &str) {
        match self.client.known_topic(topic) {
            Some(view) => {
                self.adopt(&view);
            }
            None => self.client.track(topic),
        }
    }

    /// Takes over what is known of a topic.
    pub(crate) fn adopt(&self, view: &Arc<TopicView>) -> Arc<Topic> {
        let known = self.topics.load().get(&view.name).cloned();
        let topic = match known {
            Some(topic) => topic,
            None => {
                let fresh = Topic::new(view.clone(), self.seed());
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
            tracing::info!(
                topic = &*topic.facts.name,
                partition = partition.cell().index,
                leader = queue.leader().map(|leader| leader.node.0),
                "leader moved"
            );
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
        let brokers: Vec<_> = self.brokers().values().cloned().collect();
        for inbox in brokers {
            inbox.write(|letters| letters.pressure = true);
        }
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
        self.brokers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn identity(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn topics(&self) -> Arc<FxHashMap<Arc<str>, Arc<Topic>>> {
        self.topics.load_full()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seeds.fetch_add(1, Ordering::Relaxed)
    }

    fn watch(&self, partition: PartitionRef, deadline: Instant) {
        let mut reaper = self.reaper();
        let sooner = reaper.poll_timeout().is_none_or(|first| deadline < first);
        reaper.watch(partition, deadline);
        if sooner {
            self.keeper.notify_one();
        }
    }

    fn reaper(&self) -> MutexGuard<'_, Reaper<PartitionRef>> {
        self.reaper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives up what has run out of time. Says when to call again.
    pub(crate) fn expire(&self) -> Option<Instant> {
        let now = self.clock.now();
        loop {
            let Some(partition) = self.reaper().poll(now) else {
                return self.reaper().poll_timeout();
            };
            let again = self.give_up(&partition, |queue, each, freed| {
                queue.expire(now, &self.settings, each, freed)
            });
            if let Some(deadline) = again {
                self.reaper().watch(partition.clone(), deadline);
            }
            // What was given up may have been all that held others back.
            let wake = partition.lock().reschedule(now, &self.settings);
            if let Some(wake) = wake {
                self.wake(partition, wake);
            }
        }
    }

    /// Gives up everything. Returns the number of records that this and earlier calls gave up.
    pub(crate) fn abort(&self) -> u64 {
        self.closed.store(true, Ordering::Release);
        self.ended.store(true, Ordering::Release);
        self.end.close();
        let now = self.clock.now();
        for topic in self.topics().values() {
            for partition in topic.partitions().iter() {
                self.give_up(partition, |queue, each, freed| {
                    queue.abort(now, &self.settings, each, freed);
                });
            }
        }
        for inbox in self.brokers().values() {
            inbox.write(|letters| letters.stop = true);
        }
        self.given_up.load(Ordering::Relaxed)
    }

    /// Runs `give_up` on a queue; tells completions and frees memory once the queue is unlocked.
    fn give_up<R>(
        &self,
        partition: &PartitionRef,
        give_up: impl FnOnce(
            &mut PartitionQueue<Arc<Completion>>,
            &mut dyn FnMut(Arc<Completion>, Failure),
            &mut dyn FnMut(Content),
        ) -> R,
    ) -> R {
        let (mut ended, mut freed) = (Vec::new(), Vec::new());
        let result = give_up(
            &mut partition.lock(),
            &mut |completion, failure| ended.push((completion, failure)),
            &mut |content| freed.push(content),
        );
        for content in freed {
            self.free(content);
        }
        for (completion, failure) in ended {
            self.finish(Finished {
                partition: partition.clone(),
                completion,
                result: Err(failure),
            });
        }
        result
    }

    pub(crate) fn free(&self, content: Content) {
        self.memory
            .release(content.reserved, content.batch.recycle());
    }

    pub(crate) fn finish(&self, finished: Finished<PartitionRef>) {
        if let Err(failure) = &finished.result {
            let records = u64::from(failure.records);
            self.lost.fetch_add(records, Ordering::Relaxed);
            if failure.reason == Reason::Closed {
                self.given_up.fetch_add(records, Ordering::Relaxed);
            }
            let cell = finished.partition.cell();
            tracing::warn!(
                topic = &*cell.topic.name,
                partition = cell.index,
                records = failure.records,
                reason = ?failure.reason,
                persistence = ?failure.persistence,
                attempts = failure.attempts,
                cause = failure.cause.as_ref().map(tracing::field::display),
                "batch failed"
            );
        }
        finished.completion.complete(finished.result);
    }

    pub(crate) async fn flush(&self) {
        let now = self.clock.now();
        let (mut pending, mut wakes) = (Vec::new(), Vec::new());
        for topic in self.topics().values() {
            for partition in topic.partitions().iter() {
                let mut queue = partition.lock();
                if queue.is_empty() {
                    continue;
                }
                queue.seal_open();
                pending.extend(queue.unsettled().cloned());
                wakes.extend(
                    queue
                        .reschedule(now, &self.settings)
                        .map(|wake| (partition.clone(), wake)),
                );
            }
        }
        for (partition, wake) in wakes {
            self.wake(partition, wake);
        }
        for completion in pending {
            poll_fn(|cx| completion.poll(cx).map(drop)).await;
        }
    }

    pub(crate) async fn close(self: &Arc<Self>, deadline: Duration) -> Result<(), CloseError> {
        self.closed.store(true, Ordering::Release);
        let flushed = self.in_runtime(async { timeout(deadline, self.flush()).await });
        let undelivered = match flushed.await {
            Ok(()) => self.abort(),
            Err(_) => {
                let records = self.abort();
                tracing::warn!(records, "producer closed before everything was delivered");
                records
            }
        };
        self.keeper.notify_one();
        match undelivered {
            0 => Ok(()),
            undelivered => Err(CloseError { undelivered }),
        }
    }

    /// The last handle is gone: the keeper delivers what is left.
    pub(crate) fn abandon(&self) {
        self.closed.store(true, Ordering::Release);
        self.lost_before
            .store(self.lost.load(Ordering::Relaxed), Ordering::Relaxed);
        self.abandoned.store(true, Ordering::Release);
        self.keeper.notify_one();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    pub(crate) fn lost_since_abandoned(&self) -> u64 {
        let lost = self.lost.load(Ordering::Relaxed);
        lost.saturating_sub(self.lost_before.load(Ordering::Relaxed))
    }

    /// A broker has given a producer id: those who waited for it can send.
    pub(crate) fn handle_identity(&self, identity: ProducerIdentity) {
        self.identity().handle_granted(identity);
        for inbox in self.brokers().values() {
            inbox.write(|letters| letters.identity = true);
        }
    }

    /// No broker gives a producer id, without which nothing can be sent.
    pub(crate) fn handle_no_identity(&self, why: &str) {
        let trouble: Arc<str> = format!("no producer id: {why}").into();
        for inbox in self.brokers().values() {
            inbox.write(|letters| letters.trouble = Some(trouble.clone()));
        }
    }

    /// A broker named the leader of a partition along with an error.
    pub(crate) fn handle_hint(&self, hint: &LeaderHint<PartitionRef>) {
        let cell = hint.partition.cell();
        let topic = cell.topic.name.clone();
        self.client
            .hint(topic, cell.index, hint.leader, hint.address.as_ref());
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

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    fn closed(&self, record: &Record<'_>) -> ProduceError {
        let (kind, why) = (ProduceErrorKind::Closed, "the producer is closed");
        ProduceError::new(kind, record.topic, record.partition, why)
    }

    fn too_large_for_memory(&self, record: &Record<'_>, size: usize) -> Refusal {
        let limit = format!("buffer_memory ({})", self.memory.total());
        self.too_large(record, size, &limit)
    }

    fn too_large(&self, record: &Record<'_>, size: usize, limit: &str) -> Refusal {
        let why = format!("it takes up to {size} bytes in a batch, more than {limit} allows");
        let kind = ProduceErrorKind::TooLarge;
        Refusal::Error(ProduceError::new(kind, record.topic, record.partition, why))
    }
}

impl Inbox {
    /// Leaves something for the task and wakes it.
    pub(crate) fn write(&self, letter: impl FnOnce(&mut Letters)) {
        let mut letters = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        letter(&mut letters);
        let waker = letters.waker.take();
        drop(letters);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes what is there out; nothing means that the task will be woken when there is something.
    pub(crate) fn poll_read(&self, cx: &Context<'_>) -> Poll<Letters> {
        let mut letters = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Letters {
            wakes,
            pressure,
            identity,
            trouble,
            stop,
            waker: _,
        } = &*letters;
        if wakes.is_empty() && !pressure && !identity && trouble.is_none() && !stop {
            letters.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let stop = letters.stop;
        let read = std::mem::take(&mut *letters);
        letters.stop = stop;
        Poll::Ready(read)
    }
}

/// Memory for an append: what was waited for, or what is there.
struct Source<'a> {
    memory: &'a Memory,
    held: &'a mut Option<Grant>,
}

impl Room for Source<'_> {
    fn take(&mut self, need: Need) -> Option<Grant> {
        if let Some(grant) = self.held.take() {
            if grant.suffices(need) {
                return Some(grant);
            }
            self.memory.release(grant.reserved, grant.chunk);
        }
        self.memory.try_take(need)
    }
}

/// Memory that was waited for, and goes back if it turns out not to be needed.
struct Held<'a> {
    memory: &'a Memory,
    grant: Option<Grant>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            self.memory.release(grant.reserved, grant.chunk);
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // Not `as_millis`, whose division of 128 bits would cost half as much as reading the clock.
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    seconds
        .saturating_mul(1000)
        .saturating_add(i64::from(since.subsec_millis()))
}
