//! Produce: batches into logs, each once.

mod transactional;

use bytes::Bytes;
use milena_codec::{Attributes, BatchHeader};
use milena_protocol::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, NodeEndpoint, PartitionProduceData,
    PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceResponse,
};
use milena_protocol::{ErrorCode, Str};

use crate::batch::{self, Admitted, Refused};
use crate::fault::Address;
use crate::handlers::{Acknowledgement, Serve, Served, check_leader};
use crate::log::{Membership, Stored};
use crate::producers::{Refusal, Verdict};
use crate::reply::CloseReason;
use crate::state::{Call, State};
use crate::topic_config::TimestampType;
use crate::transactions::Client;

/// From this version on topics are named by id.
const BY_ID_FROM_VERSION: i16 = 13;
/// From this version on an answer says who leads instead (KIP-951).
const LEADER_HINT_FROM_VERSION: i16 = 10;
/// Attribute bit 3 of a batch: the broker set its timestamps.
const LOG_APPEND_TIME: i16 = 1 << 3;

impl Serve for ProduceRequest {
    fn touches(&self, state: &State, address: &Address) -> bool {
        address.is_whole_request()
            || self.topic_data.iter().any(|topic| {
                let name = if topic.topic_id.is_zero() {
                    Some(&topic.name)
                } else {
                    state.names.get(&topic.topic_id)
                };
                let mut partitions = topic.partition_data.iter();
                name.is_some_and(|name| {
                    partitions.any(|partition| address.covers(name, partition.index))
                })
            })
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<ProduceResponse> {
        let rules = Rules {
            acks: self.acks,
            checked: transactional::check(&self),
            transactional_id: self.transactional_id,
        };
        let mut leaders = Vec::new();
        let mut failure = None;
        let topics = self.topic_data.into_iter().map(|topic| {
            let (name, unknown) = if call.version >= BY_ID_FROM_VERSION {
                (
                    state.names.get(&topic.topic_id).cloned(),
                    ErrorCode::UNKNOWN_TOPIC_ID,
                )
            } else {
                (
                    Some(topic.name.clone()),
                    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                )
            };
            let partitions = topic.partition_data.into_iter().map(|data| {
                let index = data.index;
                let outcome = match &name {
                    Some(name) => produce(state, call, name, data, &rules),
                    None => Err(Rejected::from(Refused::new(
                        unknown,
                        "there is no topic of this id",
                    ))),
                };
                if let Err(rejected) = &outcome {
                    failure = Some(rejected.refused.code);
                    leaders.extend(rejected.leader.map(|(leader, _)| leader));
                }
                describe(index, outcome, call.version)
            });
            let partition_responses = partitions.collect();
            TopicProduceResponse {
                name: topic.name,
                topic_id: topic.topic_id,
                partition_responses,
                ..Default::default()
            }
        });
        let responses = topics.collect();
        if self.acks == 0 {
            return match failure {
                Some(code) => Served::Close(CloseReason::UnansweredError(code)),
                None => Served::Silence,
            };
        }
        let node_endpoints = match call.version >= LEADER_HINT_FROM_VERSION {
            true => endpoints(state, &leaders),
            false => Vec::new(),
        };
        Served::Answer(ProduceResponse {
            responses,
            throttle_time_ms: call.faults.throttle(),
            node_endpoints,
            ..Default::default()
        })
    }
}

/// What a request asks for all its partitions.
struct Rules {
    acks: i16,
    transactional_id: Option<Str>,
    checked: Result<(), (ErrorCode, &'static str)>,
}

/// Where a batch is.
struct Placed {
    base_offset: i64,
    /// -1 if the client dated the records.
    append_time: i64,
    log_start: i64,
}

struct Rejected {
    refused: Refused,
    /// Where the batch was appended all the same.
    base_offset: i64,
    log_start: i64,
    /// Who leads instead, and its epoch.
    leader: Option<(i32, i32)>,
}

impl From<Refused> for Rejected {
    fn from(refused: Refused) -> Self {
        Self {
            refused,
            base_offset: -1,
            log_start: -1,
            leader: None,
        }
    }
}

impl From<(ErrorCode, &str)> for Rejected {
    fn from((code, message): (ErrorCode, &str)) -> Self {
        Refused::new(code, message).into()
    }
}

fn produce(
    state: &mut State,
    call: &mut Call,
    name: &Str,
    data: PartitionProduceData,
    rules: &Rules,
) -> Result<Placed, Rejected> {
    if let Some(error) = call.faults.error_at(name, data.index) {
        return Err((error, "an injected fault").into());
    }
    if !(-1..=1).contains(&rules.acks) {
        let message = format!("acks is {}; it can be -1, 0 or 1", rules.acks);
        return Err(Refused::new(ErrorCode::INVALID_REQUIRED_ACKS, message).into());
    }
    rules.checked?;
    let index = data.index;
    let acknowledgement = append(state, call, name, data, rules)?;
    let repeated = acknowledgement.repeated;
    let placed = acknowledgement.placed;
    call.acknowledges.push(Acknowledgement {
        topic: acknowledgement.topic,
        partition: index,
        base_offset: placed.base_offset,
        count: acknowledgement.count,
        crc: acknowledgement.crc,
        repeated,
    });
    match call.faults.error_after_applying_at(name, index) {
        Some(error) => {
            call.acknowledges.pop();
            let what = "an injected fault, after the batch was appended";
            Err(Rejected {
                base_offset: placed.base_offset,
                ..(error, what).into()
            })
        }
        None => Ok(placed),
    }
}

/// A batch that is in the log now.
struct Appended {
    topic: Str,
    placed: Placed,
    count: i32,
    crc: u32,
    repeated: bool,
}

fn append(
    state: &mut State,
    call: &Call,
    name: &Str,
    data: PartitionProduceData,
    rules: &Rules,
) -> Result<Appended, Rejected> {
    let up = |state: &State, replicas: &[i32]| {
        replicas.iter().filter(|node| state.is_up(**node)).count()
    };
    let unknown = Rejected::from((
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
        "there is no such topic or partition",
    ));
    let Some((topic, partition)) = state
        .topics
        .get(name)
        .and_then(|topic| Some((topic, topic.partition(data.index)?)))
    else {
        return Err(unknown);
    };
    check_leader(partition, call.node, -1).map_err(|code| Rejected {
        leader: partition
            .leader
            .map(|leader| (leader, partition.leader_epoch)),
        ..Rejected::from((code, "this node does not lead the partition"))
    })?;
    if rules.acks == -1 && up(state, &partition.replicas) < topic.config.min_insync_replicas {
        return Err((
            ErrorCode::NOT_ENOUGH_REPLICAS,
            "fewer replicas are up than min.insync.replicas",
        )
            .into());
    }
    if let Some(header) = transactional::header(&data) {
        transactional::verify(state, call, name, data.index, &header, rules)?;
    }
    let State {
        topics,
        decompressor,
        ..
    } = state;
    let Some(topic) = topics.get_mut(name) else {
        return Err(unknown);
    };
    let config = &topic.config;
    let admitted = batch::admit(data.records, call.version, config, call.now, decompressor)?;
    let is_transactional = admitted.header.attributes.is_transactional();
    let dated_here = config.timestamp_type == TimestampType::LogAppendTime;
    let topic_name = topic.name.clone();
    let Some(partition) = topic.partition_mut(data.index) else {
        return Err(unknown);
    };
    let log_start = partition.log.start();
    if let Some(stamp) = admitted.stamp {
        match partition.producers.judge(stamp) {
            // In the second generation a transaction begins at 0, so anything else has lost its beginning.
            Verdict::Append
                if is_transactional
                    && transactional::client(call) == Client::SecondGeneration
                    && stamp.first != 0
                    && !partition.producers.has_batches(stamp.producer_id) =>
            {
                let refusal = Refusal::OutOfOrder { expected: 0 };
                return Err(out_of_sequence(&admitted, refusal).into());
            }
            Verdict::Append if !is_transactional && partition.log.has_open(stamp.producer_id) => {
                return Err((
                    ErrorCode::INVALID_TXN_STATE,
                    "the producer has a transaction here, and the batch is in none",
                )
                    .into());
            }
            Verdict::Append => {}
            Verdict::Repeated(batch) => {
                return Ok(Appended {
                    topic: topic_name,
                    // Kafka dates a repetition so, whoever dates the records.
                    placed: Placed {
                        base_offset: batch.base_offset,
                        append_time: batch.timestamp,
                        log_start,
                    },
                    count: admitted.header.records_count,
                    crc: batch.crc,
                    repeated: true,
                });
            }
            Verdict::Refuse(refusal) => {
                return Err(Rejected {
                    log_start,
                    ..out_of_sequence(&admitted, refusal).into()
                });
            }
        }
    }
    let base_offset = partition.log.end();
    let append_time = if dated_here { call.now } else { -1 };
    let stored = complete(
        &admitted,
        base_offset,
        partition.leader_epoch,
        dated_here,
        call.now,
    );
    let (count, crc) = (admitted.header.records_count, stored.crc);
    if let Some(stamp) = admitted.stamp {
        partition
            .producers
            .remember(stamp, base_offset, stored.max_timestamp, crc);
    }
    state.store(name, data.index, stored);
    Ok(Appended {
        topic: topic_name,
        placed: Placed {
            base_offset,
            append_time,
            log_start,
        },
        count,
        crc,
        repeated: false,
    })
}

/// Fills in what the broker knows: offset and leader epoch, and the time if the topic asks for it.
fn complete(
    admitted: &Admitted,
    base_offset: i64,
    leader_epoch: i32,
    dated_here: bool,
    now: i64,
) -> Stored {
    let mut header = BatchHeader {
        base_offset,
        partition_leader_epoch: leader_epoch,
        ..admitted.header
    };
    let encoded = if dated_here {
        // These two lie inside the checksum.
        header.attributes = Attributes(header.attributes.0 | LOG_APPEND_TIME);
        header.max_timestamp = now;
        header.encode_with_crc([admitted.records.as_ref()])
    } else {
        header.encode()
    };
    let crc = BatchHeader::parse(&encoded).map_or(header.crc, |header| header.crc);
    Stored {
        base_offset,
        last_offset: base_offset + i64::from(header.last_offset_delta),
        leader_epoch,
        max_timestamp: header.max_timestamp,
        appended_at: now,
        codec: admitted.codec,
        crc,
        serial: 0,
        producer_id: header.producer_id,
        membership: match header.attributes.is_transactional() {
            true => Membership::Open,
            false => Membership::Outside,
        },
        header: Bytes::copy_from_slice(&encoded),
        records: admitted.records.clone(),
    }
}

fn out_of_sequence(admitted: &Admitted, refusal: Refusal) -> Refused {
    let BatchHeader {
        producer_id,
        producer_epoch,
        base_sequence,
        ..
    } = admitted.header;
    match refusal {
        Refusal::OldEpoch { current } => Refused::new(
            ErrorCode::INVALID_PRODUCER_EPOCH,
            format!(
                "producer {producer_id} has epoch {producer_epoch}, and {current} has written already"
            ),
        ),
        Refusal::OutOfOrder { expected } => Refused::new(
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
            format!(
                "producer {producer_id} epoch {producer_epoch} sends sequence {base_sequence}, and {expected} is next"
            ),
        ),
    }
}

fn describe(
    index: i32,
    outcome: Result<Placed, Rejected>,
    version: i16,
) -> PartitionProduceResponse {
    match outcome {
        Ok(placed) => PartitionProduceResponse {
            index,
            base_offset: placed.base_offset,
            log_append_time_ms: placed.append_time,
            log_start_offset: placed.log_start,
            ..Default::default()
        },
        Err(rejected) => {
            let record_errors = rejected.refused.records.into_iter().map(|(index, what)| {
                BatchIndexAndErrorMessage {
                    batch_index: index,
                    batch_index_error_message: Some(Str::from(what)),
                    ..Default::default()
                }
            });
            let current_leader = match rejected.leader {
                Some((leader_id, leader_epoch)) if version >= LEADER_HINT_FROM_VERSION => {
                    LeaderIdAndEpoch {
                        leader_id,
                        leader_epoch,
                        ..Default::default()
                    }
                }
                _ => LeaderIdAndEpoch::default(),
            };
            PartitionProduceResponse {
                index,
                error_code: rejected.refused.code,
                base_offset: rejected.base_offset,
                log_start_offset: rejected.log_start,
                record_errors: record_errors.collect(),
                error_message: Some(Str::from(rejected.refused.message)),
                current_leader,
                ..Default::default()
            }
        }
    }
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

#[cfg(test)]
mod tests;
