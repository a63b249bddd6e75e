//! How often which values came up: counted without a lock, in memory of a fixed size.

use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Each power of two is divided into so many ranges: what is read is off by 3 % at the most.
const DIVISIONS: u64 = 1 << BITS;
const BITS: u32 = 4;
/// What is larger counts as this: twelve days in microseconds, or a tebibyte.
const LARGEST: u64 = (1 << 40) - 1;
const RANGES: usize = range(LARGEST) + 1;

/// The range that a value belongs to; below [`DIVISIONS`], each value has one of its own.
const fn range(value: u64) -> usize {
    if value < DIVISIONS {
        return value as usize;
    }
    let shift = value.ilog2() - BITS;
    ((shift as u64 + 1) * DIVISIONS + ((value >> shift) - DIVISIONS)) as usize
}

/// The lowest value of a range, and the highest.
const fn bounds(range: usize) -> (u64, u64) {
    let (octave, place) = (range as u64 / DIVISIONS, range as u64 % DIVISIONS);
    if octave == 0 {
        return (place, place);
    }
    let shift = octave - 1;
    let low = (DIVISIONS + place) << shift;
    (low, low + (1 << shift) - 1)
}

/// A distribution that is being recorded, by several threads at a time.
pub(crate) struct Recorder {
    counts: [AtomicU64; RANGES],
    sum: AtomicU64,
    max: AtomicU64,
}

impl Recorder {
    pub(crate) const fn new() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; RANGES],
            sum: AtomicU64::new(0),
            max: AtomicU64::new(0),
        }
    }

    pub(crate) fn record(&self, value: u64) {
        let value = value.min(LARGEST);
        if let Some(count) = self.counts.get(range(value)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
        self.max.fetch_max(value, Ordering::Relaxed);
    }

    pub(crate) fn record_time(&self, time: Duration) {
        self.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn read<T>(&self) -> Distribution<T> {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Distribution {
            counts: self.counts.iter().map(load).collect(),
            sum: load(&self.sum),
            max: load(&self.max),
            of: PhantomData,
        }
    }
}

/// How often which values came up.
///
/// The mean is exact, and so is the maximum unless it is that of a [difference](crate::ProducerMetrics::since). Percentiles
/// are off by 3 % at the most.
#[derive(Clone, PartialEq, Eq)]
pub struct Distribution<T> {
    counts: Box<[u64]>,
    sum: u64,
    max: u64,
    of: PhantomData<T>,
}

impl<T> Distribution<T> {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    pub(super) fn since(&self, earlier: &Self) -> Self {
        let pairs = self.counts.iter().zip(&earlier.counts);
        let counts: Box<[u64]> = pairs
            .map(|(late, early)| late.saturating_sub(*early))
            .collect();
        let highest = counts.iter().rposition(|count| *count > 0);
        Self {
            max: highest.map_or(0, |range| bounds(range).1.min(self.max)),
            counts,
            sum: self.sum.saturating_sub(earlier.sum),
            of: PhantomData,
        }
    }

    fn mean_value(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            count => self.sum as f64 / count as f64,
        }
    }

    /// The middle of the range in which the value lies that `percent` of all do not exceed.
    fn value_at(&self, percent: f64) -> u64 {
        let count = self.count();
        let rank = (count as f64 * percent.clamp(0.0, 100.0) / 100.0)
            .ceil()
            .max(1.0);
        let mut seen = 0;
        for (range, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen as f64 >= rank {
                let (low, high) = bounds(range);
                return (low + (high - low) / 2).min(self.max);
            }
        }
        self.max
    }
}

impl Distribution<u64> {
    /// The sum of all values.
    pub const fn sum(&self) -> u64 {
        self.sum
    }

    /// The sum of all values, divided by their number; 0 if there are none.
    pub fn mean(&self) -> f64 {
        self.mean_value()
    }

    /// The largest value; 0 if there are none.
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// A value that so many percent of all do not exceed, such as 99.9.
    pub fn percentile(&self, percent: f64) -> u64 {
        self.value_at(percent)
    }
}

impl Distribution<Duration> {
    /// The mean; zero if there are no values.
    pub fn mean(&self) -> Duration {
        Duration::from_secs_f64(self.mean_value() / 1e6)
    }

    /// The longest time; zero if there are none.
    pub const fn max(&self) -> Duration {
        Duration::from_micros(self.max)
    }

    /// A time that so many percent of all do not exceed, such as 99.9.
    pub fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.value_at(percent))
    }
}

impl<T> fmt::Debug for Distribution<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distribution")
            .field("count", &self.count())
            .field("mean", &self.mean_value())
            .field("p50", &self.value_at(50.0))
            .field("p99", &self.value_at(99.0))
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_range_and_ranges_leave_no_gap() {
        let mut next = 0;
        for index in 0..RANGES {
            let (low, high) = bounds(index);
            assert_eq!(low, next, "range {index}");
            for value in [low, low + (high - low) / 2, high] {
                assert_eq!(range(value), index, "{value}");
            }
            // The middle is no further from either end than the promise is.
            assert!(
                (high - low) as f64 / 2.0 <= low as f64 * 0.032,
                "{low} to {high}"
            );
            next = high + 1;
        }
        assert_eq!(next, LARGEST + 1);
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let recorder = Recorder::new();
        let mut values = Vec::new();
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..10_000 {
            let octave = rng.u32(1..30);
            let value = rng.u64(..1 << octave);
            values.push(value);
            recorder.record(value);
        }
        values.sort_unstable();
        let read: Distribution<u64> = recorder.read();
        assert_eq!((read.count(), read.max()), (10_000, values[9_999]));
        assert_eq!(read.sum(), values.iter().sum::<u64>());
        for (percent, rank) in [
            (0.0, 0),
            (1.0, 99),
            (50.0, 4_999),
            (99.0, 9_899),
            (100.0, 9_999),
        ] {
            let (told, exact) = (read.percentile(percent) as f64, values[rank] as f64);
            assert!(
                (told - exact).abs() <= exact * 0.032,
                "{percent}: {told} {exact}"
            );
        }
    }

    #[test]
    fn nothing_and_too_much_are_told_too() {
        let recorder = Recorder::new();
        let nothing: Distribution<Duration> = recorder.read();
        assert_eq!((nothing.count(), nothing.mean()), (0, Duration::ZERO));
        assert_eq!(nothing.percentile(99.0), Duration::ZERO);
        recorder.record_time(Duration::MAX);
        let much: Distribution<Duration> = recorder.read();
        assert_eq!(much.max(), Duration::from_micros(LARGEST));
    }

    #[test]
    fn a_difference_knows_only_what_came_since() {
        let recorder = Recorder::new();
        recorder.record(1_000_000);
        let early: Distribution<u64> = recorder.read();
        recorder.record(10);
        recorder.record(300);
        let since = recorder.read().since(&early);
        assert_eq!((since.count(), since.sum()), (2, 310));
        assert!((300..310).contains(&since.max()), "{}", since.max());
        assert_eq!(since.percentile(50.0), 10);
    }
}
