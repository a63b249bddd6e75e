//! Counts and latencies, and Kafka's way to print them.

use std::{fmt, time::Duration};

use serde_json::{Map, Value, json};

use super::usage::Usage;

/// Latencies kept for the percentiles, at least (a run of fewer records keeps all) and short of twice that at most.
pub(crate) const SAMPLES: u64 = 500_000;

/// Every how many-eth record is timed, of so many.
pub(crate) fn sampling(records: u64) -> u64 {
    records / records.clamp(1, SAMPLES)
}

/// Acknowledged records of a stretch of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stats {
    pub(crate) records: u64,
    timed: u64,
    sum_us: u64,
    max_us: u32,
    /// In no order; empty where no percentiles are wanted.
    samples: Vec<u32>,
}

impl Stats {
    /// With room for the latencies of `timed` records.
    pub(crate) fn with_samples(timed: u64) -> Self {
        let samples = Vec::with_capacity(usize::try_from(timed).unwrap_or(0));
        Self {
            samples,
            ..Self::default()
        }
    }

    pub(crate) fn count(&mut self) {
        self.records += 1;
    }

    /// The latency of a record that is counted besides. Kept only as far as there is room.
    pub(crate) fn time(&mut self, latency: Duration) {
        let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        self.timed += 1;
        self.sum_us += u64::from(micros);
        self.max_us = self.max_us.max(micros);
        if self.samples.len() < self.samples.capacity() {
            self.samples.push(micros);
        }
    }

    fn avg_ms(&self) -> f64 {
        if self.timed == 0 {
            0.0
        } else {
            self.sum_us as f64 / self.timed as f64 / 1e3
        }
    }

    fn max_ms(&self) -> f64 {
        f64::from(self.max_us) / 1e3
    }

    /// The line for a stretch of a run, in the format of kafka-producer-perf-test.
    pub(crate) fn window_line(&self, elapsed: Duration, record_size: usize) -> String {
        let Rates { records, megabytes } = self.rates(elapsed, record_size);
        format!(
            "{} records sent, {records:.1} records/sec ({megabytes:.2} MB/sec), {:.1} ms avg latency, {:.1} ms max latency.",
            self.records,
            self.avg_ms(),
            self.max_ms()
        )
    }

    fn rates(&self, elapsed: Duration, record_size: usize) -> Rates {
        let seconds = elapsed.as_secs_f64().max(1e-6);
        let records = self.records as f64 / seconds;
        Rates {
            records,
            megabytes: records * record_size as f64 / (1024.0 * 1024.0),
        }
    }

    /// What there is to say in the end, of so much time and of what was used in it.
    pub(crate) fn summary(mut self, elapsed: Duration, used: Usage, record_size: usize) -> Summary {
        self.samples.sort_unstable();
        let at = |permille: u64| percentile(&self.samples, permille);
        Summary {
            records: self.records,
            elapsed,
            used,
            rates: self.rates(elapsed, record_size),
            avg_ms: self.avg_ms(),
            max_ms: self.max_ms(),
            percentiles_us: [at(500), at(950), at(990), at(999)],
        }
    }
}

/// As Kafka's tool reads it off: the value at `floor(p · size)`.
fn percentile(sorted: &[u32], permille: u64) -> u32 {
    let index = sorted.len() as u64 * permille / 1000;
    let index = usize::try_from(index)
        .unwrap_or(usize::MAX)
        .min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or(0)
}

#[derive(Clone, Copy, Debug)]
struct Rates {
    /// Per second.
    records: f64,
    /// MiB of values per second, which Kafka's tool calls MB.
    megabytes: f64,
}

/// The result of a run, or of its steady state.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    records: u64,
    elapsed: Duration,
    used: Usage,
    rates: Rates,
    avg_ms: f64,
    max_ms: f64,
    /// 50, 95, 99 and 99.9.
    percentiles_us: [u32; 4],
}

