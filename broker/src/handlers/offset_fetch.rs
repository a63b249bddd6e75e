//! OffsetFetch: up to where groups have read.

use std::collections::BTreeMap;

use milena_protocol::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use milena_protocol::{ErrorCode, Str};

use crate::coordinators::CoordinatorType;
use crate::fault::Address;
use crate::groups::Place;
use crate::handlers::{Serve, Served};
use crate::state::{Call, State};

/// From this version on a request is about several groups.
const SEVERAL_FROM_VERSION: i16 = 8;
/// From this version on an answer has one error for all.
const ERROR_FROM_VERSION: i16 = 2;

impl Serve for OffsetFetchRequest {
    fn touches(&self, state: &State, address: &Address) -> bool {
        address.is_whole_request()
            || groups(self).iter().any(|group| {
                wanted(state, group).iter().any(|topic| {
                    let mut partitions = topic.partition_indexes.iter();
                    name(state, topic)
                        .is_some_and(|name| partitions.any(|index| address.covers(name, *index)))
                })
            })
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<OffsetFetchResponse> {
        let throttle_time_ms = call.faults.throttle();
        let groups = groups(&self);
        let told = groups
            .iter()
            .map(|group| tell(state, call, group, self.require_stable));
        let mut told = told.collect::<Vec<_>>();
        if call.version >= SEVERAL_FROM_VERSION {
            return Served::Answer(OffsetFetchResponse {
                throttle_time_ms,
                groups: told,
                ..Default::default()
            });
        }
        let told = told.pop().unwrap_or_default();
        Served::Answer(OffsetFetchResponse {
            throttle_time_ms,
            error_code: told.error_code,
            topics: told.topics.into_iter().map(as_before).collect(),
            ..Default::default()
        })
    }
}

/// The groups of a request of any version.
fn groups(request: &OffsetFetchRequest) -> Vec<OffsetFetchRequestGroup> {
    if !request.groups.is_empty() {
        return request.groups.clone();
    }
    let topics = request.topics.as_ref().map(|topics| {
        let topics = topics.iter().map(|topic| OffsetFetchRequestTopics {
            name: topic.name.clone(),
            partition_indexes: topic.partition_indexes.clone(),
            ..Default::default()
        });
        topics.collect()
    });
    vec![OffsetFetchRequestGroup {
        group_id: request.group_id.clone(),
        topics,
        ..Default::default()
    }]
}

/// A topic of an answer before groups came.
fn as_before(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let partitions = topic
        .partitions
        .into_iter()
        .map(|partition| OffsetFetchResponsePartition {
            partition_index: partition.partition_index,
            committed_offset: partition.committed_offset,
            committed_leader_epoch: partition.committed_leader_epoch,
            metadata: partition.metadata,
            error_code: partition.error_code,
            ..Default::default()
        });
    OffsetFetchResponseTopic {
        name: topic.name,
        partitions: partitions.collect(),
        ..Default::default()
    }
}

/// What a group is asked for: what the request names, or else everything that is committed.
fn wanted(state: &State, group: &OffsetFetchRequestGroup) -> Vec<OffsetFetchRequestTopics> {
    if let Some(topics) = &group.topics {
        return topics.clone();
    }
    let mut by_topic = BTreeMap::<&Str, Vec<i32>>::new();
    let known = state.groups.get(&group.group_id);
    for (name, index) in known.into_iter().flat_map(|group| group.places()) {
        by_topic.entry(name).or_default().push(*index);
    }
    let topics = by_topic
        .into_iter()
        .map(|(name, partition_indexes)| OffsetFetchRequestTopics {
            name: name.clone(),
            topic_id: state.topic_id(name).unwrap_or_default(),
            partition_indexes,
            ..Default::default()
        });
    topics.collect()
}

/// The topic, by name or by id.
fn name<'a>(state: &'a State, topic: &'a OffsetFetchRequestTopics) -> Option<&'a Str> {
    match topic.topic_id.is_zero() {
        true => Some(&topic.name),
        false => state.names.get(&topic.topic_id),
    }
}

fn tell(
    state: &State,
    call: &Call,
    group: &OffsetFetchRequestGroup,
    require_stable: bool,
) -> OffsetFetchResponseGroup {
    let id = &group.group_id;
    let checked = match call.faults.error_for_request() {
        Some(error) => Err(error),
        None => state.check_coordinator(CoordinatorType::Group, id, call.node, call.now),
    };
    let error_code = checked.err().unwrap_or(ErrorCode::NONE);
    if error_code.is_err() && call.version >= ERROR_FROM_VERSION {
        return OffsetFetchResponseGroup {
            group_id: id.clone(),
            error_code,
            ..Default::default()
        };
    }
    let topics = wanted(state, group).into_iter().map(|topic| {
        let place = |index| name(state, &topic).map(|name| (name.clone(), index));
        let partitions = topic.partition_indexes.iter().map(|&index| {
            let place = place(index).ok_or(ErrorCode::UNKNOWN_TOPIC_ID);
            let found = checked
                .and(place)
                .and_then(|place| committed(state, call, id, &place, require_stable));
            match found {
                Ok(found) => OffsetFetchResponsePartitions {
                    partition_index: index,
                    ..found
                },
                Err(error_code) => OffsetFetchResponsePartitions {
                    partition_index: index,
                    error_code,
                    ..nothing()
                },
            }
        });
        OffsetFetchResponseTopics {
            partitions: partitions.collect(),
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            ..Default::default()
        }
    });
    OffsetFetchResponseGroup {
        group_id: id.clone(),
        topics: topics.collect(),
        ..Default::default()
    }
}

fn committed(
    state: &State,
    call: &Call,
    group: &str,
    place: &Place,
    require_stable: bool,
) -> Result<OffsetFetchResponsePartitions, ErrorCode> {
    if let Some(error) = call.faults.error_at(&place.0, place.1) {
        return Err(error);
    }
    let Some(group) = state.groups.get(group) else {
        return Ok(nothing());
    };
    if require_stable && group.is_unstable(place) {
        return Err(ErrorCode::UNSTABLE_OFFSET_COMMIT);
    }
    let found = group
        .committed(place)
        .map(|committed| OffsetFetchResponsePartitions {
            committed_offset: committed.offset,
            committed_leader_epoch: committed.leader_epoch,
            metadata: Some(committed.metadata.clone()),
            ..Default::default()
        });
    Ok(found.unwrap_or_else(nothing))
}

fn nothing() -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(Str::default()),
        ..Default::default()
    }
}
