//! ListOffsets: where a log starts, where it ends, and where a time is in it.

use milena_codec::{BatchHeader, Decompressor, TimestampType};
use milena_protocol::ErrorCode;
use milena_protocol::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsRequest, ListOffsetsResponse,
    ListOffsetsTopicResponse,
};

use crate::fault::Address;
use crate::handlers::{READ_COMMITTED, Serve, Served, check_leader};
use crate::log::{Log, Stored};
use crate::records;
use crate::state::{Call, State};

/// From this version on an answer tells the leader epoch.
const EPOCH_FROM_VERSION: i16 = 4;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

impl Serve for ListOffsetsRequest {
    fn touches(&self, _: &State, address: &Address) -> bool {
        let mut partitions = self.topics.iter().flat_map(|topic| {
            topic
                .partitions
                .iter()
                .map(|partition| (&topic.name, partition.partition_index))
        });
        address.is_whole_request()
            || partitions.any(|(topic, partition)| address.covers(topic, partition))
    }

    fn serve(self, state: &mut State, call: &mut Call) -> Served<ListOffsetsResponse> {
        let topics = self.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|wanted| {
                let index = wanted.partition_index;
                match list(state, call, &topic.name, wanted, self.isolation_level) {
                    Ok(found) => ListOffsetsPartitionResponse {
                        partition_index: index,
                        timestamp: found.timestamp,
                        offset: found.offset,
                        leader_epoch: match call.version >= EPOCH_FROM_VERSION {
                            true => found.leader_epoch,
                            false => -1,
                        },
                        ..Default::default()
                    },
                    Err(error_code) => ListOffsetsPartitionResponse {
                        partition_index: index,
                        error_code,
                        timestamp: -1,
                        offset: -1,
                        ..Default::default()
                    },
                }
            });
            let partitions = partitions.collect();
            ListOffsetsTopicResponse {
                name: topic.name,
                partitions,
                ..Default::default()
            }
        });
        let topics = topics.collect();
        Served::Answer(ListOffsetsResponse {
            throttle_time_ms: call.faults.throttle(),
            topics,
            ..Default::default()
        })
    }
}

/// An offset that was looked for; all -1 when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Located {
    timestamp: i64,
    offset: i64,
    leader_epoch: i32,
}

const NOWHERE: Located = Located {
    timestamp: -1,
    offset: -1,
    leader_epoch: -1,
};

fn list(
    state: &mut State,
    call: &Call,
    topic: &str,
    wanted: &ListOffsetsPartition,
    isolation_level: i8,
) -> Result<Located, ErrorCode> {
    if let Some(error) = call.faults.error_at(topic, wanted.partition_index) {
        return Err(error);
    }
    let State {
        topics,
        decompressor,
        ..
    } = state;
    let partition = topics
        .get(topic)
        .and_then(|topic| topic.partition(wanted.partition_index));
    let partition = partition.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?;
    check_leader(partition, call.node, wanted.current_leader_epoch)?;
    let log = &partition.log;
    let at = |offset| Located {
        timestamp: -1,
        offset,
        leader_epoch: partition.leader_epoch,
    };
    let from_version = match wanted.timestamp {
        MAX_TIMESTAMP => 7,
        EARLIEST_LOCAL => 8,
        LATEST_TIERED => 9,
        EARLIEST_PENDING_UPLOAD => 11,
        _ => 0,
    };
    if call.version < from_version {
        return Err(ErrorCode::UNSUPPORTED_VERSION);
    }
    let until = match isolation_level {
        READ_COMMITTED => log.last_stable(),
        _ => log.end(),
    };
    let readable = |found: Located| match found.offset < until {
        true => found,
        false => NOWHERE,
    };
    match wanted.timestamp {
        LATEST => Ok(at(until)),
        EARLIEST | EARLIEST_LOCAL => Ok(at(log.start())),
        // Nothing is ever tiered here.
        LATEST_TIERED => Ok(NOWHERE),
        EARLIEST_PENDING_UPLOAD => Ok(NOWHERE),
        MAX_TIMESTAMP => Ok(readable(newest(log, decompressor))),
        timestamp if timestamp >= 0 => Ok(readable(first_since(log, timestamp, decompressor))),
        _ => Err(ErrorCode::INVALID_REQUEST),
    }
}

/// The first record that is as new as `timestamp`.
fn first_since(log: &Log, timestamp: i64, decompressor: &mut Decompressor) -> Located {
    let batches = log
        .batches()
        .filter(|batch| batch.max_timestamp >= timestamp);
    batches
        .into_iter()
        .find_map(|batch| within(batch, timestamp, decompressor))
        .unwrap_or(NOWHERE)
}

/// The first of the records that no record is newer than.
fn newest(log: &Log, decompressor: &mut Decompressor) -> Located {
    // `max_by_key` takes the last of equals; from the back that is the first.
    let batch = log.batches().rev().max_by_key(|batch| batch.max_timestamp);
    batch
        .and_then(|batch| within(batch, batch.max_timestamp, decompressor))
        .unwrap_or(NOWHERE)
}

