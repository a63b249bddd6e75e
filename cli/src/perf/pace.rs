//! How many records a second.

use std::time::{Duration, Instant};

/// Shortest sleep. In between, what is due is sent in one go, as kafka-producer-perf-test does it.
const SLICE: Duration = Duration::from_millis(2);

/// Holds records back so that they come at a rate.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Records per second; `None` for as fast as can be.
    rate: Option<f64>,
    start: Instant,
    /// Records that may go without a look at the clock.
    allowed: u64,
}

impl Pace {
    pub(crate) fn new(rate: Option<f64>, start: Instant) -> Self {
        let allowed = if rate.is_some() { 1 } else { u64::MAX };
        Self {
            rate,
            start,
            allowed,
        }
    }

    /// When the next record may go, after `sent` others; `None` for at once.
    pub(crate) fn wait(&mut self, sent: u64) -> Option<Instant> {
        if sent < self.allowed {
            None
        } else {
            self.wait_at(sent, Instant::now())
        }
    }

    fn wait_at(&mut self, sent: u64, now: Instant) -> Option<Instant> {
        let rate = self.rate?;
        let elapsed = now.saturating_duration_since(self.start).as_secs_f64();
        self.allowed = (elapsed * rate) as u64 + 1;
        if sent < self.allowed {
            return None;
        }
        let due = Duration::try_from_secs_f64(sent as f64 / rate).unwrap_or(Duration::MAX);
        let due = self
            .start
            .checked_add(due)
            .unwrap_or(now + Duration::from_secs(1 << 30));
        Some(due.max(now + SLICE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut pace = Pace::new(None, Instant::now());
        assert!(pace.wait(u64::MAX - 1).is_none());
    }

    #[test]
    fn a_low_rate_sends_one_by_one() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(10.0), start);
        assert!(pace.wait(0).is_none());
        assert_eq!(
            pace.wait_at(1, start),
            Some(start + Duration::from_millis(100))
        );
        assert_eq!(pace.wait_at(1, start + Duration::from_millis(101)), None);
        assert!(
            pace.wait_at(2, start + Duration::from_millis(101))
                .is_some()
        );
    }

    #[test]
    fn a_high_rate_sends_what_is_due_in_one_go() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(100_000.0), start);
        assert_eq!(pace.wait_at(1, start), Some(start + SLICE));
        let now = start + SLICE;
        let burst = (1..1000)
            .take_while(|sent| pace.wait_at(*sent, now).is_none())
            .count();
        assert_eq!(burst, 200);
    }
}
