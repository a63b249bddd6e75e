//! What a codec is expected to make of the next batch.

/// A running estimate of compressed over uncompressed size: it rises at once and falls by a part of the
/// way, so that batches seldom outgrow their limit.
///
/// ```
/// use milena_codec::RatioEstimator;
///
/// let mut ratio = RatioEstimator::default();
/// ratio.observe(0.2);
/// assert_eq!(ratio.get(), 0.9);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioEstimator(f32);

impl Default for RatioEstimator {
    fn default() -> Self {
        Self(1.0)
    }
}

impl RatioEstimator {
    const RISE: f32 = 0.05;
    /// An eighth of the difference: after a score of batches, little is left of it.
    const FALL: f32 = 0.125;

    /// The estimate: 1.0 until something was observed.
    #[must_use]
    pub const fn get(self) -> f32 {
        self.0
    }

    /// Takes the ratio of one compressed batch into account.
    pub fn observe(&mut self, ratio: f32) {
        if ratio > self.0 {
            self.0 = ratio.max(self.0 + Self::RISE);
        } else if ratio < self.0 {
            self.0 -= (self.0 - ratio) * Self::FALL;
        }
    }

    /// Starts over, after a batch of this ratio turned out too large for the broker.
    pub fn reset(&mut self, ratio: f32) {
        self.0 = ratio.max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_quickly_and_falls_slowly() {
        let mut ratio = RatioEstimator(0.5);
        ratio.observe(0.51);
        assert_eq!(ratio.get(), 0.55);
        ratio.observe(0.9);
        assert_eq!(ratio.get(), 0.9);
        ratio.observe(0.1);
        assert!((ratio.get() - 0.8).abs() < 0.001);
        ratio.observe(f32::NAN);
        assert!((ratio.get() - 0.8).abs() < 0.001);
        for _ in 0..20 {
            ratio.observe(0.1);
        }
        assert!((0.1..0.16).contains(&ratio.get()));
        ratio.reset(0.3);
        assert_eq!(ratio.get(), 1.0);
    }
}
