//! The `kafka-protocol` crate, used as its documentation does, and its structs as ours, to compare them.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    fetch_response, metadata_response, produce_request, produce_response,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use kafka_protocol::records::{Record, RecordBatchDecoder};
use milena_protocol::{ErrorCode, Records, Str, UnknownTags, Uuid};
use milena_protocol::{fetch, metadata, produce};

use super::samples;
use crate::Failure;

pub(super) trait Peer: Decodable + Encodable + 'static {
    fn read(bytes: &Bytes, version: i16) -> Result<Self, Failure> {
        let mut rest = bytes.clone();
        let message = Self::decode(&mut rest, version)?;
        if rest.is_empty() {
            Ok(message)
        } else {
            Err("bytes are left over".into())
        }
    }

    fn write(&self, version: i16) -> Result<Bytes, Failure> {
        let mut bytes = BytesMut::with_capacity(self.compute_size(version)?);
        self.encode(&mut bytes, version)?;
        Ok(bytes.freeze())
    }
}

impl<T: Decodable + Encodable + 'static> Peer for T {}

/// All records of a fetch response, by partition and batch.
pub(super) fn read_records(bytes: &Bytes) -> Result<Vec<Vec<Record>>, Failure> {
    let response = fetch_response::FetchResponse::read(bytes, samples::FETCH)?;
    let mut partitions = Vec::new();
    for topic in response.responses {
        for partition in topic.partitions {
            let mut records = Vec::new();
            let mut bytes = partition.records.unwrap_or_default();
            while !bytes.is_empty() {
                records.append(&mut RecordBatchDecoder::decode(&mut bytes)?.records);
            }
            partitions.push(records);
        }
    }
    Ok(partitions)
}

pub(super) fn convert_records(partitions: &[Vec<Record>]) -> Vec<Vec<milena_codec::Record>> {
    let convert = |record: &Record| milena_codec::Record {
        offset: record.offset,
        timestamp: record.timestamp,
        key: record.key.clone(),
        value: record.value.clone(),
        headers: milena_codec::Headers::default(),
    };
    let convert_all = |records: &Vec<Record>| records.iter().map(convert).collect();
    partitions.iter().map(convert_all).collect()
}

fn text(text: &StrBytes) -> Str {
    text.as_str().into()
}

fn nullable_text<T: std::ops::Deref<Target = StrBytes>>(text: &Option<T>) -> Option<Str> {
    text.as_ref().map(|text| text.as_str().into())
}

fn numbers<T: std::ops::Deref<Target = i32>>(numbers: &[T]) -> Vec<i32> {
    numbers.iter().map(|number| **number).collect()
}

/// There are no unknown tags in the samples, and none may be invented.
fn tags(unknown: &std::collections::BTreeMap<i32, Bytes>) -> UnknownTags {
    let mut tags = UnknownTags::default();
    for (tag, value) in unknown {
        tags.insert(tag.cast_unsigned(), value.clone());
    }
    tags
}

pub(super) fn metadata_response(
    message: &metadata_response::MetadataResponse,
) -> metadata::MetadataResponse {
    let partition = |partition: &metadata_response::MetadataResponsePartition| {
        metadata::MetadataResponsePartition {
            error_code: ErrorCode(partition.error_code),
            partition_index: partition.partition_index,
            leader_id: *partition.leader_id,
            leader_epoch: partition.leader_epoch,
            replica_nodes: numbers(&partition.replica_nodes),
            isr_nodes: numbers(&partition.isr_nodes),
            offline_replicas: numbers(&partition.offline_replicas),
            unknown_tags: tags(&partition.unknown_tagged_fields),
        }
    };
    let topic =
        |topic: &metadata_response::MetadataResponseTopic| metadata::MetadataResponseTopic {
            error_code: ErrorCode(topic.error_code),
            name: nullable_text(&topic.name),
            topic_id: Uuid(topic.topic_id.into_bytes()),
            is_internal: topic.is_internal,
            partitions: topic.partitions.iter().map(partition).collect(),
            topic_authorized_operations: topic.topic_authorized_operations,
            unknown_tags: tags(&topic.unknown_tagged_fields),
        };
    let broker =
        |broker: &metadata_response::MetadataResponseBroker| metadata::MetadataResponseBroker {
            node_id: *broker.node_id,
            host: text(&broker.host),
            port: broker.port,
            rack: broker.rack.as_ref().map(text),
            unknown_tags: tags(&broker.unknown_tagged_fields),
        };
    metadata::MetadataResponse {
        throttle_time_ms: message.throttle_time_ms,
        brokers: message.brokers.iter().map(broker).collect(),
        cluster_id: message.cluster_id.as_ref().map(text),
        controller_id: *message.controller_id,
        topics: message.topics.iter().map(topic).collect(),
        cluster_authorized_operations: message.cluster_authorized_operations,
        error_code: ErrorCode(message.error_code),
        unknown_tags: tags(&message.unknown_tagged_fields),
    }
}

