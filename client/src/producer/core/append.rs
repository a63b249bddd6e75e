//! The caller's way: from a record to a place in its partition's batch.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use milena_codec::RecordRef;
use milena_engine::produce::{Choice, Grant, Need, NotAppended, Room, partition_for_key};
use tokio::{
    runtime::Handle,
    time::{Instant as Deadline, timeout_at},
};

use super::Core;
use crate::{
    io::memory::Memory,
    process::{Forked, WHILE, since_1970},
    producer::{
        callbacks::Tell,
        delivery::{Completion, Delivery},
        error::{ProduceError, ProduceErrorKind},
        partitioner::Partitions,
        record::Record,
        topic::Topic,
    },
};

/// Why a record could not be appended at once.
#[derive(Debug)]
pub(crate) enum Refusal {
    NoMemory {
        need: Need,
        /// The partition that the record names, or that was chosen by the caller's own partitioner.
        partition: Option<i32>,
    },
    /// The topic or this partition of it is not known.
    NoPartition {
        partition: Option<i32>,
    },
    Error(ProduceError),
}

impl Core {
    /// Writes the record into its partition's batch, if that needs no waiting. `held` is memory that was waited for; `tell`
    /// is asked whom to tell of the record in the end.
    pub(crate) fn append(
        &self,
        record: &Record<'_>,
        held: &mut Option<Grant>,
        tell: &mut Tell<'_>,
    ) -> Result<Delivery, Refusal> {
        match self.topics.load().get(record.topic) {
            Some(topic) => self.append_to(topic, record, held, tell),
            None if self.is_shut() => Err(Refusal::Error(self.refuse(record))),
            None => Err(self.no_partition(record, record.partition)),
        }
    }