fn within(batch: &Stored, timestamp: i64, decompressor: &mut Decompressor) -> Option<Located> {
    let header = BatchHeader::parse(&batch.header)?;
    let located = |timestamp, offset| Located {
        timestamp,
        offset,
        leader_epoch: batch.leader_epoch,
    };
    if header.attributes.timestamp_type() == TimestampType::LogAppendTime {
        return Some(located(batch.max_timestamp, batch.base_offset));
    }
    // What is in a log was decompressed and walked when it came.
    let plain = decompressor.decompress(batch.codec, &batch.records).ok()?;
    let mut found = None;
    records::walk(&plain, header.records_count, |record| {
        let dated = header.base_timestamp.wrapping_add(record.timestamp_delta);
        if found.is_none() && dated >= timestamp {
            found = Some(located(
                dated,
                batch.base_offset + i64::from(record.offset_delta),
            ));
        }
        Ok(())
    })
    .ok()?;
    found
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use milena_codec::{Compression, Compressor, RecordRef, Stamp};
    use milena_protocol::list_offsets::ListOffsetsTopic;
    use milena_protocol::{Request, Str};

    use super::*;
    use crate::testing::*;

    /// Batches of records dated like this.
    const DATES: [&[i64]; 3] = [
        &[NOW - 50, NOW - 70, NOW - 40],
        &[NOW - 90, NOW - 20],
        &[NOW - 20, NOW - 30],
    ];

    fn filled(compression: Compression) -> State {
        let mut state = cluster();
        for dates in DATES {
            let record = |timestamp: &i64| RecordRef {
                timestamp: *timestamp,
                value: Some(PADDING.into()),
                ..Default::default()
            };
            let mut batch = sealed(&dates.iter().map(record).collect::<Vec<_>>());
            batch
                .compress(&mut Compressor::new(compression).unwrap())
                .unwrap();
            let batch: Bytes = batch.encode(Stamp::NONE).concat().into();
            assert_eq!(produce(&mut state, 0, batch).error_code, ErrorCode::NONE);
        }
        state
    }

    const PADDING: &[u8; 200] = &[b'x'; 200];

    fn request(timestamp: i64) -> ListOffsetsRequest {
        let partition = ListOffsetsPartition {
            timestamp,
            ..Default::default()
        };
        let topic = ListOffsetsTopic {
            name: Str::from("orders"),
            partitions: vec![partition],
            ..Default::default()
        };
        ListOffsetsRequest {
            replica_id: -1,
            topics: vec![topic],
            ..Default::default()
        }
    }

    fn list(state: &mut State, version: i16, timestamp: i64) -> (ErrorCode, i64, i64) {
        let response = ask(state, 1, version, &request(timestamp));
        let found = &response.topics[0].partitions[0];
        (found.error_code, found.offset, found.timestamp)
    }

    #[test]
    fn every_version_knows_both_ends() {
        for version in 1..=ListOffsetsRequest::LATEST_STABLE {
            let mut state = filled(Compression::NONE);
            assert_eq!(list(&mut state, version, LATEST), (ErrorCode::NONE, 7, -1));
            assert_eq!(
                list(&mut state, version, EARLIEST),
                (ErrorCode::NONE, 0, -1)
            );
        }
    }

    #[test]
    fn times_are_found_by_record_compressed_or_not() {
        for compression in [Compression::NONE, Compression::ZSTD] {
            let mut state = filled(compression);
            for (timestamp, offset, dated) in [
                (0, 0, NOW - 50),
                (NOW - 45, 2, NOW - 40),
                (NOW - 39, 4, NOW - 20),
                (NOW - 20, 4, NOW - 20),
                (NOW - 19, -1, -1),
            ] {
                assert_eq!(
                    list(&mut state, 5, timestamp),
                    (ErrorCode::NONE, offset, dated),
                    "{timestamp}"
                );
            }
            assert_eq!(
                list(&mut state, 7, MAX_TIMESTAMP),
                (ErrorCode::NONE, 4, NOW - 20)
            );
        }
    }

    #[test]
    fn later_questions_need_later_versions() {
        let mut state = filled(Compression::NONE);
        for (timestamp, version, offset) in [
            (MAX_TIMESTAMP, 7, 4),
            (EARLIEST_LOCAL, 8, 0),
            (LATEST_TIERED, 9, -1),
            (EARLIEST_PENDING_UPLOAD, 11, -1),
        ] {
            assert_eq!(
                list(&mut state, version - 1, timestamp).0,
                ErrorCode::UNSUPPORTED_VERSION
            );
            let (code, found, _) = list(&mut state, version, timestamp);
            assert_eq!((code, found), (ErrorCode::NONE, offset));
        }
        assert_eq!(list(&mut state, 11, -7).0, ErrorCode::INVALID_REQUEST);
        assert_eq!(
            list(&mut cluster(), 7, MAX_TIMESTAMP),
            (ErrorCode::NONE, -1, -1)
        );
    }

    #[test]
    fn leader_and_epoch_are_checked() {
        let mut state = filled(Compression::NONE);
        state.move_leader("orders", 0, 2).unwrap();
        assert_eq!(
            list(&mut state, 4, LATEST).0,
            ErrorCode::NOT_LEADER_OR_FOLLOWER
        );
        for (epoch, code) in [
            (0, ErrorCode::FENCED_LEADER_EPOCH),
            (1, ErrorCode::NONE),
            (2, ErrorCode::UNKNOWN_LEADER_EPOCH),
        ] {
            let mut request = request(LATEST);
            request.topics[0].partitions[0].current_leader_epoch = epoch;
            assert_eq!(
                ask(&mut state, 2, 4, &request).topics[0].partitions[0].error_code,
                code
            );
        }
    }
}