pub(super) fn produce_request(
    message: &produce_request::ProduceRequest,
) -> produce::ProduceRequest {
    let partition =
        |partition: &produce_request::PartitionProduceData| produce::PartitionProduceData {
            index: partition.index,
            records: partition.records.clone().map(Records::from),
            unknown_tags: tags(&partition.unknown_tagged_fields),
        };
    let topic = |topic: &produce_request::TopicProduceData| produce::TopicProduceData {
        name: text(&topic.name),
        topic_id: Uuid(topic.topic_id.into_bytes()),
        partition_data: topic.partition_data.iter().map(partition).collect(),
        unknown_tags: tags(&topic.unknown_tagged_fields),
    };
    produce::ProduceRequest {
        transactional_id: nullable_text(&message.transactional_id),
        acks: message.acks,
        timeout_ms: message.timeout_ms,
        topic_data: message.topic_data.iter().map(topic).collect(),
        unknown_tags: tags(&message.unknown_tagged_fields),
    }
}

pub(super) fn produce_response(
    message: &produce_response::ProduceResponse,
) -> produce::ProduceResponse {
    let error =
        |error: &produce_response::BatchIndexAndErrorMessage| produce::BatchIndexAndErrorMessage {
            batch_index: error.batch_index,
            batch_index_error_message: error.batch_index_error_message.as_ref().map(text),
            unknown_tags: tags(&error.unknown_tagged_fields),
        };
    let partition = |partition: &produce_response::PartitionProduceResponse| {
        produce::PartitionProduceResponse {
            index: partition.index,
            error_code: ErrorCode(partition.error_code),
            base_offset: partition.base_offset,
            log_append_time_ms: partition.log_append_time_ms,
            log_start_offset: partition.log_start_offset,
            record_errors: partition.record_errors.iter().map(error).collect(),
            error_message: partition.error_message.as_ref().map(text),
            current_leader: produce::LeaderIdAndEpoch {
                leader_id: *partition.current_leader.leader_id,
                leader_epoch: partition.current_leader.leader_epoch,
                unknown_tags: tags(&partition.current_leader.unknown_tagged_fields),
            },
            unknown_tags: tags(&partition.unknown_tagged_fields),
        }
    };
    let topic = |topic: &produce_response::TopicProduceResponse| produce::TopicProduceResponse {
        name: text(&topic.name),
        topic_id: Uuid(topic.topic_id.into_bytes()),
        partition_responses: topic.partition_responses.iter().map(partition).collect(),
        unknown_tags: tags(&topic.unknown_tagged_fields),
    };
    let node = |node: &produce_response::NodeEndpoint| produce::NodeEndpoint {
        node_id: *node.node_id,
        host: text(&node.host),
        port: node.port,
        rack: node.rack.as_ref().map(text),
        unknown_tags: tags(&node.unknown_tagged_fields),
    };
    produce::ProduceResponse {
        responses: message.responses.iter().map(topic).collect(),
        throttle_time_ms: message.throttle_time_ms,
        node_endpoints: message.node_endpoints.iter().map(node).collect(),
        unknown_tags: tags(&message.unknown_tagged_fields),
    }
}

pub(super) fn fetch_response(message: &fetch_response::FetchResponse) -> fetch::FetchResponse {
    let aborted = |aborted: &fetch_response::AbortedTransaction| fetch::AbortedTransaction {
        producer_id: *aborted.producer_id,
        first_offset: aborted.first_offset,
        unknown_tags: tags(&aborted.unknown_tagged_fields),
    };
    let partition = |partition: &fetch_response::PartitionData| fetch::PartitionData {
        partition_index: partition.partition_index,
        error_code: ErrorCode(partition.error_code),
        high_watermark: partition.high_watermark,
        last_stable_offset: partition.last_stable_offset,
        log_start_offset: partition.log_start_offset,
        diverging_epoch: fetch::EpochEndOffset {
            epoch: partition.diverging_epoch.epoch,
            end_offset: partition.diverging_epoch.end_offset,
            unknown_tags: tags(&partition.diverging_epoch.unknown_tagged_fields),
        },
        current_leader: fetch::LeaderIdAndEpoch {
            leader_id: *partition.current_leader.leader_id,
            leader_epoch: partition.current_leader.leader_epoch,
            unknown_tags: tags(&partition.current_leader.unknown_tagged_fields),
        },
        snapshot_id: fetch::SnapshotId {
            end_offset: partition.snapshot_id.end_offset,
            epoch: partition.snapshot_id.epoch,
            unknown_tags: tags(&partition.snapshot_id.unknown_tagged_fields),
        },
        aborted_transactions: partition
            .aborted_transactions
            .as_ref()
            .map(|all| all.iter().map(aborted).collect()),
        preferred_read_replica: *partition.preferred_read_replica,
        records: partition.records.clone().map(Records::from),
        unknown_tags: tags(&partition.unknown_tagged_fields),
    };
    let topic = |topic: &fetch_response::FetchableTopicResponse| fetch::FetchableTopicResponse {
        topic: text(&topic.topic),
        topic_id: Uuid(topic.topic_id.into_bytes()),
        partitions: topic.partitions.iter().map(partition).collect(),
        unknown_tags: tags(&topic.unknown_tagged_fields),
    };
    let node = |node: &fetch_response::NodeEndpoint| fetch::NodeEndpoint {
        node_id: *node.node_id,
        host: text(&node.host),
        port: node.port,
        rack: node.rack.as_ref().map(text),
        unknown_tags: tags(&node.unknown_tagged_fields),
    };
    fetch::FetchResponse {
        throttle_time_ms: message.throttle_time_ms,
        error_code: ErrorCode(message.error_code),
        session_id: message.session_id,
        responses: message.responses.iter().map(topic).collect(),
        node_endpoints: message.node_endpoints.iter().map(node).collect(),
        unknown_tags: tags(&message.unknown_tagged_fields),
    }
}
