//! The messages: what a large cluster, a busy producer and a consumer that catches up would see.

use bytes::{Bytes, BytesMut};
use milena_codec::{BatchBuilder, Batches, Decompressor, Record, RecordRef, Stamp};
use milena_protocol::{ErrorCode, Message, Records, Str, Uuid};
use milena_protocol::{fetch, fetch::FetchResponse};
use milena_protocol::{metadata, metadata::MetadataResponse};
use milena_protocol::{produce, produce::ProduceRequest, produce::ProduceResponse};

use crate::Failure;

pub(super) const METADATA: i16 = 13;
pub(super) const PRODUCE: i16 = 13;
pub(super) const FETCH: i16 = 18;

const VALUE: [u8; 100] = [b'v'; 100];

pub(super) struct Samples {
    pub(super) metadata: MetadataResponse,
    pub(super) produce: ProduceRequest,
    pub(super) produced: ProduceResponse,
    pub(super) fetch: FetchResponse,
}

impl Samples {
    pub(super) fn make() -> Result<Self, Failure> {
        Ok(Self {
            metadata: metadata_response(),
            produce: produce_request()?,
            produced: produce_response(),
            fetch: fetch_response()?,
        })
    }
}

/// 1,000 topics of 10 partitions, three replicas each, on six brokers.
fn metadata_response() -> MetadataResponse {
    let broker = |node_id| metadata::MetadataResponseBroker {
        node_id,
        host: format!("broker-{node_id}.kafka.example.com").into(),
        port: 9092,
        rack: Some(format!("zone-{}", node_id % 3).into()),
        ..Default::default()
    };
    let topic = |n: i32| metadata::MetadataResponseTopic {
        name: Some(format!("company.department.topic-{n}").into()),
        topic_id: topic_id(n),
        partitions: (0..10).map(|index| metadata_partition(n, index)).collect(),
        topic_authorized_operations: 3,
        ..Default::default()
    };
    MetadataResponse {
        throttle_time_ms: 5,
        brokers: (1..=6).map(broker).collect(),
        cluster_id: Some(Str::from_static("5L6g3nShT-eMCtK--X86sw")),
        controller_id: 2,
        topics: (0..1_000).map(topic).collect(),
        ..Default::default()
    }
}

fn metadata_partition(topic: i32, index: i32) -> metadata::MetadataResponsePartition {
    let replicas: Vec<i32> = (0..3).map(|n| 1 + (topic + index + n) % 6).collect();
    metadata::MetadataResponsePartition {
        partition_index: index,
        leader_id: 1 + (topic + index) % 6,
        leader_epoch: topic % 7,
        isr_nodes: replicas.iter().rev().copied().collect(),
        replica_nodes: replicas,
        ..Default::default()
    }
}

/// 200 partitions, 20 of each of ten topics, with a batch of ten records each.
fn produce_request() -> Result<ProduceRequest, Failure> {
    let partition = |index| -> Result<_, Failure> {
        Ok(produce::PartitionProduceData {
            index,
            records: Some(Records::from_segments(batch(0, 10)?)),
            ..Default::default()
        })
    };
    let topic = |n| -> Result<_, Failure> {
        Ok(produce::TopicProduceData {
            topic_id: topic_id(n),
            partition_data: (0..20).map(partition).collect::<Result<_, _>>()?,
            ..Default::default()
        })
    };
    Ok(ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: (0..10).map(topic).collect::<Result<_, _>>()?,
        ..Default::default()
    })
}

/// What became of those batches: all stored but for one, whose leader has moved.
fn produce_response() -> ProduceResponse {
    let partition = |topic: i32, index: i32| produce::PartitionProduceResponse {
        index,
        base_offset: i64::from(topic) << 32 | i64::from(index),
        log_start_offset: 7,
        ..Default::default()
    };
    let topic = |n| produce::TopicProduceResponse {
        topic_id: topic_id(n),
        partition_responses: (0..20).map(|index| partition(n, index)).collect(),
        ..Default::default()
    };
    let mut response = ProduceResponse {
        responses: (0..10).map(topic).collect(),
        throttle_time_ms: 1,
        ..Default::default()
    };
    if let Some(moved) = response.responses[3].partition_responses.get_mut(7) {
        moved.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
        moved.error_message = Some(Str::from_static("the leader is another"));
        moved.current_leader.leader_id = 4;
        moved.current_leader.leader_epoch = 9;
        response.node_endpoints = vec![produce::NodeEndpoint {
            node_id: 4,
            host: Str::from_static("broker-4.kafka.example.com"),
            port: 9092,
            rack: Some(Str::from_static("zone-1")),
            ..Default::default()
        }];
    }
    response
}

/// 5,000 records in batches of a hundred, ten partitions of each of five topics.
fn fetch_response() -> Result<FetchResponse, Failure> {
    let partition = |index| -> Result<_, Failure> {
        let base_offset = 1_000 * i64::from(index);
        Ok(fetch::PartitionData {
            partition_index: index,
            high_watermark: base_offset + 100,
            last_stable_offset: base_offset + 99,
            log_start_offset: 1,
            aborted_transactions: (index % 2 == 0).then(Vec::new),
            records: Some(Bytes::from(batch(base_offset, 100)?.concat()).into()),
            ..Default::default()
        })
    };
    let topic = |n| -> Result<_, Failure> {
        Ok(fetch::FetchableTopicResponse {
            topic_id: topic_id(n),
            partitions: (0..10).map(partition).collect::<Result<_, _>>()?,
            ..Default::default()
        })
    };
    Ok(FetchResponse {
        throttle_time_ms: 1,
        session_id: 77,
        responses: (0..5).map(topic).collect::<Result<_, _>>()?,
        ..Default::default()
    })
}

fn topic_id(n: i32) -> Uuid {
    Uuid(
        (1 + u128::from(n.unsigned_abs()))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_be_bytes(),
    )
}

/// A batch as a broker stores it: header and records.
fn batch(base_offset: i64, records: i64) -> Result<Vec<Bytes>, Failure> {
    let mut batch = BatchBuilder::new(1 << 20);
    for n in 0..records {
        let key = format!("key-{n:06}");
        let record = RecordRef {
            timestamp: 1_700_000_000_000 + n,
            key: Some(key.as_str().into()),
            value: Some((&VALUE).into()),
            ..Default::default()
        };
        let cost = batch.cost(&record);
        if cost.chunk > 0 {
            batch.add_chunk(BytesMut::with_capacity(32 * 1024));
        }
        batch.append(cost)?;
    }
    let written = Bytes::from(batch.seal().encode(Stamp::NONE).concat());
    match Batches::exact(written).next() {
        Some(batch) => Ok(batch?.into_current()?.placed(base_offset, 3).into()),
        None => Err("no batch was written".into()),
    }
}

/// All records of a fetch response, by partition, as our crates read them.
pub(super) fn read_records(bytes: &Bytes) -> Result<Vec<Vec<Record>>, Failure> {
    let response = FetchResponse::decode(bytes, FETCH)?;
    let mut decompressor = Decompressor::default();
    let mut partitions = Vec::new();
    for topic in response.responses {
        for partition in topic.partitions {
            let mut records = Vec::new();
            for batch in Batches::new(partition.records.unwrap_or_default().into_bytes()) {
                let batch = batch?.records(&mut decompressor)?;
                records.reserve(batch.size_hint().1.unwrap_or(0));
                for record in batch {
                    records.push(record?);
                }
            }
            partitions.push(records);
        }
    }
    Ok(partitions)
}
