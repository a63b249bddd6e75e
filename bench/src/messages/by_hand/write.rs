//! Writing by hand: one pass into a vector that grows, with record sets linked in, as this project does it.

use bytes::Bytes;
use milena_protocol::metadata::MetadataResponse;
use milena_protocol::{ErrorCode, Records, Str, UnknownTags, Uuid};
use milena_protocol::{fetch, fetch::FetchResponse};
use milena_protocol::{produce, produce::ProduceRequest, produce::ProduceResponse};

#[derive(Default)]
struct Writer {
    bytes: Vec<u8>,
    links: Vec<(usize, Bytes)>,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn bool(&mut self, value: bool) {
        self.bytes.push(value.into());
    }

    fn i16(&mut self, value: i16) {
        self.put(&value.to_be_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.put(&value.to_be_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.put(&value.to_be_bytes());
    }

    fn error_code(&mut self, code: ErrorCode) {
        self.i16(code.0);
    }

    fn uuid(&mut self, id: Uuid) {
        self.put(&id.0);
    }

    fn varint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn length(&mut self, length: usize) {
        self.varint(length as u32 + 1);
    }

    fn text(&mut self, text: &Str) {
        self.length(text.len());
        self.put(text.as_bytes());
    }

    fn nullable_text(&mut self, text: &Option<Str>) {
        match text {
            Some(text) => self.text(text),
            None => self.varint(0),
        }
    }

    fn records(&mut self, records: &Option<Records>) {
        match records {
            Some(records) => {
                self.length(records.len());
                for segment in records.segments() {
                    self.links.push((self.bytes.len(), segment.clone()));
                }
            }
            None => self.varint(0),
        }
    }

    fn list<T>(&mut self, list: &[T], write: impl Fn(&mut Self, &T)) {
        self.length(list.len());
        for element in list {
            write(self, element);
        }
    }

    fn numbers(&mut self, numbers: &[i32]) {
        self.length(numbers.len());
        self.bytes.reserve(4 * numbers.len());
        for number in numbers {
            self.i32(*number);
        }
    }

    fn tags(&mut self, unknown: &UnknownTags) {
        self.varint(unknown.len() as u32);
        self.unknown(unknown);
    }

    fn unknown(&mut self, unknown: &UnknownTags) {
        for (tag, value) in unknown.iter() {
            self.varint(tag);
            self.varint(value.len() as u32);
            self.put(value);
        }
    }

    fn tagged(&mut self, tag: u32, value: &Self) {
        self.varint(tag);
        self.varint(value.bytes.len() as u32);
        self.put(&value.bytes);
    }

    fn finish(self) -> Vec<Bytes> {
        let mut own = Bytes::from(self.bytes);
        if self.links.is_empty() {
            return vec![own];
        }
        let mut segments = Vec::with_capacity(2 * self.links.len() + 1);
        let mut cut = 0;
        for (at, link) in self.links {
            if at > cut {
                segments.push(own.split_to(at - cut));
                cut = at;
            }
            segments.push(link);
        }
        segments.push(own);
        segments
    }
}

pub(crate) fn write_metadata_response(message: &MetadataResponse) -> Vec<Bytes> {
    let mut out = Writer::default();
    out.i32(message.throttle_time_ms);
    out.list(&message.brokers, |out, broker| {
        out.i32(broker.node_id);
        out.text(&broker.host);
        out.i32(broker.port);
        out.nullable_text(&broker.rack);
        out.tags(&broker.unknown_tags);
    });
    out.nullable_text(&message.cluster_id);
    out.i32(message.controller_id);
    out.list(&message.topics, |out, topic| {
        out.error_code(topic.error_code);
        out.nullable_text(&topic.name);
        out.uuid(topic.topic_id);
        out.bool(topic.is_internal);
        out.list(&topic.partitions, |out, partition| {
            out.error_code(partition.error_code);
            out.i32(partition.partition_index);
            out.i32(partition.leader_id);
            out.i32(partition.leader_epoch);
            out.numbers(&partition.replica_nodes);
            out.numbers(&partition.isr_nodes);
            out.numbers(&partition.offline_replicas);
            out.tags(&partition.unknown_tags);
        });
        out.i32(topic.topic_authorized_operations);
        out.tags(&topic.unknown_tags);
    });
    out.error_code(message.error_code);
    out.tags(&message.unknown_tags);
    out.finish()
}

pub(crate) fn write_produce_request(message: &ProduceRequest) -> Vec<Bytes> {
    let mut out = Writer::default();
    out.nullable_text(&message.transactional_id);
    out.i16(message.acks);
    out.i32(message.timeout_ms);
    out.list(&message.topic_data, |out, topic| {
        out.uuid(topic.topic_id);
        out.list(&topic.partition_data, |out, partition| {
            out.i32(partition.index);
            out.records(&partition.records);
            out.tags(&partition.unknown_tags);
        });
        out.tags(&topic.unknown_tags);
    });
    out.tags(&message.unknown_tags);
    out.finish()
}

pub(crate) fn write_produce_response(message: &ProduceResponse) -> Vec<Bytes> {
    let mut out = Writer::default();
    out.list(&message.responses, |out, topic| {
        out.uuid(topic.topic_id);
        out.list(&topic.partition_responses, produced_partition);
        out.tags(&topic.unknown_tags);
    });
    out.i32(message.throttle_time_ms);
    if message.node_endpoints.is_empty() {
        out.tags(&message.unknown_tags);
    } else {
        let mut value = Writer::default();
        value.list(&message.node_endpoints, |out, node| {
            out.i32(node.node_id);
            out.text(&node.host);
            out.i32(node.port);
            out.nullable_text(&node.rack);
            out.tags(&node.unknown_tags);
        });
        out.varint(1 + message.unknown_tags.len() as u32);
        out.tagged(0, &value);
        out.unknown(&message.unknown_tags);
    }
    out.finish()
}

fn produced_partition(out: &mut Writer, partition: &produce::PartitionProduceResponse) {
    out.i32(partition.index);
    out.error_code(partition.error_code);
    out.i64(partition.base_offset);
    out.i64(partition.log_append_time_ms);
    out.i64(partition.log_start_offset);
    out.list(&partition.record_errors, |out, error| {
        out.i32(error.batch_index);
        out.nullable_text(&error.batch_index_error_message);
        out.tags(&error.unknown_tags);
    });
    out.nullable_text(&partition.error_message);
    let leader = &partition.current_leader;
    if *leader == produce::LeaderIdAndEpoch::default() {
        out.tags(&partition.unknown_tags);
    } else {
        let mut value = Writer::default();
        value.i32(leader.leader_id);
        value.i32(leader.leader_epoch);
        value.tags(&leader.unknown_tags);
        out.varint(1 + partition.unknown_tags.len() as u32);
        out.tagged(0, &value);
        out.unknown(&partition.unknown_tags);
    }
}

pub(crate) fn write_fetch_response(message: &FetchResponse) -> Vec<Bytes> {
    let mut out = Writer::default();
    out.i32(message.throttle_time_ms);
    out.error_code(message.error_code);
    out.i32(message.session_id);
    out.list(&message.responses, |out, topic| {
        out.uuid(topic.topic_id);
        out.list(&topic.partitions, fetched_partition);
        out.tags(&topic.unknown_tags);
    });
    if message.node_endpoints.is_empty() {
        out.tags(&message.unknown_tags);
    } else {
        let mut value = Writer::default();
        value.list(&message.node_endpoints, |out, node| {
            out.i32(node.node_id);
            out.text(&node.host);
            out.i32(node.port);
            out.nullable_text(&node.rack);
            out.tags(&node.unknown_tags);
        });
        out.varint(1 + message.unknown_tags.len() as u32);
        out.tagged(0, &value);
        out.unknown(&message.unknown_tags);
    }
    out.finish()
}

fn fetched_partition(out: &mut Writer, partition: &fetch::PartitionData) {
    out.i32(partition.partition_index);
    out.error_code(partition.error_code);
    out.i64(partition.high_watermark);
    out.i64(partition.last_stable_offset);
    out.i64(partition.log_start_offset);
    match &partition.aborted_transactions {
        Some(aborted) => out.list(aborted, |out, aborted| {
            out.i64(aborted.producer_id);
            out.i64(aborted.first_offset);
            out.tags(&aborted.unknown_tags);
        }),
        None => out.varint(0),
    }
    out.i32(partition.preferred_read_replica);
    out.records(&partition.records);

    let diverging = partition.diverging_epoch != fetch::EpochEndOffset::default();
    let leader = partition.current_leader != fetch::LeaderIdAndEpoch::default();
    let snapshot = partition.snapshot_id != fetch::SnapshotId::default();
    let known = u32::from(diverging) + u32::from(leader) + u32::from(snapshot);
    out.varint(known + partition.unknown_tags.len() as u32);
    if diverging {
        let mut value = Writer::default();
        value.i32(partition.diverging_epoch.epoch);
        value.i64(partition.diverging_epoch.end_offset);
        value.tags(&partition.diverging_epoch.unknown_tags);
        out.tagged(0, &value);
    }
    if leader {
        let mut value = Writer::default();
        value.i32(partition.current_leader.leader_id);
        value.i32(partition.current_leader.leader_epoch);
        value.tags(&partition.current_leader.unknown_tags);
        out.tagged(1, &value);
    }
    if snapshot {
        let mut value = Writer::default();
        value.i64(partition.snapshot_id.end_offset);
        value.i32(partition.snapshot_id.epoch);
        value.tags(&partition.snapshot_id.unknown_tags);
        out.tagged(2, &value);
    }
    out.unknown(&partition.unknown_tags);
}
