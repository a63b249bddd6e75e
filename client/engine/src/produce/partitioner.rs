//! Which partition a record goes to, as the Java producer decides it.

use crate::backoff::Rng;

/// Kafka's variant of 32-bit MurmurHash2.
///
/// ```
/// assert_eq!(milena_engine::produce::murmur2(b"foobar"), -790332482);
/// ```
pub fn murmur2(key: &[u8]) -> i32 {
    const M: u32 = 0x5bd1_e995;
    const SEED: u32 = 0x9747_b28c;
    // Kafka's lengths are 32-bit; a longer key cannot be sent.
    let mut hash = SEED ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (place, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * place);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    (hash ^ (hash >> 15)).cast_signed()
}

/// The partition of a record with a key: the same for the same key for as long as the number of partitions stays,
/// and the same that other Kafka clients choose. An empty key is a key.
pub fn partition_for_key(key: &[u8], partitions: u32) -> u32 {
    // The sign bit is masked off, not the absolute value taken: that is how Kafka makes the hash positive.
    let positive = murmur2(key).cast_unsigned() & 0x7fff_ffff;
    positive.checked_rem(partitions).unwrap_or(0)
}

/// The choice for records without a key: one partition until it has been given a batch's worth of bytes, then
/// another at random (KIP-794). So batches fill, and in the long run each partition gets the same number of bytes, or
/// fewer if it is slower than others.
#[derive(Debug)]
pub struct Sticky;

/// A partition, as the choice sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// It has a leader.
    pub is_led: bool,
    /// Its leader has not let it wait for too long.
    pub is_prompt: bool,
    /// Its leader is in the client's rack, or racks do not matter (KIP-1123).
    pub is_near: bool,
    /// Batches that wait for their acknowledgement; 0 where that is not to matter.
    pub load: u32,
}

impl Candidate {
    /// Only the best are chosen from: led before prompt before near.
    fn rank(self) -> (bool, bool, bool) {
        let Self {
            is_led,
            is_prompt,
            is_near,
            ..
        } = self;
        (is_led, is_led && is_prompt, is_near)
    }
}

impl Sticky {
    /// A random one of the best partitions; the shorter its queue, the likelier. `None` for a topic without partitions,
    /// and when none is as good any more when looked at again.
    ///
    /// `candidate` gives each of `count` by its number; it is called twice for each.
    pub fn pick(count: u32, candidate: impl Fn(u32) -> Candidate, rng: &mut Rng) -> Option<u32> {
        let all = || (0..count).map(|number| (number, candidate(number)));
        let mut best = Best::default();
        for (_, candidate) in all() {
            best.see(candidate);
        }
        let mut left = rng.below(best.total_weight());
        let mut last = None;
        for (number, candidate) in all().filter(|(_, candidate)| candidate.rank() == best.rank) {
            last = Some(number);
            match left.checked_sub(best.weight(candidate)) {
                Some(rest) => left = rest,
                None => break,
            }
        }
        // Loads may have changed meanwhile; the last one will do then.
        last
    }
}

/// The candidates of the highest rank.
#[derive(Debug, Default)]
struct Best {
    rank: (bool, bool, bool),
    count: u64,
    longest: u32,
    loads: u64,
}

impl Best {
    fn see(&mut self, candidate: Candidate) {
        let rank = candidate.rank();
        if rank > self.rank {
            *self = Self {
                rank,
                ..Self::default()
            };
        }
        if rank == self.rank {
            self.count += 1;
            self.longest = self.longest.max(candidate.load);
            self.loads += u64::from(candidate.load);
        }
    }

    /// One for the longest queue, and one more for each batch that another is shorter by.
    fn weight(&self, candidate: Candidate) -> u64 {
        u64::from(self.longest.saturating_sub(candidate.load)) + 1
    }

    fn total_weight(&self) -> u64 {
        self.count * (u64::from(self.longest) + 1) - self.loads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_gives_kafkas_numbers() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58_897_971,
            ),
            ("abc", 479_470_107),
            ("", 275_646_681),
        ] {
            assert_eq!(murmur2(key.as_bytes()), hash, "{key}");
        }
    }

    #[test]
    fn keys_map_to_partitions_by_the_masked_hash() {
        assert_eq!(partition_for_key(b"", 7), 275_646_681 % 7);
        // A negative hash: mask, do not negate.
        assert_eq!(
            partition_for_key(b"foobar", 7),
            (-790_332_482_i32 & 0x7fff_ffff) as u32 % 7
        );
        assert_eq!(partition_for_key(b"foobar", 0), 0);
    }

    const GOOD: Candidate = Candidate {
        is_led: true,
        is_prompt: true,
        is_near: true,
        load: 0,
    };

    /// How often each is chosen.
    fn picks(candidates: &[Candidate], times: usize) -> Vec<usize> {
        let mut rng = Rng::new(5);
        let mut seen = vec![0; candidates.len()];
        let count = candidates.len() as u32;
        for _ in 0..times {
            let picked = Sticky::pick(count, |number| candidates[number as usize], &mut rng);
            seen[picked.unwrap() as usize] += 1;
        }
        seen
    }

    #[test]
    fn sticky_avoids_partitions_without_a_leader() {
        let lost = Candidate {
            is_led: false,
            ..GOOD
        };
        let seen = picks(&[lost, GOOD, lost, GOOD], 1000);
        assert_eq!((seen[0], seen[2]), (0, 0));
        assert!(seen[1] > 400 && seen[3] > 400, "{seen:?}");
        assert!(picks(&[lost, lost], 1000).iter().all(|seen| *seen > 400));
        assert_eq!(Sticky::pick(0, |_| GOOD, &mut Rng::new(1)), None);
    }

    #[test]
    fn a_shorter_queue_is_chosen_more_often() {
        let candidates = [5, 0, 3, 0, 1].map(|load| Candidate { load, ..GOOD });
        let seen = picks(&candidates, 21_000);
        for (seen, weight) in seen.iter().zip([1, 6, 3, 6, 5]) {
            let expected = weight * 1000;
            assert!(
                seen.abs_diff(expected) < 250,
                "{seen} instead of {expected}"
            );
        }
    }

    #[test]
    fn the_slow_and_the_far_are_chosen_only_where_there_is_no_other() {
        let slow = Candidate {
            is_prompt: false,
            ..GOOD
        };
        let far = Candidate {
            is_near: false,
            load: 0,
            ..GOOD
        };
        let busy = Candidate { load: 9, ..GOOD };
        assert_eq!(picks(&[slow, far, busy], 100), [0, 0, 100]);
        assert_eq!(picks(&[slow, far], 100), [0, 100]);
        assert_eq!(picks(&[slow], 100), [100]);
        // Without a leader nobody is prompt, and near is near.
        let lost = Candidate {
            is_led: false,
            is_near: false,
            ..GOOD
        };
        assert_eq!(picks(&[lost, slow], 100), [0, 100]);
    }
}
