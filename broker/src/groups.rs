//! The offsets that groups have committed. Membership is not here: every group is one without members.

use std::collections::BTreeMap;

use milena_protocol::{ErrorCode, Str};

use crate::state::State;

/// Kafka's default of `offset.metadata.max.bytes`.
const MAX_METADATA: usize = 4096;

/// An offset that a group committed in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Committed {
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: Str,
}

/// A partition, by topic name.
pub(crate) type Place = (Str, i32);

#[derive(Debug, Default)]
pub(crate) struct Group {
    committed: BTreeMap<Place, Committed>,
    /// What transactions that have not ended committed, by producer id.
    pending: BTreeMap<i64, BTreeMap<Place, Committed>>,
}

impl Group {
    pub(crate) fn commit(&mut self, place: Place, committed: Committed) {
        self.committed.insert(place, committed);
    }

    /// Commits when the producer's transaction is committed.
    pub(crate) fn commit_later(&mut self, producer_id: i64, place: Place, committed: Committed) {
        let pending = self.pending.entry(producer_id).or_default();
        pending.insert(place, committed);
    }

    pub(crate) fn end_transaction(&mut self, producer_id: i64, is_committed: bool) {
        let pending = self.pending.remove(&producer_id).unwrap_or_default();
        if is_committed {
            self.committed.extend(pending);
        }
    }

    pub(crate) fn committed(&self, place: &Place) -> Option<&Committed> {
        self.committed.get(place)
    }

    /// Everywhere something is committed, in the order of topics.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.committed.keys()
    }

    /// A topic is gone.
    pub(crate) fn forget(&mut self, topic: &str) {
        let all = std::iter::once(&mut self.committed).chain(self.pending.values_mut());
        for offsets in all {
            offsets.retain(|(name, _), _| name != topic);
        }
    }

    /// Whether a transaction that has not ended may change what is committed.
    pub(crate) fn is_unstable(&self, place: &Place) -> bool {
        self.pending
            .values()
            .any(|pending| pending.contains_key(place))
    }
}

impl State {
    /// The partition, if there is one, for a commit.
    pub(crate) fn place_of(&self, topic: &str, index: i32) -> Result<Place, ErrorCode> {
        let topic = self.topics.get(topic);
        match topic.and_then(|topic| Some((topic, topic.partition(index)?))) {
            Some((topic, _)) => Ok((topic.name.clone(), index)),
            None => Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
        }
    }

    /// The group, which is there from its first commit on.
    pub(crate) fn group_mut(&mut self, id: &str) -> &mut Group {
        // A copy: an id from a request must not keep the whole frame in memory.
        self.groups.entry(Str::from(id)).or_default()
    }

    /// Whether a commit can come from a member it names. `unknown_group` is the error for a generation of a group
    /// that nobody knows.
    pub(crate) fn check_member(
        &self,
        group: &str,
        generation: i32,
        unknown_group: ErrorCode,
    ) -> Result<(), ErrorCode> {
        if generation < 0 {
            // Whoever keeps offsets without being a member may commit to a group that has none.
            Ok(())
        } else if !self.groups.contains_key(group) {
            Err(unknown_group)
        } else {
            Err(ErrorCode::UNKNOWN_MEMBER_ID)
        }
    }
}

impl Committed {
    pub(crate) fn new(
        offset: i64,
        leader_epoch: i32,
        metadata: Option<&str>,
    ) -> Result<Self, ErrorCode> {
        let metadata = metadata.unwrap_or_default();
        if metadata.len() > MAX_METADATA {
            return Err(ErrorCode::OFFSET_METADATA_TOO_LARGE);
        }
        Ok(Self {
            offset,
            leader_epoch,
            // A copy: it must not keep the whole frame in memory.
            metadata: Str::from(metadata),
        })
    }
}

#[cfg(test)]
mod tests;
