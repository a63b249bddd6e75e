//! Sockets, streams and time around [`State`](crate::State). Nothing is decided here.

pub(crate) mod clock;
pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod node;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::observe::Observer;
use crate::shell::clock::Clock;
use crate::state::State;

/// Kafka's default of `socket.request.max.bytes`.
pub(crate) const DEFAULT_MAX_FRAME: usize = 100 << 20;

/// What all connections of a cluster share.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Told when [`State::changes`] moved.
    pub(crate) changed: Notify,
    pub(crate) clock: Clock,
    pub(crate) max_frame: usize,
    pub(crate) observer: Observer,
}

impl Shared {
    pub(crate) fn new(state: State, max_frame: usize, observer: Observer) -> Self {
        Self {
            state: Mutex::new(state),
            changed: Notify::new(),
            clock: Clock::start(),
            max_frame,
            observer,
        }
    }

    /// Runs `act` on the state of this moment and wakes waiting fetches if something changed. The lock is never held longer than this.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let before = state.changes();
        state.advance(self.clock.now());
        let result = act(&mut state);
        let moved = state.changes() != before;
        drop(state);
        if moved {
            self.changed.notify_waiters();
        }
        result
    }

    /// A panic of a caller's closure leaves the state as it is; there is nothing half done that could not be read.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
