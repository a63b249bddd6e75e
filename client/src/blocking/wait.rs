//! Waiting for a future on a thread that has nothing else to do.

use std::{
    cell::Cell,
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use tokio::{runtime::Handle, task::coop::unconstrained};

/// A call was made from a callback that would have to wait there, for the very thread that it holds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was called from a callback, and would have to wait there for itself")]
pub struct WouldBlock;

thread_local! {
    static IS_FORBIDDEN: Cell<bool> = const { Cell::new(false) };
}

/// From now on, nothing can be waited for on this thread.
pub(super) fn forbid() {
    IS_FORBIDDEN.set(true);
}

/// Nothing can be waited for on this thread while `code` runs, which must not panic.
pub(crate) fn forbidden<R>(code: impl FnOnce() -> R) -> R {
    let before = IS_FORBIDDEN.replace(true);
    let result = code();
    IS_FORBIDDEN.set(before);
    result
}

/// Whether nothing can be waited for on this thread.
pub(super) fn is_forbidden() -> bool {
    IS_FORBIDDEN.get()
}

/// An error where nothing can be waited for on this thread.
pub(super) fn may_wait() -> Result<(), WouldBlock> {
    if is_forbidden() {
        return Err(WouldBlock);
    }
    Ok(())
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future here; `runtime` has the timers, if it needs any. Where nothing can be waited for, a future that is not
/// ready at once is dropped.
pub(super) fn wait<F: Future>(
    runtime: Option<&Handle>,
    future: F,
) -> Result<F::Output, WouldBlock> {
    // If this thread is in a task of another runtime, neither that one's timers nor its patience are of use: both stand
    // still meanwhile.
    let _entered = runtime.map(Handle::enter);
    let mut future = pin!(unconstrained(future));
    // Mostly there is nothing to wait for.
    let mut cx = Context::from_waker(Waker::noop());
    if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
        return Ok(output);
    }
    may_wait()?;
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut cx) {
            Poll::Ready(output) => return Ok(output),
            Poll::Pending => thread::park(),
        }
    }
}
