//! How long to wait before trying again: exponential, with jitter from a seeded generator.

use std::time::Duration;

/// A small generator of pseudo-random numbers (SplitMix64), for jitter and for spreading load.
///
/// The same seed gives the same numbers, which is what makes a simulated run repeatable. Not for secrets.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator for `seed`; any seed will do, zero included.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`, or 0 when `n` is 0.
    pub const fn below(&mut self, n: u64) -> u64 {
        // The high half of the 128-bit product: no division, and a bias too small to matter here.
        ((self.next_u64() as u128 * n as u128) >> 64) as u64
    }
}

/// Exponential backoff as in KIP-580: doubled with each attempt, jittered by 20 % either way, then capped.
///
/// ```
/// use milena_engine::backoff::{Backoff, Rng};
/// use std::time::Duration;
///
/// let retry = Backoff { base: Duration::from_millis(100), max: Duration::from_secs(1) };
/// let mut rng = Rng::new(7);
/// let first = retry.delay(0, &mut rng);
/// assert!(first >= Duration::from_millis(80) && first <= Duration::from_millis(120));
/// assert_eq!(retry.delay(30, &mut rng), Duration::from_secs(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait before the first retry, before jitter.
    pub base: Duration,
    /// Upper bound of every wait, after jitter.
    pub max: Duration,
}

impl Backoff {
    /// The wait before retry number `attempt`, counted from 0.
    pub fn delay(&self, attempt: u32, rng: &mut Rng) -> Duration {
        let base = u64::try_from(self.base.as_nanos()).unwrap_or(u64::MAX);
        let factor = 1_u64.checked_shl(attempt.min(63)).unwrap_or(u64::MAX);
        let grown = u128::from(base.saturating_mul(factor));
        // Per mille, 800 to 1200.
        let jittered = grown * (800 + u128::from(rng.below(401))) / 1000;
        Duration::from_nanos(u64::try_from(jittered).unwrap_or(u64::MAX)).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Backoff = Backoff {
        base: Duration::from_millis(100),
        max: Duration::from_millis(1000),
    };

    #[test]
    fn doubles_within_twenty_percent_and_is_capped_after_jitter() {
        let mut rng = Rng::new(1);
        for attempt in 0..40 {
            for _ in 0..200 {
                let delay = RETRY.delay(attempt, &mut rng);
                let middle = RETRY.base * 2_u32.pow(attempt.min(10));
                assert!(
                    delay >= (middle * 8 / 10).min(RETRY.max),
                    "attempt {attempt}: {delay:?}"
                );
                assert!(
                    delay <= (middle * 12 / 10).min(RETRY.max),
                    "attempt {attempt}: {delay:?}"
                );
            }
        }
    }

    #[test]
    fn jitter_spreads_and_repeats_for_the_same_seed() {
        let delays = |seed| {
            (0..50)
                .map(|_| RETRY.delay(0, &mut Rng::new(seed)))
                .collect::<Vec<_>>()
        };
        assert_eq!(delays(3), delays(3));
        let mut rng = Rng::new(3);
        let spread: std::collections::BTreeSet<_> =
            (0..50).map(|_| RETRY.delay(0, &mut rng)).collect();
        assert!(spread.len() > 20);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let mut rng = Rng::new(9);
        let huge = Backoff {
            base: Duration::MAX,
            max: Duration::MAX,
        };
        assert!(huge.delay(u32::MAX, &mut rng) > Duration::from_secs(1));
        let none = Backoff {
            base: Duration::ZERO,
            max: Duration::ZERO,
        };
        assert_eq!(none.delay(5, &mut rng), Duration::ZERO);
        assert_eq!(rng.below(0), 0);
        assert!((0..1000).all(|_| rng.below(3) < 3));
    }
}
