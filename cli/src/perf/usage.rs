//! What the process has used so far.

use std::time::Duration;

/// CPU time and memory of the whole process since it started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
    pub(crate) peak_rss_bytes: u64,
}

impl Usage {
    /// Nothing on systems that do not tell.
    #[cfg(unix)]
    pub(crate) fn now() -> Self {
        use nix::sys::{
            resource::{UsageWho, getrusage},
            time::{TimeVal, TimeValLike},
        };
        let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else {
            return Self::default();
        };
        let time = |time: TimeVal| {
            Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap_or(0))
        };
        // Apple counts in bytes, everybody else in KiB.
        let unit = if cfg!(target_vendor = "apple") {
            1
        } else {
            1024
        };
        Self {
            user: time(usage.user_time()),
            system: time(usage.system_time()),
            peak_rss_bytes: u64::try_from(usage.max_rss()).unwrap_or(0) * unit,
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn now() -> Self {
        Self::default()
    }

    /// CPU time since `earlier`; memory as it is now.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
            peak_rss_bytes: self.peak_rss_bytes,
        }
    }

    /// Microseconds of CPU time for each of so many records.
    pub(crate) fn cpu_micros_per(self, records: u64) -> f64 {
        let cpu = self.user + self.system;
        if records == 0 {
            0.0
        } else {
            cpu.as_secs_f64() * 1e6 / records as f64
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn work_shows() {
        let before = Usage::now();
        let mut sum = 0_u64;
        while Usage::now().since(before).user < Duration::from_millis(5) {
            sum = std::hint::black_box(sum + 1);
        }
        let used = Usage::now().since(before);
        assert!(used.cpu_micros_per(1000) >= 5.0);
        assert!(used.peak_rss_bytes > 1 << 20);
    }

    #[test]
    fn no_records_cost_nothing() {
        assert_eq!(Usage::default().cpu_micros_per(0), 0.0);
    }
}
