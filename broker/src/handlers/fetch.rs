//! Fetch: records from the logs, zero-copy, at once or when enough of them are there.
//!
//! Every fetch is a full one: session requests are answered with session id 0, which tells the client that it got none.

use milena_codec::CompressionType;
use milena_protocol::fetch::{
    AbortedTransaction, FetchPartition, FetchRequest, FetchResponse, FetchableTopicResponse,
    LeaderIdAndEpoch, NodeEndpoint, PartitionData,
};
use milena_protocol::{ErrorCode, Records, Str};

use crate::fault::Address;
use crate::handlers::{READ_COMMITTED, Serve, Served, check_leader};
use crate::log::Log;
use crate::reply::{Reply, Waiting};
use crate::state::{Call, State};

/// From this version on topics are asked for by id.
const BY_ID_FROM_VERSION: i16 = 13;
/// From this version on an answer says who leads instead, and later where that is (KIP-951).
const LEADER_HINT_FROM_VERSION: i16 = 12;
const ENDPOINTS_FROM_VERSION: i16 = 16;
/// Fetch versions below this know no zstd (KIP-110).
const ZSTD_FROM_VERSION: i16 = 10;

/// A fetch that waits.
#[derive(Debug)]
pub(crate) struct Parked {
    pub(crate) request: FetchRequest,
    pub(crate) call: Call,
    pub(crate) deadline: i64,
}

