//! OffsetCommit: up to where a group has read.

use milena_protocol::ErrorCode;
use milena_protocol::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
    OffsetCommitResponse, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};

use crate::coordinators::CoordinatorType;
use crate::fault::Address;
use crate::groups::Committed;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};

/// From this version on a group that nobody knows has an error of its own.
const UNKNOWN_GROUP_FROM_VERSION: i16 = 9;

impl Serve for OffsetCommitRequest {
    fn touches(&self, state: &State, address: &Address) -> bool {
        address.is_whole_request()
            || self.topics.iter().any(|topic| {
                let mut partitions = topic.partitions.iter();
                name(state, topic).is_some_and(|name| {
                    partitions.any(|partition| address.covers(name, partition.partition_index))
                })
            })
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<OffsetCommitResponse> {
        let checked = check(state, call, &self);
        let topics = self.topics.into_iter().map(|topic| {
            let results = topic.partitions.iter().map(|partition| {
                let outcome =
                    checked.and_then(|()| commit(state, call, &self.group_id, &topic, partition));
                OffsetCommitResponsePartition {
                    partition_index: partition.partition_index,
                    error_code: outcome.err().unwrap_or(ErrorCode::NONE),
                    ..Default::default()
                }
            });
            let partitions = results.collect();
            OffsetCommitResponseTopic {
                name: topic.name,
                topic_id: topic.topic_id,
                partitions,
                ..Default::default()
            }
        });
        let topics = topics.collect();
        Served::Answer(OffsetCommitResponse {
            throttle_time_ms: call.faults.throttle(),
            topics,
            ..Default::default()
        })
    }
}

/// The topic, by name or by id.
fn name<'a>(state: &'a State, topic: &'a OffsetCommitRequestTopic) -> Option<&'a str> {
    match topic.topic_id.is_zero() {
        true => Some(topic.name.as_str()),
        false => state.names.get(&topic.topic_id).map(|name| name.as_str()),
    }
}

fn check(state: &State, call: &Call, request: &OffsetCommitRequest) -> Result<(), ErrorCode> {
    if let Some(error) = call.faults.error_for_request() {
        return Err(error);
    }
    let group = request.group_id.as_str();
    state.check_coordinator(CoordinatorType::Group, group, call.node, call.now)?;
    let unknown_group = match call.version {
        ..UNKNOWN_GROUP_FROM_VERSION => ErrorCode::ILLEGAL_GENERATION,
        UNKNOWN_GROUP_FROM_VERSION.. => ErrorCode::GROUP_ID_NOT_FOUND,
    };
    state.check_member(group, request.generation_id_or_member_epoch, unknown_group)
}

fn commit(
    state: &mut State,
    call: &Call,
    group: &str,
    topic: &OffsetCommitRequestTopic,
    partition: &OffsetCommitRequestPartition,
) -> Result<(), ErrorCode> {
    let index = partition.partition_index;
    let name = name(state, topic).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
    if let Some(error) = call.faults.error_at(name, index) {
        return Err(error);
    }
    let place = state.place_of(name, index)?;
    let committed = Committed::new(
        partition.committed_offset,
        partition.committed_leader_epoch,
        partition.committed_metadata.as_deref(),
    )?;
    state.group_mut(group).commit(place, committed);
    Ok(())
}