    /// [`append`](Self::append) to a topic that was looked up before.
    pub(crate) fn append_to(
        &self,
        topic: &Topic,
        record: &Record<'_>,
        held: &mut Option<Grant>,
        tell: &mut Tell<'_>,
    ) -> Result<Delivery, Refusal> {
        let timestamp = match record.timestamp {
            Some(timestamp) => timestamp,
            None => {
                // The clock has to be read here in any case.
                let now = since_1970();
                let home = self.client.home().check_often(now, WHILE);
                home.map_err(|forked| forked_off(record, forked))?;
                milliseconds(now)
            }
        };
        if self.is_shut() {
            return Err(Refusal::Error(self.refuse(record)));
        }
        let data = &RecordRef {
            timestamp,
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
        let chosen = record.partition.or_else(|| {
            let partitioner = self.sights.choosing.partitioner.as_ref()?;
            let cluster = self.client.cluster();
            partitioner.partition(record, &Partitions::new(topic, &cluster))
        });
        let key = record.key.filter(|_| !self.sights.choosing.ignores_keys);
        let (mut index, mut choice) = match (chosen, key) {
            (Some(partition), _) => (u32::try_from(partition).unwrap_or(u32::MAX), Choice::Given),
            (None, Some(key)) => (partition_for_key(key.as_slice(), count), Choice::Given),
            (None, None) => (topic.sticky(), Choice::Sticky),
        };
        let mut source = Source { core: self, held };
        let (partition, appended) = loop {
            let known = partitions.get(index as usize).filter(|_| index < count);
            let Some(partition) = known else {
                return Err(self.no_partition(record, chosen));
            };
            let mut queue = partition.lock();
            // This is announced before the queues are looked through for what is left: whoever holds the queue's
            // lock sees one or the other.
            if self.is_shut() {
                drop(queue);
                return Err(Refusal::Error(self.refuse(record)));
            }
            let appended = queue.append(
                data,
                choice,
                &self.settings,
                &mut source,
                || self.clock.now(),
                || {
                    Arc::new(Completion::new(
                        self.client.home(),
                        topic.facts.name.clone(),
                        partition.cell().index,
                    ))
                },
            );
            if let Ok(appended) = &appended {
                if appended.index == 0 {
                    partition.cell().gauge.note(queue.load());
                }
                let callback = tell();
                if callback.is_some() || self.interceptors().is_some() {
                    let completion = appended.completion.clone();
                    let delivery = Delivery::new(completion, appended.index, data.timestamp);
                    partition.cell().callbacks.enlist(delivery, callback);
                }
            }
            drop(queue);
            match appended {
                Ok(appended) => break (partition, appended),
                Err(NotAppended::Shortage(need)) => {
                    return Err(match self.memory.beyond(need) {
                        Some(size) => self.too_large_for_memory(record, size),
                        None => Refusal::NoMemory {
                            need,
                            partition: chosen,
                        },
                    });
                }
                Err(NotAppended::TurnOver) => {
                    topic.next_sticky(index);
                    index = topic.sticky();
                    choice = Choice::StickyNew;
                }
            }
        };
        if topic.touch() {
            self.report_used(topic.facts.name.clone());
        }
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
        deadline: Deadline,
        tell: &mut Tell<'_>,
    ) -> Result<Delivery, ProduceError> {
        let refusal = match self.unless_forked(record, refusal) {
            Refusal::Error(error) => return Err(error),
            refusal => refusal,
        };
        let mut ended = pin!(self.end.acquire());
        let mut appended =
            pin!(self.in_runtime(self.append_in_turn(record, refusal, deadline, tell)));
        poll_fn(|cx| {
            if ended.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(self.refuse(record)));
            }
            appended.as_mut().poll(cx)
        })
        .await
    }

    /// Sees to it that `future` finds a runtime, which its timers need; the caller may be on a thread without one.
    pub(in crate::producer) async fn in_runtime<F: Future>(&self, future: F) -> F::Output {
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
        deadline: Deadline,
        tell: &mut Tell<'_>,
    ) -> Result<Delivery, ProduceError> {
        let mut record = record.clone();
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
                Refusal::NoMemory { need, partition } => {
                    // It was chosen, and is not chosen again.
                    record.partition = partition;
                    let turn = self.memory.take(need);
                    let _waiting = self.meter.waits();
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
            match self.append(&record, &mut held.grant, tell) {
                Ok(delivery) => return Ok(delivery),
                Err(again) => refusal = again,
            }
        }
    }

    /// A deadline for who waits for nothing.
    pub(in crate::producer) fn now(&self) -> Deadline {
        self.clock.at(self.clock.now())
    }

    /// Until when a caller waits that begins to wait now.
    pub(in crate::producer) fn deadline(&self) -> Deadline {
        self.clock.after(self.max_block)
    }

    /// The topic, if it was looked up before.
    pub(crate) fn known(&self, topic: &str) -> Option<Arc<Topic>> {
        self.topics.load().get(topic).cloned()
    }

    pub(crate) async fn partitions_for(
        self: &Arc<Self>,
        topic: &str,
    ) -> Result<usize, ProduceError> {
        let deadline = self.deadline();
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
        let control = self.client.control();
        let view = control.partition(name, partition, true, deadline).await;
        let view = view.map_err(|error| ProduceError::unknown(name, partition, error))?;
        Ok(self.adopt(&view))
    }

    /// Asks for a topic without waiting for it.
    pub(crate) fn look_up(&self, topic: &str) {
        match self.client.cluster().known(topic) {
            Some(view) => {
                self.adopt(view);
            }
            None => self.client.control().track(topic, true),
        }
    }

    /// A record that was not appended does not wait in a forked child, where nothing comes of that.
    pub(in crate::producer) fn unless_forked(
        &self,
        record: &Record<'_>,
        refusal: Refusal,
    ) -> Refusal {
        match (refusal, self.client.check_home()) {
            (Refusal::NoMemory { .. } | Refusal::NoPartition { .. }, Err(forked)) => {
                forked_off(record, forked)
            }
            (refusal, _) => refusal,
        }
    }

    /// Why no record is accepted at present.
    fn refuse(&self, record: &Record<'_>) -> ProduceError {
        let (kind, why) = if self.is_closed() {
            (ProduceErrorKind::Closed, "the producer is closed".into())
        } else {
            (ProduceErrorKind::Aborted, self.transaction_trouble())
        };
        ProduceError::new(kind, record.topic, record.partition, why)
    }

    /// A partition that is not known may yet be; one below 0 never will.
    fn no_partition(&self, record: &Record<'_>, partition: Option<i32>) -> Refusal {
        match partition {
            Some(below @ ..0) => {
                let why = "no partition has a number below 0";
                let kind = ProduceErrorKind::Invalid;
                Refusal::Error(ProduceError::new(kind, record.topic, Some(below), why))
            }
            partition => Refusal::NoPartition { partition },
        }
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

/// Memory for an append: what was waited for, or what is there.
struct Source<'a> {
    core: &'a Core,
    held: &'a mut Option<Grant>,
}

impl Room for Source<'_> {
    fn take(&mut self, need: Need) -> Option<Grant> {
        if let Some(grant) = self.held.take() {
            if grant.suffices(need) {
                return Some(grant);
            }
            self.core.memory.release(grant.reserved, grant.chunk);
        }
        // A forked child opens no batch, for nobody would send it.
        self.core.client.check_home().ok()?;
        self.core.memory.try_take(need)
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

fn forked_off(record: &Record<'_>, forked: Forked) -> Refusal {
    let kind = ProduceErrorKind::Forked;
    let error = ProduceError::new(kind, record.topic, record.partition, forked.to_string());
    Refusal::Error(error)
}

fn milliseconds(since: Duration) -> i64 {
    // Not `as_millis`, whose division of 128 bits would cost half as much as reading the clock.
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    seconds
        .saturating_mul(1000)
        .saturating_add(i64::from(since.subsec_millis()))
}
