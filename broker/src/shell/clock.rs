//! The cluster's clock: Unix time in ms that runs with tokio's, so that paused time pauses it too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
    unix: i64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            start: Instant::now(),
            unix: i64::try_from(unix.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.unix.saturating_add(elapsed)
    }

    /// When this clock will show `at`; the far future for what is too far away to be counted.
    pub(crate) fn instant(&self, at: i64) -> Instant {
        let after = Duration::from_millis(u64::try_from(at.saturating_sub(self.unix)).unwrap_or(0));
        let century = Duration::from_secs(100 * 365 * 24 * 3600);
        self.start
            .checked_add(after.min(century))
            .unwrap_or(self.start)
    }
}
