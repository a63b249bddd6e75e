//! What coordinators are asked, and what they answer.

use milena_protocol::{
    ErrorCode, Str,
    add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse},
    add_partitions_to_txn::{
        AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, AddPartitionsToTxnTopic,
    },
    end_txn::{EndTxnRequest, EndTxnResponse},
    find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse},
    init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
    txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitResponse},
};

use crate::{
    cluster::NodeId,
    produce::{Generation, ProducerIdentity},
};

/// A request to be sent. The next is given only once this one's answer, or the lack of it, was handed in.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// The broker to ask; `None` for any.
    pub to: Option<NodeId>,
    /// What to ask.
    pub question: Question,
    /// Version to stay at or below.
    pub max_version: Option<i16>,
}

/// The request.
#[derive(Clone, Debug)]
pub enum Question {
    /// Which broker is the coordinator? See [`find_coordinator`](Self::find_coordinator).
    FindCoordinator {
        /// A transactional id or a group.
        key: Str,
        /// 1 for a transactional id, 0 for a group.
        key_type: i8,
    },
    /// A producer id, or the next epoch of one.
    InitProducerId(InitProducerIdRequest),
    /// Partitions become part of the transaction.
    AddPartitionsToTxn(AddPartitionsToTxnRequest),
    /// A group becomes part of the transaction.
    AddOffsetsToTxn(AddOffsetsToTxnRequest),
    /// A group's offsets.
    TxnOffsetCommit(TxnOffsetCommitRequest),
    /// The transaction's end.
    EndTxn(EndTxnRequest),
}

/// The response to a [`Question`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// To [`Question::FindCoordinator`].
    FindCoordinator(FindCoordinatorResponse),
    /// To [`Question::InitProducerId`].
    InitProducerId(InitProducerIdResponse),
    /// To [`Question::AddPartitionsToTxn`].
    AddPartitionsToTxn(AddPartitionsToTxnResponse),
    /// To [`Question::AddOffsetsToTxn`].
    AddOffsetsToTxn(AddOffsetsToTxnResponse),
    /// To [`Question::TxnOffsetCommit`].
    TxnOffsetCommit(TxnOffsetCommitResponse),
    /// To [`Question::EndTxn`].
    EndTxn(EndTxnResponse),
}

impl Question {
    /// The request for a coordinator, whose shape depends on the version it goes out in.
    pub fn find_coordinator(key: Str, key_type: i8, version: i16) -> FindCoordinatorRequest {
        let mut request = FindCoordinatorRequest {
            key_type,
            ..Default::default()
        };
        if version >= 4 {
            request.coordinator_keys = vec![key];
        } else {
            request.key = key;
        }
        request
    }

    /// The version to stay at or below. Some versions are between brokers only, and some would make partitions or groups
    /// part of a transaction by themselves.
    pub(super) const fn max_version(&self, generation: Generation) -> Option<i16> {
        match (self, generation) {
            (Self::AddPartitionsToTxn(_), _) => Some(3),
            (Self::TxnOffsetCommit(_) | Self::EndTxn(_), Generation::Explicit) => Some(4),
            _ => None,
        }
    }
}

pub(super) fn add_partitions(
    id: &Str,
    identity: ProducerIdentity,
    partitions: Vec<(Str, i32)>,
) -> Question {
    let mut topics: Vec<AddPartitionsToTxnTopic> = Vec::new();
    for (name, partition) in partitions {
        match topics.last_mut() {
            Some(topic) if topic.name == name => topic.partitions.push(partition),
            _ => topics.push(AddPartitionsToTxnTopic {
                name,
                partitions: vec![partition],
                ..Default::default()
            }),
        }
    }
    Question::AddPartitionsToTxn(AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: id.clone(),
        v3_and_below_producer_id: identity.producer_id,
        v3_and_below_producer_epoch: identity.epoch,
        v3_and_below_topics: topics,
        ..Default::default()
    })
}

/// The coordinator that was found.
pub(super) fn coordinator(
    response: &FindCoordinatorResponse,
    key: &str,
) -> Result<NodeId, ErrorCode> {
    let (code, node) = match response
        .coordinators
        .iter()
        .find(|found| *found.key == *key)
    {
        Some(found) => (found.error_code, found.node_id),
        None if response.coordinators.is_empty() => (response.error_code, response.node_id),
        // The answer is about something else.
        None => return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE),
    };
    if code.is_err() {
        return Err(code);
    }
    NodeId::from_wire(node).ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)
}

/// The codes of all partitions.
pub(super) fn partition_codes(
    response: &AddPartitionsToTxnResponse,
) -> impl Iterator<Item = ErrorCode> + '_ {
    let topics = response.results_by_topic_v3_and_below.iter();
    topics
        .flat_map(|topic| &topic.results_by_partition)
        .map(|result| result.partition_error_code)
}
