//! Records put straight into a log, as a producer would have them stored.

use std::collections::BTreeMap;

use bytes::Bytes;
use milena_broker::{
    Cluster, CoordinatorType, Reply,
    protocol::{
        ErrorCode, Message, Records, Request, Str,
        add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic},
        decode_response_header, encode_request,
        end_txn::EndTxnRequest,
        init_producer_id::InitProducerIdRequest,
        produce::{PartitionProduceData, ProduceRequest, TopicProduceData},
    },
};
use milena_codec::{BatchBuilder, Compression, Compressor, RecordRef, Stamp};

/// A version in which topics go by name.
const VERSION: i16 = 9;

/// Appends a batch of these values, compressed.
pub(crate) fn append(
    cluster: &Cluster,
    topic: &str,
    partition: i32,
    values: &[Vec<u8>],
    compression: Compression,
) {
    let mut batch = BatchBuilder::new(BatchBuilder::MAX_LEN);
    for (value, timestamp) in values.iter().zip(1_000..) {
        let record = RecordRef {
            timestamp,
            value: Some((&value[..]).into()),
            ..Default::default()
        };
        batch.append(batch.cost(&record)).unwrap();
    }
    let mut sealed = batch.seal();
    sealed
        .compress(&mut Compressor::new(compression).unwrap())
        .unwrap();
    let bytes = sealed.encode(Stamp::NONE).concat();
    store(cluster, topic, partition, bytes, None);
}

/// A transaction of the first generation that is written to without a client.
pub(crate) struct Transaction<'a> {
    cluster: &'a Cluster,
    id: &'static str,
    holder: (i64, i16),
    sequences: BTreeMap<i32, i32>,
}

impl<'a> Transaction<'a> {
    /// A producer with a transactional id.
    pub(crate) fn of(cluster: &'a Cluster, id: &'static str) -> Self {
        let request = InitProducerIdRequest {
            transactional_id: Some(Str::from_static(id)),
            transaction_timeout_ms: 60_000,
            ..Default::default()
        };
        let response = ask(cluster, coordinator(cluster, id), 4, &request);
        assert_eq!(response.error_code, ErrorCode::NONE);
        Self {
            cluster,
            id,
            holder: (response.producer_id, response.producer_epoch),
            sequences: BTreeMap::new(),
        }
    }

    /// Appends a record with this value.
    pub(crate) fn write(&mut self, topic: &str, partition: i32, value: &str) {
        let (producer_id, producer_epoch) = self.holder;
        let node = coordinator(self.cluster, self.id);
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: Str::from_static(self.id),
            v3_and_below_producer_id: producer_id,
            v3_and_below_producer_epoch: producer_epoch,
            v3_and_below_topics: vec![AddPartitionsToTxnTopic {
                name: Str::from(topic),
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        };
        let response = ask(self.cluster, node, 3, &request);
        let added = &response.results_by_topic_v3_and_below[0].results_by_partition[0];
        assert_eq!(added.partition_error_code, ErrorCode::NONE);
        let mut batch = BatchBuilder::new(BatchBuilder::MAX_LEN);
        let record = RecordRef {
            value: Some(value.as_bytes().into()),
            ..Default::default()
        };
        batch.append(batch.cost(&record)).unwrap();
        let sequence = self.sequences.entry(partition).or_default();
        let stamp = Stamp {
            producer_id,
            producer_epoch,
            base_sequence: *sequence,
            transactional: true,
        };
        *sequence += 1;
        let bytes = batch.seal().encode(stamp).concat();
        store(self.cluster, topic, partition, bytes, Some(self.id));
    }

    /// Commits or aborts; the next may begin.
    pub(crate) fn end(&mut self, committed: bool) {
        let request = EndTxnRequest {
            transactional_id: Str::from_static(self.id),
            producer_id: self.holder.0,
            producer_epoch: self.holder.1,
            committed,
            ..Default::default()
        };
        let node = coordinator(self.cluster, self.id);
        let response = ask(self.cluster, node, 4, &request);
        assert_eq!(response.error_code, ErrorCode::NONE);
    }
}

fn coordinator(cluster: &Cluster, id: &str) -> i32 {
    let node = cluster.coordinator(CoordinatorType::Transaction, id);
    node.unwrap()
}

fn store(
    cluster: &Cluster,
    topic: &str,
    partition: i32,
    batch: Vec<u8>,
    transactional_id: Option<&'static str>,
) {
    let request = ProduceRequest {
        transactional_id: transactional_id.map(Str::from_static),
        acks: -1,
        timeout_ms: 1000,
        topic_data: vec![TopicProduceData {
            name: Str::from(topic),
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(Records::from(Bytes::from(batch))),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let leader = cluster.with_state(|state| state.leader(topic, partition));
    let (leader, _) = leader.unwrap();
    let response = ask(cluster, leader, VERSION, &request);
    let stored = &response.responses[0].partition_responses[0];
    assert_eq!(stored.error_code, ErrorCode::NONE);
}

fn ask<R: Request>(cluster: &Cluster, node: i32, version: i16, request: &R) -> R::Response {
    let frame = encode_request(1, None, version, request).unwrap();
    let frame = Bytes::from(frame.into_iter().collect::<Vec<_>>().concat()).slice(4..);
    let now = cluster.now();
    let reply = cluster.with_state(|state| state.handle(node, u64::MAX, frame, now));
    let Reply::Answer(answer) = reply else {
        panic!("{reply:?}")
    };
    let bytes = Bytes::from(answer.segments.concat()).slice(4..);
    let (_, body) = decode_response_header(&bytes, R::API, version).unwrap();
    R::Response::decode(&body, version).unwrap()
}
