//! A client of a few lines: frames by hand over any stream.

use bytes::Bytes;
use milena_broker::protocol::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use milena_broker::protocol::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use milena_broker::protocol::{
    ApiKey, Message, Records, Request, Str, Uuid, decode_response_header, encode_request,
};
use milena_codec::{BatchBuilder, Batches, Decompressor, RecordRef, Stamp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub(crate) struct Wire<S> {
    pub(crate) stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream }
    }

    pub(crate) async fn send<R: Request>(
        &mut self,
        correlation_id: i32,
        version: i16,
        request: &R,
    ) {
        let segments = encode_request(correlation_id, None, version, request).unwrap();
        let frame = segments.into_iter().collect::<Vec<_>>().concat();
        self.stream.write_all(&frame).await.unwrap();
    }

    /// The correlation id of the next answer, and the answer with it.
    pub(crate) async fn receive(&mut self) -> (i32, Bytes) {
        let length = self.stream.read_i32().await.unwrap();
        let mut frame = vec![0; usize::try_from(length).unwrap()];
        self.stream.read_exact(&mut frame).await.unwrap();
        let frame = Bytes::from(frame);
        let id = i32::from_be_bytes(*frame.first_chunk().unwrap());
        (id, frame)
    }

    pub(crate) async fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        self.send(77, version, request).await;
        let (id, frame) = self.receive().await;
        assert_eq!(id, 77);
        let api: ApiKey = R::API;
        let (_, body) = decode_response_header(&frame, api, version).unwrap();
        R::Response::decode(&body, version).unwrap()
    }

    /// Whether the other side closed, and had nothing left to say.
    pub(crate) async fn ended(&mut self) -> bool {
        self.stream.read_u8().await.is_err()
    }
}

pub(crate) fn batch(values: &[&str]) -> Bytes {
    let mut batch = BatchBuilder::new(BatchBuilder::MAX_LEN);
    for value in values {
        let record = RecordRef {
            timestamp: 1,
            value: Some((*value).into()),
            ..Default::default()
        };
        batch.append(batch.cost(&record)).unwrap();
    }
    batch.seal().encode(Stamp::NONE).concat().into()
}

pub(crate) fn produce(topic: &str, partition: i32, batch: Bytes, acks: i16) -> ProduceRequest {
    let data = PartitionProduceData {
        index: partition,
        records: Some(Records::from(batch)),
        ..Default::default()
    };
    let topic = TopicProduceData {
        name: Str::from(topic),
        partition_data: vec![data],
        ..Default::default()
    };
    ProduceRequest {
        acks,
        timeout_ms: 30_000,
        topic_data: vec![topic],
        ..Default::default()
    }
}

pub(crate) fn fetch(topic: &str, topic_id: Uuid, partition: i32, offset: i64) -> FetchRequest {
    let partition = FetchPartition {
        partition,
        fetch_offset: offset,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = FetchTopic {
        topic: Str::from(topic),
        topic_id,
        partitions: vec![partition],
        ..Default::default()
    };
    FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 50 << 20,
        topics: vec![topic],
        ..Default::default()
    }
}

pub(crate) fn values(response: &FetchResponse) -> Vec<String> {
    let mut values = Vec::new();
    for partition in response
        .responses
        .iter()
        .flat_map(|topic| &topic.partitions)
    {
        for batch in Batches::exact(partition.records.clone().unwrap_or_default().into_bytes()) {
            for record in batch
                .unwrap()
                .records(&mut Decompressor::default())
                .unwrap()
            {
                values.push(String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap());
            }
        }
    }
    values
}
