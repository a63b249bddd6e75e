//! Offsets that a transaction commits along with its records.

use std::collections::BTreeMap;

use milena_protocol::{
    ErrorCode, Str,
    txn_offset_commit::{
        TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
        TxnOffsetCommitResponse,
    },
};

use crate::produce::ProducerIdentity;

/// A consumer group, and the member of it on whose behalf offsets are committed (KIP-447).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The group's name.
    pub id: Str,
    /// -1 without a member.
    pub generation: i32,
    /// Empty without a member.
    pub member: Str,
    /// For a static member.
    pub instance: Option<Str>,
}

/// How far a group has read one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offset {
    /// The topic.
    pub topic: Str,
    /// The partition.
    pub partition: i32,
    /// The next offset to read.
    pub offset: i64,
    /// Leader epoch of the last record that was read, or -1.
    pub leader_epoch: i32,
    /// Whatever is to be kept with it.
    pub metadata: Option<Str>,
}

/// Names a call for offsets to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// Offsets on their way to a group.
#[derive(Debug)]
pub(super) struct Commit {
    pub(super) group: Group,
    pub(super) stage: Stage,
    open: BTreeMap<(Str, i32), Offset>,
}

/// How far it is known that the group belongs to the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    New,
    /// The transaction coordinator was asked to add it.
    Asked,
    Added,
}

impl Commit {
    pub(super) fn new(group: Group, offsets: Vec<Offset>) -> Self {
        let keyed = |offset: Offset| ((offset.topic.clone(), offset.partition), offset);
        Self {
            group,
            stage: Stage::New,
            open: offsets.into_iter().map(keyed).collect(),
        }
    }

    pub(super) fn request(&self, id: &Str, identity: ProducerIdentity) -> TxnOffsetCommitRequest {
        let mut topics: Vec<TxnOffsetCommitRequestTopic> = Vec::new();
        for offset in self.open.values() {
            let partition = TxnOffsetCommitRequestPartition {
                partition_index: offset.partition,
                committed_offset: offset.offset,
                committed_leader_epoch: offset.leader_epoch,
                committed_metadata: offset.metadata.clone(),
                ..Default::default()
            };
            match topics.last_mut() {
                Some(topic) if topic.name == offset.topic => topic.partitions.push(partition),
                _ => topics.push(TxnOffsetCommitRequestTopic {
                    name: offset.topic.clone(),
                    partitions: vec![partition],
                    ..Default::default()
                }),
            }
        }
        TxnOffsetCommitRequest {
            transactional_id: id.clone(),
            group_id: self.group.id.clone(),
            producer_id: identity.producer_id,
            producer_epoch: identity.epoch,
            generation_id: self.group.generation,
            member_id: self.group.member.clone(),
            group_instance_id: self.group.instance.clone(),
            topics,
            ..Default::default()
        }
    }

    /// Strikes out what is committed. Returns the codes of the rest.
    pub(super) fn settle(&mut self, response: &TxnOffsetCommitResponse) -> Vec<ErrorCode> {
        let mut codes = Vec::new();
        for topic in &response.topics {
            for partition in &topic.partitions {
                if partition.error_code.is_err() {
                    codes.push(partition.error_code);
                } else {
                    self.open
                        .remove(&(topic.name.clone(), partition.partition_index));
                }
            }
        }
        codes
    }

    pub(super) fn is_done(&self) -> bool {
        self.open.is_empty()
    }
}
