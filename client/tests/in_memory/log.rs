//! Records put straight into a log, as a producer would have them stored.

use bytes::Bytes;
use milena_broker::{
    Cluster, Reply,
    protocol::{
        ApiKey, ErrorCode, Message, Records, Str, decode_response_header, encode_request,
        produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData},
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
    store(cluster, topic, partition, bytes);
}

fn store(cluster: &Cluster, topic: &str, partition: i32, batch: Vec<u8>) {
    let request = ProduceRequest {
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
    let frame = encode_request(1, None, VERSION, &request).unwrap();
    let frame = Bytes::from(frame.into_iter().collect::<Vec<_>>().concat()).slice(4..);
    let now = cluster.now();
    let stored = cluster.with_state(|state| {
        (1..=9).any(
            |node| match state.handle(node, u64::MAX, frame.clone(), now) {
                Reply::Answer(answer) => {
                    let bytes = Bytes::from(answer.segments.concat()).slice(4..);
                    let (_, body) =
                        decode_response_header(&bytes, ApiKey::PRODUCE, VERSION).unwrap();
                    let response = ProduceResponse::decode(&body, VERSION).unwrap();
                    response.responses[0].partition_responses[0].error_code == ErrorCode::NONE
                }
                _ => false,
            },
        )
    });
    assert!(stored, "no node stored it");
}
