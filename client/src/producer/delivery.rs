//! What becomes of a record, as a future.

use std::{
    future::Future,
    mem,
    num::NonZeroU32,
    ops::Range,
    pin::Pin,
    sync::{Arc, OnceLock},
    task::{Context, Poll, Waker},
};

use milena_engine::produce::{Ack, Failure};

use super::error::{ProduceError, ProduceErrorKind};
use crate::{
    lock::Lock,
    process::{Forked, Home, MOMENT, since_1970},
};

/// Where a record was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordMetadata {
    topic: Arc<str>,
    partition: i32,
    offset: Option<i64>,
    timestamp: i64,
}

impl RecordMetadata {
    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition.
    pub const fn partition(&self) -> i32 {
        self.partition
    }

    /// The record's offset in its partition. `None` with acks 0, where the broker tells nothing, and when the broker
    /// only said that it had the record already.
    pub const fn offset(&self) -> Option<i64> {
        self.offset
    }

    /// Milliseconds since 1970: the record's own timestamp or, where the topic stamps records on arrival
    /// (`message.timestamp.type=LogAppendTime`), the broker's.
    pub const fn timestamp(&self) -> i64 {
        self.timestamp
    }
}

/// A record that was accepted, and will be acknowledged or fail: a future of one or the other.
///
/// It resolves no later than `delivery_timeout` after the record was accepted. Dropping it changes nothing: the
/// record is sent all the same, and nobody is told what became of it.
///
/// In a forked child it fails with [`ProduceErrorKind::Forked`], unless the record was settled before. What becomes of it, the
/// parent is told. (Who had waited for it already, in a task of a runtime that has no threads in the child, is told nothing.)
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let client = milena::Client::builder(cluster.bootstrap()).connect().await?;
/// # let producer = client.producer().build()?;
/// use milena::Record;
///
/// let delivery = producer.send(Record::to("orders").value("first")).await?; // accepted, in order
/// let metadata = delivery.await?; // acknowledged
/// println!("partition {} offset {:?}", metadata.partition(), metadata.offset());
/// # Ok(())
/// # }
/// ```
#[must_use = "a record may fail after it was accepted; drop the delivery only if that does not matter"]
#[derive(Debug)]
pub struct Delivery {
    completion: Arc<Completion>,
    index: u32,
    seat: Seat,
    timestamp: i64,
}

/// A place among those who wait for a batch, from 1 on; `None` for who does not wait yet.
pub(crate) type Seat = Option<NonZeroU32>;

/// How far a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// It is not known yet what becomes of it.
    Pending,
    /// It was acknowledged.
    Delivered,
    /// It was given up. It may be stored all the same: the error says so.
    Failed,
}

/// What all records of a batch wait for.
#[derive(Debug)]
pub(crate) struct Completion {
    home: Home,
    topic: Arc<str>,
    partition: i32,
    /// What became of the batch, unless it was split.
    whole: OnceLock<Fate>,
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waker>,
    /// What became of the batch's parts so far, if it was split.
    parts: Vec<Fate>,
}

/// What became of some records of a batch: all of them, unless it was split.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) records: Range<u32>,
    result: Result<Ack, Arc<Failure>>,
}

impl Delivery {
    pub(crate) const fn new(completion: Arc<Completion>, index: u32, timestamp: i64) -> Self {
        Self {
            completion,
            index,
            seat: None,
            timestamp,
        }
    }

    /// The topic the record goes to.
    pub fn topic(&self) -> &str {
        &self.completion.topic
    }

    /// The partition the record goes to.
    pub fn partition(&self) -> i32 {
        self.completion.partition
    }

    /// How far the record is, without the details.
    pub fn status(&self) -> DeliveryStatus {
        if self.is_orphaned() {
            return DeliveryStatus::Failed;
        }
        let stored = |fate: &Fate| fate.result.is_ok();
        match self.completion.fate(self.index, stored) {
            None => DeliveryStatus::Pending,
            Some(true) => DeliveryStatus::Delivered,
            Some(false) => DeliveryStatus::Failed,
        }
    }