impl Summary {
    /// The final line, in the format of kafka-producer-perf-test; `what` is empty, or ` steady state`.
    pub(crate) fn line(&self, what: &str) -> impl fmt::Display {
        let [p50, p95, p99, p999] = self.percentiles_us.map(|micros| micros / 1000);
        format!(
            "{}{what} records sent, {:.6} records/sec ({:.2} MB/sec), {:.2} ms avg latency, {:.2} ms max latency, \
             {p50} ms 50th, {p95} ms 95th, {p99} ms 99th, {p999} ms 99.9th.",
            self.records, self.rates.records, self.rates.megabytes, self.avg_ms, self.max_ms
        )
    }

    /// The same figures, with what they cost.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let [p50, p95, p99, p999] = self.percentiles_us.map(|micros| f64::from(micros) / 1e3);
        let figures = [
            ("records", json!(self.records)),
            ("elapsed_seconds", json!(self.elapsed.as_secs_f64())),
            ("records_per_second", json!(self.rates.records)),
            ("mb_per_second", json!(self.rates.megabytes)),
            (
                "latency_ms",
                json!({
                    "avg": self.avg_ms, "max": self.max_ms,
                    "p50": p50, "p95": p95, "p99": p99, "p99.9": p999,
                }),
            ),
            (
                "cpu",
                json!({
                    "user_seconds": self.used.user.as_secs_f64(),
                    "system_seconds": self.used.system.as_secs_f64(),
                    "micros_per_record": self.used.cpu_micros_per(self.records),
                }),
            ),
        ];
        figures
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(latencies_ms: impl IntoIterator<Item = u64>) -> Stats {
        let mut stats = Stats::with_samples(1000);
        for latency in latencies_ms {
            stats.count();
            stats.time(Duration::from_millis(latency));
        }
        stats
    }

    #[test]
    fn the_lines_are_kafkas_own() {
        let stats = stats(1..=1000);
        assert_eq!(
            stats.window_line(Duration::from_secs(5), 1024),
            "1000 records sent, 200.0 records/sec (0.20 MB/sec), 500.5 ms avg latency, 1000.0 ms max latency."
        );
        let summary = stats.summary(Duration::from_secs(4), Usage::default(), 100);
        assert_eq!(
            summary.line("").to_string(),
            "1000 records sent, 250.000000 records/sec (0.02 MB/sec), 500.50 ms avg latency, 1000.00 ms max latency, \
             501 ms 50th, 951 ms 95th, 991 ms 99th, 1000 ms 99.9th."
        );
        assert!(
            summary
                .line(" steady state")
                .to_string()
                .starts_with("1000 steady state records sent, ")
        );
        assert_eq!(summary.json()["latency_ms"]["p99.9"], 1000.0);
        assert_eq!(summary.json()["records"], 1000);
    }

    #[test]
    fn no_record_at_all_is_no_trouble() {
        let line = Stats::with_samples(0)
            .summary(Duration::ZERO, Usage::default(), 100)
            .line("")
            .to_string();
        assert!(
            line.starts_with("0 records sent, 0.000000 records/sec (0.00 MB/sec), 0.00 ms avg"),
            "{line}"
        );
    }

    #[test]
    fn percentiles_of_few() {
        assert_eq!(percentile(&[7], 999), 7);
        assert_eq!(percentile(&[1, 2], 500), 2);
        assert_eq!(percentile(&[], 500), 0);
    }

    #[test]
    fn samples_are_every_so_many_records() {
        assert_eq!(
            [0, 1, 500_000, 999_999, 1_000_000, 5_000_000].map(sampling),
            [0, 1, 1, 1, 2, 10]
        );
    }

    #[test]
    fn latencies_beyond_the_room_still_count() {
        let mut stats = Stats::default();
        stats.time(Duration::from_millis(3));
        assert_eq!((stats.max_ms(), stats.avg_ms()), (3.0, 3.0));
    }
}
