//! The one place where time is read.

use std::time::Duration;

use tokio::time;

use milena_engine::time::Instant;

/// Turns the runtime's clock into the engine's: nanoseconds since the client was made.
///
/// It is the runtime's clock and not the system's, so that a test with paused time is paused throughout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: time::Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            origin: time::Instant::now(),
        }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::ZERO + self.origin.elapsed()
    }

    /// The moment, for the runtime's timers, when `wait` will have passed.
    pub(crate) fn after(self, wait: Duration) -> time::Instant {
        self.at(self.now() + wait)
    }

    /// The same moment for the runtime's timers.
    pub(crate) fn at(self, instant: Instant) -> time::Instant {
        let since = instant.since(Instant::ZERO);
        // What the runtime cannot express is as good as never.
        self.origin.checked_add(since).unwrap_or(self.origin + FAR)
    }
}

const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