    /// What became of the record, if that is known already.
    pub fn try_get(&self) -> Option<Result<RecordMetadata, ProduceError>> {
        if self.is_orphaned() {
            return Some(Err(self.orphaned()));
        }
        self.completion.fate(self.index, |fate| {
            self.completion.outcome(fate, self.index, self.timestamp)
        })
    }

    /// Asks the system whether it can be waited for: a thread that waits in a forked child is never woken.
    pub(crate) fn check_home(&self) -> Result<(), ProduceError> {
        match self.completion.whole.get() {
            None => self.completion.home.check().map_err(|_| self.orphaned()),
            Some(_) => Ok(()),
        }
    }

    /// Whether this is a forked child, which nobody tells what becomes of the record. It is asked before a lock is taken
    /// that another thread of the parent may have held.
    fn is_orphaned(&self) -> bool {
        let Completion { whole, home, .. } = &*self.completion;
        whole.get().is_none() && home.check_often(since_1970(), MOMENT).is_err()
    }

    fn orphaned(&self) -> ProduceError {
        let kind = ProduceErrorKind::Forked;
        ProduceError::unsettled(kind, self.topic(), self.partition(), Forked.to_string())
    }
}

impl Future for Delivery {
    type Output = Result<RecordMetadata, ProduceError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.is_orphaned() {
            return Poll::Ready(Err(self.orphaned()));
        }
        let Self {
            completion,
            index,
            seat,
            timestamp,
        } = self.get_mut();
        completion.poll(cx, seat, *index, |fate| {
            completion.outcome(fate, *index, *timestamp)
        })
    }
}

impl Completion {
    pub(crate) const fn new(home: Home, topic: Arc<str>, partition: i32) -> Self {
        Self {
            home,
            topic,
            partition,
            whole: OnceLock::new(),
            state: Lock::new(State {
                waiting: Vec::new(),
                parts: Vec::new(),
            }),
        }
    }

    /// The batch is settled, or `part` of its records is. Later calls about the same change nothing.
    pub(crate) fn complete(&self, part: Option<Range<u32>>, result: Result<Ack, Failure>) {
        let is_whole = part.is_none();
        let fate = Fate {
            records: part.unwrap_or(0..u32::MAX),
            result: result.map_err(Arc::new),
        };
        let waiting = if !is_whole {
            let mut state = self.state.lock();
            state.parts.push(fate);
            // Those who wait for other parts keep their seats.
            state.waiting.clone()
        } else if self.whole.set(fate).is_ok() {
            mem::take(&mut self.state.lock().waiting)
        } else {
            Vec::new()
        };
        for waker in waiting {
            waker.wake();
        }
    }

    /// Ready once the record at `index` is settled, with what `look` makes of that. `seat` is the caller's, kept from one call
    /// to the next.
    pub(crate) fn poll<T>(
        &self,
        cx: &Context<'_>,
        seat: &mut Seat,
        index: u32,
        look: impl FnOnce(&Fate) -> T,
    ) -> Poll<T> {
        if let Some(fate) = self.whole.get() {
            return Poll::Ready(look(fate));
        }
        let mut state = self.state.lock();
        // `complete` stores the result before it takes the lock to wake: either it is seen here, or the waker is
        // seen there.
        if let Some(fate) = self.whole.get().or_else(|| state.part(index)) {
            return Poll::Ready(look(fate));
        }
        let waiting = &mut state.waiting;
        let taken = seat.and_then(|seat| waiting.get_mut(seat.get() as usize - 1));
        match taken {
            Some(waker) => waker.clone_from(cx.waker()),
            None => {
                waiting.push(cx.waker().clone());
                *seat = u32::try_from(waiting.len()).ok().and_then(NonZeroU32::new);
            }
        }
        Poll::Pending
    }

    /// What `look` makes of the fate of the record at `index`, if it has one.
    fn fate<T>(&self, index: u32, look: impl FnOnce(&Fate) -> T) -> Option<T> {
        match self.whole.get() {
            Some(fate) => Some(look(fate)),
            None => self.state.lock().part(index).map(look),
        }
    }

