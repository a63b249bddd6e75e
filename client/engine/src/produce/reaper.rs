//! When the oldest record of each partition runs out of its delivery timeout.

use std::collections::BTreeMap;

use crate::time::Instant;

/// Partitions by the time at which their oldest batch must be given up.
///
/// A partition stands here once while it holds any batch, so the cost goes with the partitions in use, not with
/// batches, and not with idle partitions.
#[derive(Debug)]
pub struct Reaper<P> {
    deadlines: BTreeMap<(Instant, u64), P>,
    arrivals: u64,
}

impl<P> Reaper<P> {
    /// Nobody to watch.
    pub const fn new() -> Self {
        Self {
            deadlines: BTreeMap::new(),
            arrivals: 0,
        }
    }

    /// Watches a partition until `at`.
    pub fn watch(&mut self, partition: P, at: Instant) {
        self.arrivals += 1;
        self.deadlines.insert((at, self.arrivals), partition);
    }

    /// The next partition whose time has come. Whoever takes it expires its queue and, if batches are left, watches
    /// it again.
    pub fn poll(&mut self, now: Instant) -> Option<P> {
        let entry = self.deadlines.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove())
    }

    /// When [`poll`](Self::poll) will have something.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.keys().next().map(|(at, _)| *at)
    }
}

impl<P> Default for Reaper<P> {
    fn default() -> Self {
        Self::new()
    }
}
