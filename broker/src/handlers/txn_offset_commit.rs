//! TxnOffsetCommit: offsets of a group that hold once a transaction is committed.

use milena_protocol::ErrorCode;
use milena_protocol::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitResponse, TxnOffsetCommitResponsePartition,
    TxnOffsetCommitResponseTopic,
};

use crate::coordinators::CoordinatorType;
use crate::fault::Address;
use crate::groups::Committed;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};
use crate::transaction::Participant;
use crate::transactions::Client;

/// From this version on a client can be told to abort its transaction (KIP-890).
const ABORTABLE_FROM_VERSION: i16 = 4;
/// From this version on the group becomes part of the transaction by this (KIP-890).
const ADDS_FROM_VERSION: i16 = 5;
/// Older clients know no COORDINATOR_LOAD_IN_PROGRESS.
const LOADING_FROM_VERSION: i16 = 2;

impl Serve for TxnOffsetCommitRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        let mut partitions = self.topics.iter().flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|partition| (&topic.name, partition.partition_index))
        });
        address.is_whole_request() || partitions.any(|(topic, index)| address.covers(topic, index))
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<TxnOffsetCommitResponse> {
        let checked = check(state, call, &self).map_err(|error| match error {
            ErrorCode::COORDINATOR_LOAD_IN_PROGRESS if call.version < LOADING_FROM_VERSION => {
                ErrorCode::COORDINATOR_NOT_AVAILABLE
            }
            other => other,
        });
        let topics = self.topics.into_iter().map(|topic| {
            let results = topic.partitions.iter().map(|partition| {
                let index = partition.partition_index;
                let committed = || {
                    Committed::new(
                        partition.committed_offset,
                        partition.committed_leader_epoch,
                        partition.committed_metadata.as_deref(),
                    )
                };
                let outcome = call
                    .faults
                    .error_at(&topic.name, index)
                    .map_or(checked, Err)
                    .and_then(|()| state.place_of(&topic.name, index))
                    .and_then(|place| Ok((place, committed()?)));
                let error_code = match outcome {
                    Ok((place, committed)) => {
                        let group = state.group_mut(&self.group_id);
                        group.commit_later(self.producer_id, place, committed);
                        ErrorCode::NONE
                    }
                    Err(error) => error,
                };
                TxnOffsetCommitResponsePartition {
                    partition_index: index,
                    error_code,
                    ..Default::default()
                }
            });
            let partitions = results.collect();
            TxnOffsetCommitResponseTopic {
                name: topic.name,
                partitions,
                ..Default::default()
            }
        });
        let topics = topics.collect();
        Served::Answer(TxnOffsetCommitResponse {
            throttle_time_ms: call.faults.throttle(),
            topics,
            ..Default::default()
        })
    }
}

/// Whether the request as a whole can be served; if so, its group is in the transaction.
fn check(
    state: &mut State,
    call: &Call,
    request: &TxnOffsetCommitRequest,
) -> Result<(), ErrorCode> {
    // What a fault refuses as a whole must not begin a transaction either.
    if let Some(error) = call.faults.error_for_request() {
        return Err(error);
    }
    let group = request.group_id.as_str();
    state.check_coordinator(CoordinatorType::Group, group, call.node, call.now)?;
    let client = match call.version {
        ..ABORTABLE_FROM_VERSION => Client::Old,
        ABORTABLE_FROM_VERSION..ADDS_FROM_VERSION => Client::KnowsAbortable,
        ADDS_FROM_VERSION.. => Client::SecondGeneration,
    };
    let holder = (request.producer_id, request.producer_epoch);
    let participant = Participant::group(group);
    let id = request.transactional_id.as_str();
    let verified = state.verify_in_transaction(id, holder, participant, client, call.now);
    verified.map_err(|error| match error {
        ErrorCode::NOT_ENOUGH_REPLICAS => ErrorCode::COORDINATOR_NOT_AVAILABLE,
        other => other,
    })?;
    state.check_member(group, request.generation_id, ErrorCode::ILLEGAL_GENERATION)
}