    fn outcome(
        &self,
        fate: &Fate,
        index: u32,
        timestamp: i64,
    ) -> Result<RecordMetadata, ProduceError> {
        // Its place in the batch that was sent.
        let index = index.saturating_sub(fate.records.start);
        match &fate.result {
            Ok(ack) => Ok(RecordMetadata {
                topic: self.topic.clone(),
                partition: self.partition,
                offset: ack
                    .base_offset
                    .map(|base| base.saturating_add(i64::from(index))),
                timestamp: ack.log_append_time.unwrap_or(timestamp),
            }),
            Err(failure) => Err(ProduceError::undelivered(
                self.topic.clone(),
                self.partition,
                index,
                failure.clone(),
            )),
        }
    }
}

impl State {
    fn part(&self, index: u32) -> Option<&Fate> {
        let mut parts = self.parts.iter();
        parts.find(|part| part.records.contains(&index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Wake;

    struct Count(std::sync::atomic::AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn every_record_of_a_batch_gets_its_own_offset() {
        let completion = Arc::new(Completion::new(Home::here(), "t".into(), 3));
        let deliveries = [0, 1, 2].map(|index| Delivery::new(completion.clone(), index, 5));
        assert!(deliveries[0].try_get().is_none());
        assert_eq!(deliveries[0].status(), DeliveryStatus::Pending);
        completion.complete(
            None,
            Ok(Ack {
                base_offset: Some(100),
                log_append_time: None,
            }),
        );
        assert_eq!(deliveries[0].status(), DeliveryStatus::Delivered);
        let offsets = deliveries.map(|delivery| delivery.try_get().unwrap().unwrap().offset());
        assert_eq!(offsets, [Some(100), Some(101), Some(102)]);
    }

    #[test]
    fn a_batch_that_was_split_ends_part_by_part() {
        let count = Arc::new(Count(Default::default()));
        let waker = Waker::from(count.clone());
        let cx = &mut Context::from_waker(&waker);
        let completion = Arc::new(Completion::new(Home::here(), "t".into(), 3));
        let mut deliveries = [0, 1, 2, 3].map(|at| Delivery::new(completion.clone(), at, 5));
        let mut poll = |at: usize| Pin::new(&mut deliveries[at]).poll(cx);
        assert!(poll(0).is_pending() && poll(3).is_pending());
        let ack = |base_offset| Ack {
            base_offset,
            log_append_time: None,
        };
        completion.complete(Some(1..4), Ok(ack(Some(100))));
        let Poll::Ready(Ok(last)) = poll(3) else {
            panic!("the part is settled")
        };
        assert_eq!(last.offset(), Some(102));
        assert!(poll(0).is_pending(), "its part is not");
        let woken = count.0.load(std::sync::atomic::Ordering::Relaxed);
        completion.complete(Some(0..1), Ok(ack(Some(7))));
        assert!(count.0.load(std::sync::atomic::Ordering::Relaxed) > woken);
        let offsets = deliveries.map(|delivery| delivery.try_get().unwrap().unwrap().offset());
        assert_eq!(offsets, [Some(7), Some(100), Some(101), Some(102)]);
    }

    #[test]
    fn a_waiter_is_woken_once_however_often_it_asked() {
        let count = Arc::new(Count(Default::default()));
        let waker = Waker::from(count.clone());
        let completion = Arc::new(Completion::new(Home::here(), "t".into(), 0));
        let mut delivery = Delivery::new(completion.clone(), 0, 0);
        for _ in 0..3 {
            assert!(
                Pin::new(&mut delivery)
                    .poll(&mut Context::from_waker(&waker))
                    .is_pending()
            );
        }
        completion.complete(
            None,
            Ok(Ack {
                base_offset: None,
                log_append_time: Some(9),
            }),
        );
        assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 1);
        let metadata = delivery.try_get().unwrap().unwrap();
        assert_eq!((metadata.offset(), metadata.timestamp()), (None, 9));
    }
}
