//! Which process this is: a forked child has a client's memory and sockets, and nobody to work with them.

use std::{
    future::Future,
    mem,
    pin::Pin,
    process,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The process was forked after the client had connected. The client, and all that was made of it, belongs to the parent,
/// which is not disturbed; here, in the child, it is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the process was forked, and the client stayed with the parent: connect a new client in the child"
)]
pub struct Forked;

/// The process that a client was connected in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home(u32);

/// 2^16 ns, which is less than a fork takes.
pub(crate) const MOMENT: u32 = 1;
/// About a millisecond.
pub(crate) const WHILE: u32 = 16 * MOMENT;

/// What the system last said: the process's id in the upper half, and in the lower half at which moment that was.
static ASKED: AtomicU64 = AtomicU64::new(0);

impl Home {
    pub(crate) fn here() -> Self {
        Self(process::id())
    }

    /// Asks the system where this is.
    pub(crate) fn check(self) -> Result<(), Forked> {
        self.compare(process::id())
    }

    /// As [`check`](Self::check), for what is called so often that a system call each time would cost too much: an answer
    /// will do that the system gave up to `age` [`MOMENT`]s ago. `now` is the time since 1970.
    ///
    /// So what a child calls in the first moments may go unnoticed.
    pub(crate) fn check_often(self, now: Duration, age: u32) -> Result<(), Forked> {
        // There are less than 2^14 moments in a second.
        let moment = (now.as_secs() << 14 | u64::from(now.subsec_nanos() >> 16)) as u32;
        let asked = ASKED.load(Ordering::Relaxed);
        if moment.wrapping_sub(asked as u32) < age {
            return self.compare((asked >> 32) as u32);
        }
        let id = process::id();
        ASKED.store(u64::from(id) << 32 | u64::from(moment), Ordering::Relaxed);
        self.compare(id)
    }

    const fn compare(self, id: u32) -> Result<(), Forked> {
        if self.0 == id { Ok(()) } else { Err(Forked) }
    }
}

/// The time since 1970.
pub(crate) fn since_1970() -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default()
}

/// A task that stays with this process.
///
/// A runtime may go on in a forked child, if it was the thread that forked which ran its tasks. There, the task stands still,
/// for it would take the parent's answers from sockets that both have, and send the parent's batches a second time. Nor is
/// it dropped with that runtime: closing a socket, the child would sign it off from an event queue that both have, too.
pub(crate) fn at_home<F: Future>(task: F) -> AtHome<F> {
    AtHome {
        home: Home::here(),
        task: Some(Box::pin(task)),
    }
}

/// See [`at_home`].
pub(crate) struct AtHome<F> {
    home: Home,
    /// `None` only once it is dropped.
    task: Option<Pin<Box<F>>>,
}

impl<F: Future> Future for AtHome<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let is_home = self.home.check().is_ok();
        match &mut self.task {
            Some(task) if is_home => task.as_mut().poll(cx),
            _ => Poll::Pending,
        }
    }
}

impl<F> Drop for AtHome<F> {
    fn drop(&mut self) {
        if self.home.check().is_err() {
            mem::forget(self.task.take());
        }
    }
}