impl Serve for FetchRequest {
    fn touches(&self, state: &State, address: &Address) -> bool {
        address.is_whole_request()
            || self.topics.iter().any(|topic| {
                let name = if topic.topic_id.is_zero() {
                    Some(&topic.topic)
                } else {
                    state.names.get(&topic.topic_id)
                };
                let mut partitions = topic.partitions.iter();
                name.is_some_and(|name| {
                    partitions.any(|partition| address.covers(name, partition.partition))
                })
            })
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<FetchResponse> {
        if self.session_id != 0 && self.session_epoch > 0 {
            return Served::Answer(FetchResponse {
                throttle_time_ms: call.faults.throttle(),
                error_code: ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
                ..Default::default()
            });
        }
        let read = read(state, &self, call);
        if read.is_enough || self.max_wait_ms <= 0 {
            return Served::Answer(read.response);
        }
        let deadline = call.now.saturating_add(i64::from(self.max_wait_ms));
        Served::Park(self, deadline)
    }
}

/// Tries a waiting fetch again.
pub(crate) fn resume(state: &mut State, parked: Box<Parked>) -> Reply {
    let read = read(state, &parked.request, &parked.call);
    if read.is_enough || parked.call.now >= parked.deadline {
        state.answer(&read.response, parked.call)
    } else {
        Reply::Wait(Waiting(parked))
    }
}

struct Read {
    response: FetchResponse,
    /// There are as many bytes as were asked for, or an error that should not wait.
    is_enough: bool,
}

fn read(state: &State, request: &FetchRequest, call: &Call) -> Read {
    let mut budget = Budget {
        left: size(request.max_bytes),
        taken: 0,
    };
    let mut failed = false;
    let mut leaders = Vec::new();
    let topics = request.topics.iter().map(|wanted| {
        let (name, unknown) = if call.version >= BY_ID_FROM_VERSION {
            (
                state.names.get(&wanted.topic_id),
                ErrorCode::UNKNOWN_TOPIC_ID,
            )
        } else {
            (Some(&wanted.topic), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
        };
        let partitions = wanted.partitions.iter().map(|partition| {
            let data = match name {
                Some(name) => {
                    let isolation = request.isolation_level;
                    read_partition(state, call, name, partition, isolation, &mut budget)
                }
                None => Err(Unread::new(unknown)),
            };
            let data = data.unwrap_or_else(|unread| {
                failed = true;
                unread.into_data(call, &mut leaders)
            });
            PartitionData {
                partition_index: partition.partition,
                ..data
            }
        });
        let partitions = partitions.collect();
        FetchableTopicResponse {
            topic: wanted.topic.clone(),
            topic_id: wanted.topic_id,
            partitions,
            ..Default::default()
        }
    });
    let responses = topics.collect();
    let response = FetchResponse {
        throttle_time_ms: call.faults.throttle(),
        responses,
        node_endpoints: match call.version >= ENDPOINTS_FROM_VERSION {
            true => endpoints(state, &leaders),
            false => Vec::new(),
        },
        ..Default::default()
    };
    Read {
        response,
        is_enough: failed || budget.taken >= size(request.min_bytes) || request.topics.is_empty(),
    }
}

/// How many bytes the answer may still take.
struct Budget {
    left: usize,
    taken: usize,
}

/// Why a partition was not read.
struct Unread {
    code: ErrorCode,
    leader: Option<(i32, i32)>,
    log: Option<(i64, i64)>,
}

impl Unread {
    fn new(code: ErrorCode) -> Self {
        Self {
            code,
            leader: None,
            log: None,
        }
    }

    fn into_data(self, call: &Call, leaders: &mut Vec<i32>) -> PartitionData {
        let (log_start_offset, high_watermark) = self.log.unwrap_or((-1, -1));
        let current_leader = match self.leader {
            Some((leader_id, leader_epoch)) if call.version >= LEADER_HINT_FROM_VERSION => {
                leaders.push(leader_id);
                LeaderIdAndEpoch {
                    leader_id,
                    leader_epoch,
                    ..Default::default()
                }
            }
            _ => LeaderIdAndEpoch::default(),
        };
        PartitionData {
            error_code: self.code,
            high_watermark,
            log_start_offset,
            current_leader,
            records: Some(Records::default()),
            ..Default::default()
        }
    }
}

fn read_partition(
    state: &State,
    call: &Call,
    topic: &Str,
    wanted: &FetchPartition,
    isolation_level: i8,
    budget: &mut Budget,
) -> Result<PartitionData, Unread> {
    if let Some(error) = call.faults.error_at(topic, wanted.partition) {
        return Err(Unread::new(error));
    }
    let partition = state
        .topics
        .get(topic)
        .and_then(|topic| topic.partition(wanted.partition));
    let partition = partition.ok_or(Unread::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION))?;
    check_leader(partition, call.node, wanted.current_leader_epoch).map_err(|code| Unread {
        leader: partition
            .leader
            .map(|leader| (leader, partition.leader_epoch)),
        ..Unread::new(code)
    })?;
    let log = &partition.log;
    if !(log.start()..=log.end()).contains(&wanted.fetch_offset) {
        let log = Some((log.start(), log.end()));
        return Err(Unread {
            log,
            ..Unread::new(ErrorCode::OFFSET_OUT_OF_RANGE)
        });
    }
    let until = match isolation_level {
        READ_COMMITTED => log.last_stable(),
        _ => log.end(),
    };
    let (records, next) = read_log(log, until, call.version, wanted, budget)?;
    let aborted = || {
        let overlapping = log.aborted(wanted.fetch_offset, next);
        let told = overlapping.map(|aborted| AbortedTransaction {
            producer_id: aborted.producer_id,
            first_offset: aborted.first_offset,
            ..Default::default()
        });
        told.collect()
    };
    Ok(PartitionData {
        high_watermark: log.end(),
        last_stable_offset: log.last_stable(),
        log_start_offset: log.start(),
        aborted_transactions: (isolation_level == READ_COMMITTED).then(aborted),
        records: Some(records),
        ..Default::default()
    })
}

/// Whole batches before `until` and within the limits, and the offset behind them; the very first of an answer comes
/// whatever its size, so that a reader never stands still (KIP-74).
fn read_log(
    log: &Log,
    until: i64,
    version: i16,
    wanted: &FetchPartition,
    budget: &mut Budget,
) -> Result<(Records, i64), Unread> {
    let mut next = wanted.fetch_offset;
    let mut segments = Vec::new();
    let mut room = size(wanted.partition_max_bytes);
    for batch in log.from(wanted.fetch_offset) {
        let size = batch.len();
        if batch.last_offset >= until {
            break;
        }
        if (size > room || size > budget.left) && budget.taken > 0 {
            break;
        }
        if batch.codec == CompressionType::Zstd && version < ZSTD_FROM_VERSION {
            return Err(Unread::new(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE));
        }
        segments.push(batch.header.clone());
        segments.push(batch.records.clone());
        next = batch.last_offset + 1;
        budget.taken += size;
        budget.left = budget.left.saturating_sub(size);
        room = room.saturating_sub(size);
    }
    Ok((Records::from_segments(segments), next))
}

fn endpoints(state: &State, leaders: &[i32]) -> Vec<NodeEndpoint> {
    let nodes = state
        .nodes
        .iter()
        .filter(|node| leaders.contains(&node.endpoint.node));
    nodes
        .map(|node| NodeEndpoint {
            node_id: node.endpoint.node,
            host: node.endpoint.host.clone(),
            port: node.endpoint.port,
            rack: node.endpoint.rack.clone(),
            ..Default::default()
        })
        .collect()
}

/// A size from the wire; a negative one counts as 0.
fn size(bytes: i32) -> usize {
    usize::try_from(bytes).unwrap_or(0)
}

#[cfg(test)]
mod tests;
