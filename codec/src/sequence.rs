//! Sequence numbers of an idempotent producer.

/// The sequence `n` records after `base`. Sequences run from 0 to `i32::MAX` and start over.
///
/// ```
/// use milena_codec::sequence_add;
///
/// assert_eq!(sequence_add(5, 2), 7);
/// assert_eq!(sequence_add(i32::MAX, 1), 0);
/// ```
#[must_use]
pub const fn sequence_add(base: i32, n: u32) -> i32 {
    const MODULUS: i64 = 1 << 31;
    ((base as i64 + n as i64) % MODULUS) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_after_the_greatest() {
        assert_eq!(sequence_add(i32::MAX - 5, 10), 4);
        assert_eq!(sequence_add(0, 0), 0);
        assert_eq!(sequence_add(i32::MAX, 1 << 31), i32::MAX);
        assert_eq!(sequence_add(i32::MAX, u32::MAX), i32::MAX - 1);
    }
}
