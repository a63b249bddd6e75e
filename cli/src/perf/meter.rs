//! Follows every record to its acknowledgement, at next to no cost.
//!
//! Deliveries wait in one line per partition, since that is the order in which they are settled. Nothing wakes anybody while
//! records are being sent: the sender sweeps the lines each time it yields, which is often enough to read latencies by.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use milena::{Delivery, DeliveryStatus, ProduceError, ProduceErrorKind};

use super::stats::{Stats, sampling};
use crate::say::warn;

/// Failures that are told one by one; what comes after is only counted.
const TOLD: u64 = 10;

/// Counts, and what is under way.
#[derive(Debug)]
pub(crate) struct Meter {
    /// By partition.
    lanes: Vec<Lane>,
    sampling: u64,
    until_sample: u64,
    under_way: u64,
    /// What a lane starts its steady state with.
    steady_from: u64,
    /// All acknowledged records.
    pub(crate) total: Stats,
    /// Those after the warm-up.
    pub(crate) steady: Stats,
    /// Those since the last line that was printed.
    pub(crate) window: Stats,
    /// Refused, or given up.
    pub(crate) failed: u64,
    /// Accepted, and given up because the command ended.
    pub(crate) left: u64,
}

/// A partition's records under way, in order.
#[derive(Debug)]
struct Lane {
    waiting: VecDeque<Delivery>,
    /// Those of them that are timed: by number in the lane, and when they were sent.
    timed: VecDeque<(u64, Instant)>,
    settled: u64,
    /// The first record of the lane after the warm-up.
    steady_from: u64,
}

impl Meter {
    /// For a run of so many records, of which the first `warmup` are not steady.
    pub(crate) fn new(records: u64, warmup: u64) -> Self {
        let sampling = sampling(records).max(1);
        let samples = |records: u64| Stats::with_samples(records.div_ceil(sampling));
        Self {
            lanes: Vec::new(),
            sampling,
            until_sample: 0,
            under_way: 0,
            steady_from: if warmup > 0 { u64::MAX } else { 0 },
            total: samples(records),
            steady: if warmup > 0 {
                samples(records.saturating_sub(warmup))
            } else {
                Stats::default()
            },
            window: Stats::default(),
            failed: 0,
            left: 0,
        }
    }

    /// The time, if the next record is one of those to be timed.
    pub(crate) fn clock(&mut self) -> Option<Instant> {
        if self.until_sample > 0 {
            self.until_sample -= 1;
            return None;
        }
        self.until_sample = self.sampling - 1;
        Some(Instant::now())
    }

    /// The warm-up ends: whatever is accepted from here on is steady.
    pub(crate) fn warmed_up(&mut self) {
        self.steady_from = 0;
        for lane in &mut self.lanes {
            lane.steady_from = lane.settled + lane.waiting.len() as u64;
        }
    }

    /// A record was accepted that was sent at `timed`.
    pub(crate) fn accepted(&mut self, delivery: Delivery, timed: Option<Instant>) {
        let index = usize::try_from(delivery.partition()).unwrap_or(0);
        if index >= self.lanes.len() {
            self.lanes
                .resize_with(index + 1, || Lane::new(self.steady_from));
        }
        if let Some(lane) = self.lanes.get_mut(index) {
            if let Some(at) = timed {
                lane.timed
                    .push_back((lane.settled + lane.waiting.len() as u64, at));
            }
            lane.waiting.push_back(delivery);
            self.under_way += 1;
        }
    }

    /// A record failed, or was not accepted.
    pub(crate) fn refused(&mut self, error: &ProduceError) {
        self.failed += 1;
        if self.failed <= TOLD {
            warn(error);
        }
        if self.failed == TOLD {
            warn("further failures are only counted");
        }
    }

    /// Counts what is settled by now.
    pub(crate) fn sweep(&mut self) {
        let mut now = None;
        for index in 0..self.lanes.len() {
            while let Some(settled) = self.lanes.get_mut(index).and_then(Lane::next_settled) {
                self.under_way -= 1;
                self.settle(settled, &mut now);
            }
        }
    }

    fn settle(&mut self, settled: Settled, now: &mut Option<Instant>) {
        match settled.error {
            None => {
                self.total.count();
                self.window.count();
                if settled.steady {
                    self.steady.count();
                }
                if let Some(sent) = settled.sent {
                    // One reading for all that is found settled together.
                    let latency = now
                        .get_or_insert_with(Instant::now)
                        .saturating_duration_since(sent);
                    self.time(latency, settled.steady);
                }
            }
            Some(error) if error.kind() == ProduceErrorKind::Closed => self.left += 1,
            Some(error) => self.refused(&error),
        }
    }

    fn time(&mut self, latency: Duration, steady: bool) {
        self.total.time(latency);
        self.window.time(latency);
        if steady {
            self.steady.time(latency);
        }
    }

    /// Counts what is settled, and is ready when nothing is under way. Whoever polls is woken when a line moves on.
    pub(crate) fn poll_settled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.sweep();
            if self.under_way == 0 {
                return Poll::Ready(());
            }
            let fronts = self
                .lanes
                .iter_mut()
                .filter_map(|lane| lane.waiting.front_mut());
            let mut moved = false;
            for front in fronts {
                moved |= Pin::new(front).poll(cx).is_ready();
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }
}

struct Settled {
    error: Option<ProduceError>,
    sent: Option<Instant>,
    steady: bool,
}

impl Lane {
    fn new(steady_from: u64) -> Self {
        Self {
            waiting: VecDeque::new(),
            timed: VecDeque::new(),
            settled: 0,
            steady_from,
        }
    }

    fn next_settled(&mut self) -> Option<Settled> {
        let front = self.waiting.front()?;
        let error = match front.status() {
            DeliveryStatus::Pending => return None,
            DeliveryStatus::Delivered => None,
            DeliveryStatus::Failed => front.try_get()?.err(),
        };
        self.waiting.pop_front();
        let number = self.settled;
        self.settled += 1;
        let timed = self
            .timed
            .front()
            .is_some_and(|(timed, _)| *timed == number);
        let sent = if timed {
            self.timed.pop_front().map(|(_, at)| at)
        } else {
            None
        };
        Some(Settled {
            error,
            sent,
            steady: number >= self.steady_from,
        })
    }
}
