//! What the unit tests have in common: batches, and requests by hand.

use bytes::Bytes;
use milena_codec::{
    BatchBuilder, BatchHeader, Batches, Compression, Compressor, Decompressor, HEADER_LEN,
    RecordRef,
};
use milena_codec::{SealedBatch, Stamp};
use milena_protocol::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use milena_protocol::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse,
    TopicProduceData,
};
use milena_protocol::{
    Message, Records, Request, Str, Uuid, decode_response_header, encode_request,
};

use crate::reply::{Answer, Reply};
use crate::state::State;
use crate::{Cluster, ClusterBuilder};

/// The time at which tests begin.
pub(crate) const NOW: i64 = 1_000_000;

/// Three nodes and a topic "orders" of three partitions; node n leads partition n - 1.
pub(crate) fn cluster() -> State {
    builder().into_state().unwrap()
}

pub(crate) fn builder() -> ClusterBuilder {
    Cluster::builder().nodes(3).topic("orders", 3)
}

/// What follows the length prefix of a request.
pub(crate) fn frame<R: Request>(version: i16, request: &R) -> Bytes {
    let segments = encode_request(42, Some(&Str::from_static("test")), version, request).unwrap();
    let bytes = segments.into_iter().collect::<Vec<_>>().concat();
    Bytes::from(bytes).slice(4..)
}

pub(crate) fn handle<R: Request>(
    state: &mut State,
    node: i32,
    version: i16,
    request: &R,
    now: i64,
) -> Reply {
    state.handle(node, 1, frame(version, request), now)
}

/// The body of an answer, whose frame must be right.
pub(crate) fn body<R: Request>(answer: &Answer, version: i16) -> R::Response {
    let bytes = Bytes::from(answer.segments.concat());
    let length = i32::from_be_bytes(*bytes.first_chunk().unwrap());
    assert_eq!(usize::try_from(length).unwrap() + 4, bytes.len());
    let (header, body) = decode_response_header(&bytes.slice(4..), R::API, version).unwrap();
    assert_eq!(header.correlation_id, 42);
    R::Response::decode(&body, version).unwrap()
}

/// Asks a node and expects an answer at once.
pub(crate) fn ask<R: Request>(
    state: &mut State,
    node: i32,
    version: i16,
    request: &R,
) -> R::Response {
    match handle(state, node, version, request, NOW) {
        Reply::Answer(answer) => {
            assert_eq!((answer.due, answer.then_close), (NOW, false));
            body::<R>(&answer, version)
        }
        other => panic!("{other:?}"),
    }
}

pub(crate) fn sealed(records: &[RecordRef<'_>]) -> SealedBatch {
    let mut batch = BatchBuilder::new(BatchBuilder::MAX_LEN);
    for record in records {
        batch.append(batch.cost(record)).unwrap();
    }
    batch.seal()
}

/// Records with these values, dated 1 ms apart from `NOW` on.
pub(crate) fn dated<'a>(values: &[&'a str]) -> Vec<RecordRef<'a>> {
    let record = |(timestamp, value): (i64, &&'a str)| RecordRef {
        timestamp,
        value: Some((*value).into()),
        ..Default::default()
    };
    (NOW..).zip(values).map(record).collect()
}

/// A batch without idempotence.
pub(crate) fn plain(values: &[&str]) -> Bytes {
    sealed(&dated(values)).encode(Stamp::NONE).concat().into()
}

pub(crate) fn compressed(values: &[&str], compression: Compression) -> Bytes {
    let mut sealed = sealed(&dated(values));
    sealed
        .compress(&mut Compressor::new(compression).unwrap())
        .unwrap();
    sealed.encode(Stamp::NONE).concat().into()
}

/// A batch of producer 7.
pub(crate) fn stamped(epoch: i16, base_sequence: i32, values: &[&str]) -> Bytes {
    let stamp = Stamp {
        producer_id: 7,
        producer_epoch: epoch,
        base_sequence,
        transactional: false,
    };
    sealed(&dated(values)).encode(stamp).concat().into()
}

/// A batch of producer `producer_id` that is in a transaction.
pub(crate) fn transactional(
    (producer_id, producer_epoch): (i64, i16),
    base_sequence: i32,
    values: &[&str],
) -> Bytes {
    let stamp = Stamp {
        producer_id,
        producer_epoch,
        base_sequence,
        transactional: true,
    };
    sealed(&dated(values)).encode(stamp).concat().into()
}

/// The batch with another header, and the CRC that goes with it.
pub(crate) fn altered(batch: &Bytes, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut header = BatchHeader::parse(batch).unwrap();
    change(&mut header);
    let records = batch.slice(HEADER_LEN..);
    [&header.encode_with_crc([records.as_ref()])[..], &records]
        .concat()
        .into()
}

pub(crate) fn produce_request(
    topic: &str,
    partitions: &[(i32, Bytes)],
    acks: i16,
) -> ProduceRequest {
    let partition = |(index, batch): &(i32, Bytes)| PartitionProduceData {
        index: *index,
        records: Some(Records::from(batch.clone())),
        ..Default::default()
    };
    ProduceRequest {
        acks,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: Str::from(topic),
            partition_data: partitions.iter().map(partition).collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Produces to a partition of "orders" over node 1 in version 9.
pub(crate) fn produce(state: &mut State, partition: i32, batch: Bytes) -> PartitionProduceResponse {
    let node = state
        .leader("orders", partition)
        .map_or(1, |(leader, _)| leader);
    let response = ask(
        state,
        node,
        9,
        &produce_request("orders", &[(partition, batch)], -1),
    );
    only(response)
}

pub(crate) fn only(response: ProduceResponse) -> PartitionProduceResponse {
    assert_eq!(response.responses.len(), 1);
    let topic = response.responses.into_iter().next().unwrap();
    assert_eq!(topic.partition_responses.len(), 1);
    topic.partition_responses.into_iter().next().unwrap()
}

pub(crate) fn fetch_request(topic: &str, id: Uuid, partition: i32, offset: i64) -> FetchRequest {
    FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 50 << 20,
        topics: vec![FetchTopic {
            topic: Str::from(topic),
            topic_id: id,
            partitions: vec![FetchPartition {
                partition,
                fetch_offset: offset,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// Offsets and values of what a fetch gave, markers aside.
pub(crate) fn fetched(response: &FetchResponse) -> Vec<(i64, String)> {
    let partitions = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partitions);
    let sets = partitions.filter_map(|partition| partition.records.clone());
    let mut records = Vec::new();
    for set in sets {
        for batch in Batches::exact(set.into_bytes()) {
            let batch = batch.unwrap();
            if batch.is_control() {
                continue;
            }
            for record in batch.records(&mut Decompressor::default()).unwrap() {
                let record = record.unwrap();
                let value = String::from_utf8(record.value.unwrap().to_vec()).unwrap();
                records.push((record.offset, value));
            }
        }
    }
    records
}

/// Everything in a partition of "orders".
pub(crate) fn log(state: &mut State, partition: i32) -> Vec<(i64, String)> {
    let (node, _) = state.leader("orders", partition).unwrap();
    let (start, _) = state.log_range("orders", partition).unwrap();
    let request = FetchRequest {
        max_wait_ms: 0,
        ..fetch_request("orders", Uuid::ZERO, partition, start)
    };
    let response = ask(state, node, 11, &request);
    fetched(&response)
}
