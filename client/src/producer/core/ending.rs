//! How records and producers come to their end: delivered, given up, or closed.

use std::{
    future::poll_fn,
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use milena_engine::{
    produce::{Ack, Content, Ended, Failure, Partition, PartitionQueue, Reason, Share},
    time::Instant,
};
use milena_protocol::ErrorCode;
use tokio::time::timeout;

use super::{CLOSED, Core};
use crate::{
    KafkaError,
    producer::{
        delivery::{Completion, Fate},
        error::CloseError,
        topic::PartitionRef,
    },
};

/// What was accepted and is not settled.
pub(crate) struct Unsettled {
    /// By batches, the records of each.
    batches: Vec<(Arc<Completion>, Range<u32>)>,
    /// How many callbacks of a partition will have been called.
    callbacks: Vec<(PartitionRef, u64)>,
}

type Queue = PartitionQueue<Arc<Completion>>;

impl Core {
    /// Gives up what has run out of time. Says when to call again.
    pub(crate) fn expire(&self) -> Option<Instant> {
        let now = self.clock.now();
        loop {
            let Some(partition) = self.reaper.lock().poll(now) else {
                return self.reaper.lock().poll_timeout();
            };
            let again = self.give_up(&partition, now, |queue, ended| {
                queue.expire(now, &self.settings, ended)
            });
            if let Some(deadline) = again {
                self.reaper.lock().watch(partition, deadline);
            }
        }
    }

    /// Gives up everything. Returns the number of records that this and earlier calls gave up.
    pub(crate) fn abort(&self) -> u64 {
        self.shut(CLOSED);
        self.ended.store(true, Ordering::Release);
        self.end.close();
        let now = self.clock.now();
        self.give_up_all(now, |queue, ended| {
            queue.end_all(&Reason::Closed, now, &self.settings, ended);
        });
        for inbox in self.inboxes() {
            inbox.write(|letters| letters.stop = true);
        }
        self.given_up.load(Ordering::Relaxed)
    }

    /// A broker gives this client no producer id: what waits for one fails, lest it fail much later by running out of
    /// time. Records to come may fare better.
    pub(crate) fn fail_unsent(&self, error: &KafkaError) {
        let now = self.clock.now();
        let message = error.message.as_deref().map(Arc::from);
        self.give_up_all(now, |queue, ended| {
            queue.refuse(ErrorCode(error.code), message.clone(), now, ended);
        });
    }

    /// Gives up what was accepted up to now, and goes on. Returns the number of records.
    pub(crate) fn purge(&self) -> u64 {
        if self.client.check_home().is_err() {
            return 0;
        }
        let now = self.clock.now();
        let mut purged = 0;
        self.give_up_all(now, |queue, ended| {
            queue.end_all(&Reason::Purged, now, &self.settings, ended);
            let records = ended.failed.iter().map(|(_, failure)| failure.records);
            purged += records.map(u64::from).sum::<u64>();
        });
        purged
    }

    /// Gives up what is not in flight, for its transaction is to be aborted, and waits for the rest.
    pub(crate) async fn discard(&self) {
        let now = self.clock.now();
        self.give_up_all(now, |queue, ended| queue.doom(now, &self.settings, ended));
        self.memory.emptied().await;
    }

    fn give_up_all(
        &self,
        now: Instant,
        mut give_up: impl FnMut(&mut Queue, &mut Ended<Arc<Completion>>),
    ) {
        for topic in self.topics().values() {
            for partition in topic.partitions().iter() {
                self.give_up(partition, now, &mut give_up);
            }
        }
    }

    /// Runs `give_up` on a queue; tells completions, frees memory, and sees to what is left once the queue is unlocked.
    fn give_up<R>(
        &self,
        partition: &PartitionRef,
        now: Instant,
        give_up: impl FnOnce(&mut Queue, &mut Ended<Arc<Completion>>) -> R,
    ) -> R {
        let mut ended = Ended::default();
        let (result, wake) = partition.with(|queue| {
            let result = give_up(queue, &mut ended);
            // What was given up may have been all that held others back.
            (result, queue.reschedule(now, &self.settings))
        });
        self.note_failures(ended.failed.iter().map(|(_, failure)| failure));
        for content in ended.freed {
            self.free(content);
        }
        for (share, failure) in ended.failed {
            self.finish(partition, share, Err(failure));
        }
        if let Some(wake) = wake {
            self.wake(partition.clone(), wake);
        }
        result
    }

    pub(crate) fn free(&self, content: Content) {
        self.memory
            .release(content.reserved, content.batch.recycle());
    }

    /// Tells the transaction of batches that failed. This comes before their memory is free, which is how it knows that
    /// nothing is left of it, and before anybody is told of their records, who would commit it otherwise.
    pub(crate) fn note_failures<'f>(&self, failures: impl Iterator<Item = &'f Failure>) {
        if self.coordination.is_none() {
            return;
        }
        for failure in failures {
            self.transact(|transactions, identity| {
                transactions.handle_batch_failed(failure, identity);
            });
        }
    }

    pub(crate) fn finish(
        &self,
        partition: &PartitionRef,
        share: Share<Arc<Completion>>,
        result: Result<Ack, Failure>,
    ) {
        let Share {
            completion,
            part,
            records,
            created,
        } = share;
        match &result {
            Ok(_) => self.meter.acknowledged(records, created),
            Err(failure) => self.meter.failed(records, failure),
        }
        if let Err(failure) = &result {
            let records = u64::from(failure.records);
            self.lost.fetch_add(records, Ordering::Relaxed);
            if failure.reason == Reason::Closed {
                self.given_up.fetch_add(records, Ordering::Relaxed);
            }
            if failure.reason != Reason::Aborted {
                Self::warn_of(partition, failure);
            }
        }
        completion.complete(part, result);
        let callbacks = &partition.cell().callbacks;
        callbacks.run(self.interceptors());
    }

    fn warn_of(partition: &PartitionRef, failure: &Failure) {
        let cell = partition.cell();
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

    pub(crate) async fn flush(&self) {
        if let Err(forked) = self.client.check_home() {
            tracing::error!(%forked, "nothing is flushed");
            return;
        }
        let Unsettled { batches, callbacks } = self.stop_lingering();
        for (completion, mut records) in batches {
            let mut seat = None;
            // The batch may end in parts.
            while let Some(next) = records.next() {
                let end = |fate: &Fate| fate.records.end;
                records.start = poll_fn(|cx| completion.poll(cx, &mut seat, next, end)).await;
            }
        }
        for (partition, count) in callbacks {
            let callbacks = &partition.cell().callbacks;
            poll_fn(|cx| callbacks.poll_called(cx, count)).await;
        }
    }

    /// Has all sent that was accepted up to now, and says what of it is not settled.
    pub(crate) fn stop_lingering(&self) -> Unsettled {
        let now = self.clock.now();
        let mut wakes = Vec::new();
        let (mut batches, mut callbacks) = (Vec::new(), Vec::new());
        for topic in self.topics().values() {
            for partition in topic.partitions().iter() {
                let mut queue = partition.lock();
                if let Some(count) = partition.cell().callbacks.pending() {
                    callbacks.push((partition.clone(), count));
                }
                if queue.is_empty() {
                    continue;
                }
                queue.seal_open();
                let unsettled = queue.unsettled();
                batches
                    .extend(unsettled.map(|(completion, records)| (completion.clone(), records)));
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
        Unsettled { batches, callbacks }
    }

    pub(crate) async fn close(self: &Arc<Self>, deadline: Duration) -> Result<(), CloseError> {
        self.client.check_home()?;
        self.shut(CLOSED);
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
            undelivered => Err(CloseError::Undelivered(undelivered)),
        }
    }

    /// The last handle is gone: the keeper delivers what is left. In a forked child there is no keeper to be told.
    pub(crate) fn abandon(&self) {
        if self.client.check_home().is_err() {
            return;
        }
        self.shut(CLOSED);
        // Nobody holds a transaction any more, even if one was forgotten.
        self.poll_transactions(|transactions, identity| transactions.release(identity));
        self.lost_before
            .store(self.lost.load(Ordering::Relaxed), Ordering::Relaxed);
        self.abandoned.store(true, Ordering::Release);
        self.keeper.notify_one();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(crate) fn lost_since_abandoned(&self) -> u64 {
        let lost = self.lost.load(Ordering::Relaxed);
        lost.saturating_sub(self.lost_before.load(Ordering::Relaxed))
    }
}
