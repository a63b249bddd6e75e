//! Which node coordinates a group or a transactional id.
//!
//! Kafka keeps both in internal topics: a key's coordinator is the leader of the partition that the key hashes to. So
//! a coordinator here has a leader and an epoch as a partition has, and what it knows survives changes of the node.

use crate::state::State;
use crate::topology::TopologyError;

/// Kafka's default of `transaction.state.log.num.partitions` and `offsets.topic.num.partitions`.
const PARTITIONS: i32 = 50;

/// What a coordinator coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CoordinatorType {
    /// Consumer groups, by group id: the offsets they committed.
    Group,
    /// Transactions, by transactional id.
    Transaction,
}

/// The coordinator of all keys that hash to one partition.
#[derive(Debug)]
pub(crate) struct Coordinator {
    /// `None` while every node is down.
    pub(crate) leader: Option<i32>,
    pub(crate) epoch: i32,
    /// Until when it reads what its predecessor left.
    loading_until: i64,
}

#[derive(Debug)]
pub(crate) struct Coordinators {
    groups: Vec<Coordinator>,
    transactions: Vec<Coordinator>,
}

impl Coordinators {
    /// Those of a cluster whose nodes, 1 to `nodes`, are all up.
    pub(crate) fn new(nodes: i32) -> Self {
        let spread = || {
            (0..PARTITIONS).map(|partition| Coordinator {
                leader: Some(partition % nodes.max(1) + 1),
                epoch: 0,
                loading_until: i64::MIN,
            })
        };
        Self {
            groups: spread().collect(),
            transactions: spread().collect(),
        }
    }

    fn all(&self, of: CoordinatorType) -> &Vec<Coordinator> {
        match of {
            CoordinatorType::Group => &self.groups,
            CoordinatorType::Transaction => &self.transactions,
        }
    }

    fn get_mut(&mut self, of: CoordinatorType, key: &str) -> Option<&mut Coordinator> {
        let all = match of {
            CoordinatorType::Group => &mut self.groups,
            CoordinatorType::Transaction => &mut self.transactions,
        };
        all.get_mut(usize::try_from(partition_for(key)).ok()?)
    }

    /// Gives those that `which` names to the next node in line that is up.
    pub(crate) fn elect(&mut self, nodes: i32, up: &[i32], which: impl Fn(&Coordinator) -> bool) {
        for all in [&mut self.groups, &mut self.transactions] {
            let numbered = (0..).zip(all).filter(|(_, coordinator)| which(coordinator));
            for (partition, coordinator) in numbered {
                let mut in_line = (partition..partition + nodes).map(|n| n % nodes.max(1) + 1);
                coordinator.give_to(in_line.find(|node| up.contains(node)));
            }
        }
    }
}

impl Coordinator {
    fn give_to(&mut self, leader: Option<i32>) {
        if self.leader != leader {
            self.leader = leader;
            self.epoch = self.epoch.saturating_add(1);
        }
    }

    /// Whether it can do anything now.
    pub(crate) fn is_active(&self, now: i64) -> bool {
        self.leader.is_some() && self.loading_until <= now
    }
}

/// The partition of an internal topic that a key belongs to: Java's hash of the string, as Kafka does it.
pub(crate) fn partition_for(key: &str) -> i32 {
    let hash = key.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    // The one number without an absolute value counts as 0.
    hash.checked_abs().unwrap_or(0) % PARTITIONS
}

impl State {
    /// The node that coordinates a key; `None` while no node is up.
    #[must_use]
    pub fn coordinator(&self, of: CoordinatorType, key: &str) -> Option<i32> {
        self.coordinator_of(of, key)?.leader
    }

    /// Makes `node` the coordinator of a key, in the next epoch, and of the other keys that share its partition of
    /// Kafka's internal topic. The former one answers `NOT_COORDINATOR` from now on.
    ///
    /// # Errors
    /// If there is no such node, or it is down.
    pub fn move_coordinator(
        &mut self,
        of: CoordinatorType,
        key: &str,
        node: i32,
    ) -> Result<(), TopologyError> {
        let known = self.node(node).ok_or(TopologyError::UnknownNode(node))?;
        if !known.up {
            return Err(TopologyError::NodeDown(node));
        }
        if let Some(coordinator) = self.coordinators.get_mut(of, key) {
            coordinator.give_to(Some(node));
        }
        self.changes += 1;
        Ok(())
    }

    /// Has the coordinator of a key, and of those that share its partition, answer `COORDINATOR_LOAD_IN_PROGRESS`
    /// before the time `until` (ms), as one does that has just been elected. In the meantime it ends no transaction.
    pub fn load_coordinator(&mut self, of: CoordinatorType, key: &str, until: i64) {
        if let Some(coordinator) = self.coordinators.get_mut(of, key) {
            coordinator.loading_until = until;
        }
    }

    pub(crate) fn coordinator_of(&self, of: CoordinatorType, key: &str) -> Option<&Coordinator> {
        let partition = usize::try_from(partition_for(key)).ok()?;
        self.coordinators.all(of).get(partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn keys_hash_as_java_strings_do() {
        // What Java's `String.hashCode` makes of them: 0, 97, -959806496, 16602546, and the least number of all.
        for (key, partition) in [
            ("", 0),
            ("a", 47),
            ("my-transactional-id", 46),
            ("ä€𝄞", 46),
            ("polygenelubricants", 0),
        ] {
            assert_eq!(partition_for(key), partition, "{key}");
        }
    }

    #[test]
    fn a_coordinator_moves_with_its_node_and_by_hand() {
        let mut state = cluster();
        let find = |state: &State| state.coordinator(CoordinatorType::Transaction, "a");
        // "a" is 97, so partition 47, which begins with node 3.
        assert_eq!(find(&state), Some(3));
        state.node_down(3).unwrap();
        assert_eq!(find(&state), Some(1));
        state.node_up(3).unwrap();
        assert_eq!(find(&state), Some(1));
        state
            .move_coordinator(CoordinatorType::Transaction, "a", 2)
            .unwrap();
        assert_eq!(find(&state), Some(2));
        // Groups have coordinators of their own.
        assert_eq!(state.coordinator(CoordinatorType::Group, "a"), Some(1));
        let epoch = |state: &State| {
            let coordinator = state.coordinator_of(CoordinatorType::Transaction, "a");
            coordinator.unwrap().epoch
        };
        assert_eq!(epoch(&state), 2);
        for node in 1..=3 {
            state.node_down(node).unwrap();
        }
        assert_eq!(find(&state), None);
        state.node_up(2).unwrap();
        assert_eq!((find(&state), epoch(&state)), (Some(2), 5));
    }

    #[test]
    fn a_coordinator_does_not_move_to_a_node_that_is_down_or_missing() {
        let mut state = cluster();
        state.node_down(2).unwrap();
        let mut move_to = |node| state.move_coordinator(CoordinatorType::Group, "a", node);
        assert_eq!(move_to(2), Err(TopologyError::NodeDown(2)));
        assert_eq!(move_to(4), Err(TopologyError::UnknownNode(4)));
    }
}
