//! Whom to ask when any broker will do.

use crate::{backoff::Rng, cluster::NodeId, time::Instant};

/// A broker as seen by somebody who looks for one to ask.
#[derive(Clone, Copy, Debug)]
pub struct Candidate {
    /// The broker.
    pub node: NodeId,
    /// How far a connection to it is.
    pub reach: Reach,
}

/// How far the connection to a broker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Ready for requests, with so many under way.
    Ready {
        /// Requests not answered yet.
        in_flight: usize,
    },
    /// Being made.
    Connecting,
    /// Not connected, and nothing speaks against trying.
    Idle {
        /// When a connection was last tried.
        last_attempt: Option<Instant>,
    },
    /// Not connected, and the pause after the last failure is not over.
    Resting,
}

/// The least loaded broker: one that is ready and has nothing to do, else the ready one with the least to do, else one
/// being connected, else the one not tried for longest. Equals are taken in turn, from a random place on.
pub fn least_loaded(candidates: &[Candidate], rng: &mut Rng) -> Option<NodeId> {
    let offset = usize::try_from(rng.below(candidates.len() as u64)).unwrap_or(0);
    let (before, after) = candidates.split_at(offset.min(candidates.len()));
    let usable = after
        .iter()
        .chain(before)
        .filter(|candidate| candidate.reach != Reach::Resting);
    usable
        .min_by_key(|candidate| rank(candidate.reach))
        .map(|candidate| candidate.node)
}

fn rank(reach: Reach) -> (u8, u64) {
    match reach {
        Reach::Ready { in_flight } => (0, in_flight as u64),
        Reach::Connecting => (1, 0),
        Reach::Idle { last_attempt } => (2, last_attempt.map_or(0, Instant::as_nanos)),
        Reach::Resting => (3, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(reaches: &[Reach]) -> BTreeSet<Option<i32>> {
        let candidates: Vec<_> = (0..)
            .zip(reaches)
            .map(|(id, &reach)| Candidate {
                node: NodeId(id),
                reach,
            })
            .collect();
        let mut rng = Rng::new(5);
        (0..100)
            .map(|_| least_loaded(&candidates, &mut rng).map(|node| node.0))
            .collect()
    }

    use std::collections::BTreeSet;

    #[test]
    fn ready_before_connecting_before_idle_and_never_resting() {
        let idle = |millis| Reach::Idle {
            last_attempt: Some(Instant::from_millis(millis)),
        };
        let ready = |in_flight| Reach::Ready { in_flight };
        let all = [
            Reach::Resting,
            idle(9),
            idle(5),
            Reach::Connecting,
            ready(4),
            ready(1),
        ];
        assert_eq!(pick(&all), BTreeSet::from([Some(5)]));
        assert_eq!(pick(&all[..5]), BTreeSet::from([Some(4)]));
        assert_eq!(pick(&all[..4]), BTreeSet::from([Some(3)]));
        assert_eq!(pick(&all[..3]), BTreeSet::from([Some(2)]));
        assert_eq!(pick(&all[..1]), BTreeSet::from([None]));
        assert_eq!(pick(&[]), BTreeSet::from([None]));
    }

    #[test]
    fn equals_share_the_load() {
        let ready = Reach::Ready { in_flight: 0 };
        assert_eq!(pick(&[ready, ready, ready]).len(), 3);
    }
}
