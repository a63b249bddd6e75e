//! Which partition a record goes to, as the Java producer decides it.

use crate::{backoff::Rng, cluster::TopicView};

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
/// another at random (KIP-794). So batches fill, and in the long run each partition gets the same number of bytes.
#[derive(Debug)]
pub struct Sticky;

impl Sticky {
    /// A random partition that has a leader; any, if none has one. `None` for a topic without partitions.
    pub fn pick(topic: &TopicView, rng: &mut Rng) -> Option<u32> {
        let led = topic
            .partitions
            .iter()
            .filter(|p| p.leader.is_some())
            .count();
        if led == 0 {
            let all = topic.partitions.len() as u64;
            return (all > 0).then(|| rng.below(all) as u32);
        }
        let nth = rng.below(led as u64) as usize;
        topic
            .partitions
            .iter()
            .enumerate()
            .filter(|(_, partition)| partition.leader.is_some())
            .nth(nth)
            .map(|(index, _)| index as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{NodeId, PartitionView};

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

    #[test]
    fn sticky_avoids_partitions_without_a_leader() {
        let partition = |leader: Option<i32>| PartitionView {
            leader: leader.map(NodeId),
            ..PartitionView::unknown()
        };
        let mut topic = TopicView {
            name: "t".into(),
            id: milena_protocol::Uuid::ZERO,
            internal: false,
            partitions: vec![
                partition(None),
                partition(Some(1)),
                partition(None),
                partition(Some(2)),
            ],
            error: None,
        };
        let mut rng = Rng::new(5);
        let mut seen = [0; 4];
        for _ in 0..1000 {
            seen[Sticky::pick(&topic, &mut rng).unwrap() as usize] += 1;
        }
        assert_eq!((seen[0], seen[2]), (0, 0));
        assert!(seen[1] > 400 && seen[3] > 400, "{seen:?}");

        topic.partitions = vec![partition(None), partition(None)];
        assert!(Sticky::pick(&topic, &mut rng).is_some());
        topic.partitions.clear();
        assert_eq!(Sticky::pick(&topic, &mut rng), None);
    }
}
