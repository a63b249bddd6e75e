//! What is called when records are settled: partition by partition, in the order of the records.

use std::{
    any::Any,
    collections::VecDeque,
    fmt, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll, Waker},
};

use super::{
    delivery::{Delivery, DeliveryStatus, RecordMetadata},
    interceptor::Interceptors,
};
use crate::{ProduceError, blocking::forbidden, lock::Lock};

/// Called once, with what became of a record.
pub(crate) type Callback = Box<dyn FnOnce(Result<RecordMetadata, ProduceError>) + Send>;

/// Asked for the callback of a record, if there is one, as soon as the record is accepted and no sooner.
pub(crate) type Tell<'a> = dyn FnMut() -> Option<Callback> + Send + 'a;

/// The callbacks of one partition's records.
///
/// Records are enlisted while their partition's queue is locked, and so in their order. Whoever settles a batch
/// [runs](Self::run) the callbacks, of which there is one at a time: those of a batch that is settled before another wait
/// for that one.
#[derive(Debug, Default)]
pub(crate) struct Callbacks {
    line: Lock<Line>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<(Delivery, Option<Callback>)>,
    /// A callback is being called.
    calling: bool,
    /// How many were called.
    called: u64,
    wakers: Vec<Waker>,
}

impl Callbacks {
    /// Puts a record at the end, with its callback unless it is for interceptors only.
    pub(crate) fn enlist(&self, delivery: Delivery, callback: Option<Callback>) {
        self.line.lock().waiting.push_back((delivery, callback));
    }

    /// Calls those whose turn has come, with no lock held. If somebody does so already, that is left to them: they look at
    /// what was settled meanwhile once the callback at hand has returned.
    pub(crate) fn run(&self, interceptors: Option<&Interceptors>) {
        let mut line = self.line.lock();
        while !line.calling
            && let Some((delivery, callback)) = line.next()
        {
            line.calling = true;
            drop(line);
            if let Some(outcome) = delivery.try_get() {
                // Whoever flushes waits for this to return.
                forbidden(|| {
                    if let Some(interceptors) = interceptors {
                        interceptors.on_acknowledgement(outcome.as_ref());
                    }
                    if let Some(callback) = callback {
                        shielded("a callback", || callback(outcome));
                    }
                });
            }
            let woken = self.line.lock().returned();
            for waker in woken {
                waker.wake();
            }
            line = self.line.lock();
        }
    }

    /// How many have to be called until none is left; `None` if none is.
    pub(crate) fn pending(&self) -> Option<u64> {
        let line = self.line.lock();
        let left = line.waiting.len() as u64 + u64::from(line.calling);
        (left > 0).then_some(line.called + left)
    }

    /// Ready once so many were called.
    pub(crate) fn poll_called(&self, cx: &Context<'_>, count: u64) -> Poll<()> {
        let mut line = self.line.lock();
        if line.called >= count {
            return Poll::Ready(());
        }
        if !line.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            line.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Line {
    /// The first in line, if its record is settled.
    fn next(&mut self) -> Option<(Delivery, Option<Callback>)> {
        self.waiting
            .pop_front_if(|(delivery, _)| delivery.status() != DeliveryStatus::Pending)
    }

    /// The callback that was called has returned. Who waits for that is woken.
    fn returned(&mut self) -> Vec<Waker> {
        self.calling = false;
        self.called += 1;
        mem::take(&mut self.wakers)
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line")
            .field("waiting", &self.waiting.len())
            .field("calling", &self.calling)
            .field("called", &self.called)
            .finish_non_exhaustive()
    }
}

/// Runs code of the caller's, which may panic without harm to the task that it runs on.
pub(crate) fn shielded<R>(what: &str, code: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(code))
        .inspect_err(|panic| tracing::error!(panic = words(&**panic), "{what} panicked"))
        .ok()
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Home;
    use crate::producer::delivery::Completion;
    use milena_engine::produce::Ack;
    use std::sync::{Arc, mpsc};
    use std::task::Wake;
    use std::time::Duration;

    const ACK: Ack = Ack {
        base_offset: Some(10),
        log_append_time: None,
    };

    #[test]
    fn a_batch_that_is_settled_first_waits_for_the_one_before_it() {
        let callbacks = Callbacks::default();
        let seen = Arc::new(Lock::new(Vec::new()));
        let batches = [0, 1].map(|_| Arc::new(Completion::new(Home::here(), "t".into(), 0)));
        for (nth, batch) in batches.iter().enumerate() {
            for index in [0, 1] {
                let seen = seen.clone();
                let note = move |outcome: Result<RecordMetadata, ProduceError>| {
                    seen.lock().push((nth, outcome.unwrap().offset()));
                };
                let delivery = Delivery::new(batch.clone(), index, 0);
                callbacks.enlist(delivery, Some(Box::new(note)));
            }
        }
        batches[1].complete(None, Ok(ACK));
        callbacks.run(None);
        assert!(seen.lock().is_empty());
        // Of a batch that was split, the last part may come first too.
        batches[0].complete(Some(1..2), Ok(ACK));
        callbacks.run(None);
        assert!(seen.lock().is_empty());
        assert_eq!(callbacks.pending(), Some(4));
        batches[0].complete(Some(0..1), Ok(ACK));
        callbacks.run(None);
        let expected = [(0, Some(10)), (0, Some(10)), (1, Some(10)), (1, Some(11))];
        assert_eq!(*seen.lock(), expected);
        assert_eq!(callbacks.pending(), None);
    }

    #[test]
    fn one_that_settles_others_leaves_them_to_whoever_called_it() {
        let callbacks = Arc::new(Callbacks::default());
        let batches = [0, 1].map(|_| Arc::new(Completion::new(Home::here(), "t".into(), 0)));
        let seen = Arc::new(Lock::new(Vec::new()));
        let (line, next, first) = (callbacks.clone(), batches[1].clone(), seen.clone());
        let settling = move |_| {
            next.complete(None, Ok(ACK));
            line.run(None);
            first.lock().push("first");
            panic!("on purpose");
        };
        let [one, two] = batches.clone().map(|batch| Delivery::new(batch, 0, 0));
        callbacks.enlist(one, Some(Box::new(settling)));
        let second = seen.clone();
        let noting = move |_| second.lock().push("second");
        callbacks.enlist(two, Some(Box::new(noting)));
        batches[0].complete(None, Ok(ACK));
        callbacks.run(None);
        assert_eq!(*seen.lock(), ["first", "second"]);
    }

    /// Looks at the callbacks at once when it is woken, as executors do that poll in place.
    struct Looks(Arc<Callbacks>, mpsc::Sender<Option<u64>>);

    impl Wake for Looks {
        fn wake(self: Arc<Self>) {
            let _ = self.1.send(self.0.pending());
        }
    }

    #[test]
    fn whoever_is_woken_may_look_at_once() {
        let callbacks = Arc::new(Callbacks::default());
        let batch = Arc::new(Completion::new(Home::here(), "t".into(), 0));
        callbacks.enlist(Delivery::new(batch.clone(), 0, 0), None);
        batch.complete(None, Ok(ACK));
        let (looked, seen) = mpsc::channel();
        let waker = Arc::new(Looks(callbacks.clone(), looked)).into();
        let cx = Context::from_waker(&waker);
        assert!(callbacks.poll_called(&cx, 1).is_pending());
        std::thread::spawn(move || callbacks.run(None));
        let pending = seen.recv_timeout(Duration::from_secs(10));
        assert_eq!(pending, Ok(None), "it waits for a lock");
    }
}
