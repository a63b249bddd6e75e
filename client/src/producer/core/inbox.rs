//! What a broker's task is told from outside.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use milena_engine::time::Instant;

use crate::{lock::Lock, producer::topic::PartitionRef};

/// What a broker's task is told from outside.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Lock<Letters>,
}

#[derive(Debug, Default)]
pub(crate) struct Letters {
    pub(crate) wakes: Vec<(PartitionRef, Option<Instant>)>,
    /// Callers wait for memory.
    pub(crate) pressure: bool,
    /// There is a producer id, or partitions became part of the transaction.
    pub(crate) identity: bool,
    /// There is no producer id, and this is why.
    pub(crate) trouble: Option<Arc<str>>,
    /// The producer has ended.
    pub(crate) stop: bool,
    waker: Option<Waker>,
}

impl Inbox {
    /// Leaves something for the task and wakes it.
    pub(crate) fn write(&self, letter: impl FnOnce(&mut Letters)) {
        let mut letters = self.state.lock();
        letter(&mut letters);
        let waker = letters.waker.take();
        drop(letters);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Takes what is there out; nothing means that the task will be woken when there is something.
    pub(crate) fn poll_read(&self, cx: &Context<'_>) -> Poll<Letters> {
        let mut letters = self.state.lock();
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
