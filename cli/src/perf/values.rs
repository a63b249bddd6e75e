//! What the records hold.

/// Different values, unless memory forbids.
const VALUES: usize = 4096;
/// Bytes that all values may take together.
const BYTES: usize = 64 << 20;

/// Values made before the clock starts: letters at random, as kafka-producer-perf-test has them, so that codecs do as well.
#[derive(Debug)]
pub(crate) struct Values {
    bytes: Vec<u8>,
    size: usize,
    next: usize,
}

impl Values {
    pub(crate) fn new(size: usize) -> Self {
        let count = count(size);
        let mut rng = fastrand::Rng::new();
        let bytes = std::iter::repeat_with(|| rng.u8(b'A'..=b'Z'))
            .take(size * count)
            .collect();
        Self {
            bytes,
            size,
            next: 0,
        }
    }

    /// Another value than the last time.
    pub(crate) fn next(&mut self) -> &[u8] {
        let start = self.next;
        self.next += self.size;
        if self.next >= self.bytes.len() {
            self.next = 0;
        }
        self.bytes.get(start..start + self.size).unwrap_or_default()
    }
}

/// How many values: never one alone.
fn count(size: usize) -> usize {
    BYTES.checked_div(size).unwrap_or(VALUES).clamp(2, VALUES)
}

/// Bytes of a key.
const KEY: usize = 8;

/// Distinct keys, by turns.
#[derive(Debug)]
pub(crate) struct Keys {
    bytes: Vec<u8>,
    next: usize,
}

impl Keys {
    /// `None` for none.
    pub(crate) fn new(count: u32) -> Option<Self> {
        let bytes = (0..count)
            .flat_map(|key| format!("{key:08x}").into_bytes())
            .collect::<Vec<_>>();
        (count > 0).then_some(Self { bytes, next: 0 })
    }

    pub(crate) fn next(&mut self) -> &[u8] {
        let start = self.next;
        self.next += KEY;
        if self.next >= self.bytes.len() {
            self.next = 0;
        }
        self.bytes.get(start..start + KEY).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn values_differ_and_have_their_size() {
        let mut values = Values::new(100);
        let seen: HashSet<_> = (0..VALUES).map(|_| values.next().to_vec()).collect();
        assert_eq!(seen.len(), VALUES);
        assert!(seen.iter().all(|value| value.len() == 100));
        assert!(seen.contains(values.next()), "they come again");
    }

    #[test]
    fn large_values_are_fewer_and_empty_ones_are_no_trouble() {
        assert_eq!(
            [0, 100, 1 << 20, 1 << 30].map(count),
            [VALUES, VALUES, 64, 2]
        );
        assert_eq!(Values::new(0).next(), b"");
        let mut values = Values::new(1 << 20);
        assert_ne!(values.next().to_vec(), values.next());
    }

    #[test]
    fn keys_take_turns() {
        let mut keys = Keys::new(3).unwrap();
        let seen: Vec<_> = (0..4).map(|_| keys.next().to_vec()).collect();
        assert_eq!(seen, [b"00000000", b"00000001", b"00000002", b"00000000"]);
        assert!(Keys::new(0).is_none());
    }
}
