//! Topics and partitions, the rules for names, and where replicas go.

use milena_protocol::{Str, Uuid};

use crate::audit::Ledger;
use crate::log::Log;
use crate::producers::Producers;
use crate::topic_config::TopicConfig;

/// A topic that exists.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: Str,
    pub(crate) id: Uuid,
    pub(crate) config: TopicConfig,
    pub(crate) partitions: Vec<Partition>,
}

impl Topic {
    pub(crate) fn partition(&self, index: i32) -> Option<&Partition> {
        self.partitions.get(usize::try_from(index).ok()?)
    }

    pub(crate) fn partition_mut(&mut self, index: i32) -> Option<&mut Partition> {
        self.partitions.get_mut(usize::try_from(index).ok()?)
    }
}

/// One partition. Log and producers are replicated data: they stay when nodes go.
#[derive(Debug)]
pub(crate) struct Partition {
    /// `None` while every replica is down.
    pub(crate) leader: Option<i32>,
    pub(crate) leader_epoch: i32,
    /// In order of preference; never empty.
    pub(crate) replicas: Vec<i32>,
    pub(crate) log: Log,
    pub(crate) producers: Producers,
    pub(crate) ledger: Ledger,
}

impl Partition {
    /// A new partition, led by the first of `replicas` that is up.
    pub(crate) fn new(replicas: Vec<i32>, is_up: impl Fn(i32) -> bool) -> Self {
        Self {
            leader: replicas.iter().copied().find(|node| is_up(*node)),
            leader_epoch: 0,
            replicas,
            log: Log::default(),
            producers: Producers::default(),
            ledger: Ledger::default(),
        }
    }

    /// Makes another node the leader, in the next epoch.
    pub(crate) fn elect(&mut self, leader: Option<i32>) {
        if self.leader != leader {
            self.leader = leader;
            self.leader_epoch = self.leader_epoch.saturating_add(1);
        }
    }
}

/// Kafka's rule for topic names; the error says which part of it was broken.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("the topic name is empty".to_owned());
    }
    if name == "." || name == ".." {
        return Err(format!("the topic name cannot be '{name}'"));
    }
    if name.len() > 249 {
        return Err(format!(
            "the topic name has {} characters, more than 249",
            name.len()
        ));
    }
    match name
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
    {
        Some(c) => Err(format!(
            "the topic name contains {c:?}; allowed are ASCII letters, digits, '.', '_' and '-'"
        )),
        None => Ok(()),
    }
}

/// Whether two names would share a metric name in Kafka, which therefore refuses the second.
pub(crate) fn collide(one: &str, other: &str) -> bool {
    one != other
        && one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .all(|(a, b)| a == b || (matches!(a, b'.' | b'_') && matches!(b, b'.' | b'_')))
}

/// Replicas for `count` partitions, from partition `first` on: leaders go round the nodes, followers come next in line.
pub(crate) fn spread(
    nodes: &[i32],
    first: usize,
    count: usize,
    replication: usize,
) -> Vec<Vec<i32>> {
    let line = |from: usize| {
        nodes
            .iter()
            .cycle()
            .skip(from % nodes.len().max(1))
            .take(replication)
            .copied()
            .collect()
    };
    (first..first + count).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_kafkas_rule() {
        for name in ["a", "a.b_c-9", &"x".repeat(249)] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        for name in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn dots_and_underscores_collide() {
        assert!(collide("a.b", "a_b"));
        assert!(!collide("a.b", "a.b"));
        assert!(!collide("a.b", "a-b"));
        assert!(!collide("a.b", "a.bc"));
    }

    #[test]
    fn leaders_go_round() {
        assert_eq!(
            spread(&[1, 2, 3], 0, 4, 2),
            [[1, 2], [2, 3], [3, 1], [1, 2]]
        );
        assert_eq!(spread(&[1, 2, 3], 4, 1, 3), [[2, 3, 1]]);
    }

    #[test]
    fn an_election_without_change_keeps_the_epoch() {
        let mut partition = Partition::new(vec![1, 2], |node| node != 1);
        assert_eq!(partition.leader, Some(2));
        partition.elect(Some(2));
        assert_eq!(partition.leader_epoch, 0);
        partition.elect(None);
        assert_eq!((partition.leader, partition.leader_epoch), (None, 1));
    }
}
