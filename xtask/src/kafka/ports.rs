//! Free ports on the loopback interface, and random ids.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpListener;
use std::ops::Range;

use anyhow::{Context, Result};

/// Below the ports that systems hand out to outgoing connections (Linux from 32768, others from 49152), so
/// that a chosen port is not taken by a passing connection before the broker listens on it.
const RANGE: Range<u16> = 18_000..32_000;

/// Chooses that many different free ports.
pub(crate) fn choose(count: usize) -> Result<Vec<u16>> {
    choose_from(random(), count, |port| {
        TcpListener::bind(("127.0.0.1", port)).is_ok()
    })
    .with_context(|| format!("no {count} free ports in {RANGE:?}"))
}

/// Goes round the range once from a place that the seed chooses.
fn choose_from(seed: u64, count: usize, is_free: impl Fn(u16) -> bool) -> Option<Vec<u16>> {
    let width = RANGE.end - RANGE.start;
    let offset = u16::try_from(seed % u64::from(width)).unwrap_or(0);
    let round = (RANGE.start + offset..RANGE.end).chain(RANGE.start..RANGE.start + offset);
    let ports: Vec<u16> = round.filter(|port| is_free(*port)).take(count).collect();
    (ports.len() == count).then_some(ports)
}

/// A cluster id as Kafka writes them: 16 bytes in URL-safe base64, which is 22 characters.
pub(crate) fn random_cluster_id() -> String {
    cluster_id((u128::from(random()) << 64) | u128::from(random()))
}

fn cluster_id(bits: u128) -> String {
    // Letters and digits only: an id that begins with a dash would read as an option on a command line.
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut id: String = (0..21)
        .filter_map(|place| DIGITS.get(usize::try_from((bits >> (place * 5)) & 31).ok()?))
        .map(|digit| char::from(*digit))
        .collect();
    // The last character holds only two bits of the sixteen bytes; the rest of it must be zero.
    id.push('A');
    id
}

/// The standard library seeds its hash maps from the system; nothing here needs better.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::{RANGE, choose, choose_from, cluster_id};

    #[test]
    fn taken_ports_are_passed_over() {
        let ports = choose_from(5, 4, |port| port % 2 == 0).unwrap();
        assert_eq!(ports, [18_006, 18_008, 18_010, 18_012]);
    }

    #[test]
    fn the_search_goes_round_the_range() {
        let last = u64::from(RANGE.end - RANGE.start) - 1;
        assert_eq!(choose_from(last, 2, |_| true).unwrap(), [31_999, 18_000]);
    }

    #[test]
    fn too_few_ports_is_no_answer() {
        assert_eq!(choose_from(0, 2, |port| port == 20_000), None);
    }

    #[test]
    fn a_listener_keeps_its_port() {
        let first = choose(1).unwrap()[0];
        let listener = TcpListener::bind(("127.0.0.1", first)).unwrap();
        assert!(
            choose_from(u64::from(first - RANGE.start), 1, |port| {
                TcpListener::bind(("127.0.0.1", port)).is_ok()
            })
            .is_some_and(|ports| ports[0] != first)
        );
        drop(listener);
    }

    #[test]
    fn ids_are_canonical_base64() {
        for bits in [0, u128::MAX, 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef] {
            let id = cluster_id(bits);
            assert_eq!(id.len(), 22, "{id}");
            assert!(
                id.ends_with('A') && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
                "{id}"
            );
        }
    }
}
