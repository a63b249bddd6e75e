//! The producer's memory, shared between callers and broker tasks.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, Waker},
};

use bytes::BytesMut;
use milena_engine::produce::{Budget, Grant, Need, Ticket};
use tokio::sync::Notify;

use crate::lock::Lock;

/// A [`Budget`] behind a lock, with the wakers of those who wait for it.
#[derive(Debug)]
pub(crate) struct Memory {
    total: usize,
    /// Whether anybody waits; written under the lock.
    short: AtomicBool,
    state: Lock<State>,
    /// Tells of the moment when nothing is held any more.
    emptied: Notify,
}

#[derive(Debug)]
struct State {
    budget: Budget,
    wakers: Vec<(Ticket, Waker)>,
}

impl Memory {
    pub(crate) const fn new(total: usize, chunk_size: usize) -> Self {
        Self {
            total,
            short: AtomicBool::new(false),
            state: Lock::new(State {
                budget: Budget::new(total, chunk_size),
                wakers: Vec::new(),
            }),
            emptied: Notify::const_new(),
        }
    }

    /// `buffer_memory`.
    pub(crate) const fn total(&self) -> usize {
        self.total
    }

    pub(crate) fn reserved(&self) -> usize {
        self.state.lock().budget.reserved()
    }

    /// How many wait.
    pub(crate) fn waiters(&self) -> usize {
        self.state.lock().wakers.len()
    }

    /// Waits until nothing is held.
    pub(crate) async fn emptied(&self) {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            if self.reserved() == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Whether anybody waits for memory.
    pub(crate) fn is_short(&self) -> bool {
        self.short.load(Ordering::Relaxed)
    }

    /// The bytes that `need` comes to, if it can never be granted.
    pub(crate) fn beyond(&self, need: Need) -> Option<usize> {
        self.state.lock().budget.beyond(need)
    }

    pub(crate) fn try_take(&self, need: Need) -> Option<Grant> {
        self.state.lock().budget.try_take(need)
    }

    /// Memory for `need`, when it is this caller's turn. Dropping the future gives up the place in line.
    pub(crate) fn take(&self, need: Need) -> Take<'_> {
        let mut state = self.state.lock();
        let ticket = state.budget.wait(need);
        self.short
            .store(state.budget.has_waiters(), Ordering::Relaxed);
        Take {
            memory: self,
            ticket: Some(ticket),
        }
    }

    pub(crate) fn release(&self, reserved: usize, chunks: impl IntoIterator<Item = BytesMut>) {
        self.change(|budget| budget.release(reserved, chunks));
    }

    /// Changes the budget, and wakes those whose turn has come by it.
    fn change(&self, change: impl FnOnce(&mut Budget)) {
        let mut woken = Vec::new();
        let mut state = self.state.lock();
        change(&mut state.budget);
        self.short
            .store(state.budget.has_waiters(), Ordering::Relaxed);
        if !state.wakers.is_empty() {
            let State { budget, wakers } = &mut *state;
            for ticket in budget.granted() {
                if let Some(at) = wakers.iter().position(|(waiting, _)| *waiting == ticket) {
                    woken.push(wakers.swap_remove(at).1);
                }
            }
        }
        let emptied = state.budget.reserved() == 0;
        drop(state);
        if emptied {
            self.emptied.notify_waiters();
        }
        for waker in woken {
            waker.wake();
        }
    }
}

/// A place in the line for memory.
#[derive(Debug)]
pub(crate) struct Take<'a> {
    memory: &'a Memory,
    ticket: Option<Ticket>,
}

impl Future for Take<'_> {
    type Output = Grant;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Grant> {
        let Some(ticket) = self.ticket else {
            return Poll::Pending;
        };
        let mut state = self.memory.state.lock();
        if let Some(grant) = state.budget.poll_granted(ticket) {
            state.wakers.retain(|(waiting, _)| *waiting != ticket);
            drop(state);
            self.ticket = None;
            return Poll::Ready(grant);
        }
        match state
            .wakers
            .iter_mut()
            .find(|(waiting, _)| *waiting == ticket)
        {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => state.wakers.push((ticket, cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl Drop for Take<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.memory
                .state
                .lock()
                .wakers
                .retain(|(waiting, _)| *waiting != ticket);
            self.memory.change(|budget| budget.cancel(ticket));
        }
    }
}
