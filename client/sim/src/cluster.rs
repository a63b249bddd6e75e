//! The brokers: the embedded cluster's state, driven frame by frame.

use bytes::Bytes;
use milena_broker::{BuildError, Cluster, CoordinatorType, Reply, State};
use milena_codec::{Batch, BatchHeader, Batches, Decompressor, Limits};
use milena_engine::time::Instant;
use milena_protocol::{
    ApiKey, Message, Records, Request, Str,
    create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic},
    decode_request_header, decode_response_header, encode_request, encode_response,
    fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic},
    init_producer_id::{InitProducerIdRequest, InitProducerIdResponse},
    offset_fetch::OffsetFetchRequest,
    produce::{ProduceRequest, ProduceResponse},
};

use crate::{ledger::Place, net::LinkId, plan::Plan};

/// The cluster of a run.
#[derive(Debug)]
pub(crate) struct Brokers {
    pub(crate) state: State,
    pub(crate) names: Vec<String>,
    /// Partitions that each topic has in the end.
    counts: Vec<i32>,
    first_epoch: i16,
    by_name: bool,
}

/// Length of a frame's prefix.
const PREFIX: usize = 4;
/// Topics have names in it, not ids.
const FETCH_BY_NAME: i16 = 12;
/// The same of Produce.
const PRODUCE_BY_NAME: i16 = 12;
/// More than any plan has.
const MAX_NODES: usize = 9;
/// The last in which it is about one group.
const OFFSETS_OF_ONE_GROUP: i16 = 7;

impl Brokers {
    pub(crate) fn new(plan: &Plan) -> Result<Self, BuildError> {
        let names = plan.names();
        let mut builder = Cluster::builder()
            .nodes(plan.nodes)
            .auto_create_topics(false)
            .transaction_version(plan.transaction_version)
            .request_log(0);
        for (number, (name, partitions)) in names.iter().zip(&plan.topics).enumerate() {
            let grown = plan.grown.filter(|_| number + 1 == names.len());
            builder = builder.topic(name, grown.unwrap_or(*partitions));
        }
        Ok(Self {
            state: builder.into_state()?,
            counts: plan.topics.clone(),
            names,
            first_epoch: plan.first_epoch,
            by_name: plan.by_name,
        })
    }

    /// The latest version of Produce that they know, unless it is ours.
    pub(crate) fn latest_produce(&self) -> Option<i16> {
        self.by_name.then_some(PRODUCE_BY_NAME)
    }

    pub(crate) fn name(&self, topic: usize) -> &str {
        self.names.get(topic).map_or("", String::as_str)
    }

    /// A frame came to a node.
    pub(crate) fn handle(&mut self, node: i32, link: LinkId, frame: Bytes, now: Instant) -> Reply {
        let version = asks_for_an_id(&frame);
        let mut reply = self.state.handle(node, link, frame, millis(now));
        if let Reply::Answer(answer) = &mut reply
            && let Some(version) = version
            && let Some(older) = self.grown_old(&answer.segments, version)
        {
            answer.segments = older;
        }
        reply
    }

    /// The partitions that a frame brings records for.
    pub(crate) fn places(&self, frame: &Bytes) -> Vec<Place> {
        let Ok((header, body)) = decode_request_header(frame) else {
            return Vec::new();
        };
        if header.api_key != ApiKey::PRODUCE {
            return Vec::new();
        }
        let request = ProduceRequest::decode(&body, header.api_version).unwrap_or_default();
        let mut places = Vec::new();
        for topic in request.topic_data {
            let its = |name: &String| {
                *topic.name == **name || self.state.topic_id(name) == Some(topic.topic_id)
            };
            if let Some(number) = self.names.iter().position(its) {
                let partitions = topic.partition_data.iter();
                places.extend(partitions.map(|data| (number, data.index)));
            }
        }
        places
    }

    /// The answer to InitProducerId, with an epoch near its end.
    fn grown_old(&self, segments: &[Bytes], version: i16) -> Option<Vec<Bytes>> {
        let frame = Bytes::from(segments.concat()).slice(PREFIX..);
        let (header, body) =
            decode_response_header(&frame, ApiKey::INIT_PRODUCER_ID, version).ok()?;
        let mut response = InitProducerIdResponse::decode(&body, version).ok()?;
        if response.error_code.is_err() {
            return None;
        }
        response.producer_epoch = self.first_epoch;
        let segments = encode_response(header.correlation_id, version, &response).ok()?;
        Some(segments.into_vec())
    }

    /// The records of a partition, in the order of the log: offset and value. Those of transactions that are not
    /// committed are left out for a reader of `committed` ones.
    pub(crate) fn read(
        &mut self,
        (topic, partition): Place,
        committed: bool,
        now: Instant,
    ) -> Result<Vec<(i64, Bytes)>, String> {
        let name = self.name(topic).to_owned();
        let Some((leader, _)) = self.state.leader(&name, partition) else {
            return Err(format!("{name}/{partition} has no leader in the end"));
        };
        let wanted = FetchPartition {
            partition,
            partition_max_bytes: i32::MAX,
            ..FetchPartition::default()
        };
        let topic = FetchTopic {
            topic: Str::from(name.as_str()),
            partitions: vec![wanted],
            ..FetchTopic::default()
        };
        let request = FetchRequest {
            topics: vec![topic],
            isolation_level: i8::from(committed),
            ..FetchRequest::default()
        };
        records(self.ask(leader, FETCH_BY_NAME, &request, now)?)
    }

    /// Gives a topic, if it is there, the partitions that it lacks.
    pub(crate) fn complete(&mut self, topic: usize, now: Instant) -> Result<(), String> {
        let name = self.name(topic).to_owned();
        let count = self.counts.get(topic).copied().unwrap_or(1);
        let lacks = self.state.log_range(&name, count - 1).is_none();
        let node = (1..).take(MAX_NODES).find(|node| self.state.is_up(*node));
        let (true, Some(node)) = (lacks && self.state.topic_id(&name).is_some(), node) else {
            return Ok(());
        };
        let request = CreatePartitionsRequest {
            topics: vec![CreatePartitionsTopic {
                name: Str::from(name.as_str()),
                count,
                assignments: None,
                ..CreatePartitionsTopic::default()
            }],
            timeout_ms: 1000,
            ..CreatePartitionsRequest::default()
        };
        let version = CreatePartitionsRequest::LATEST_STABLE;
        let response = self.ask(node, version, &request, now)?;
        let mut results = response.results.iter();
        match results.find(|result| result.error_code.is_err()) {
            Some(refused) => Err(format!("{name} does not grow: {}", refused.error_code)),
            None => Ok(()),
        }
    }

    /// What a group has committed: the offset by topic and partition.
    pub(crate) fn offsets(
        &mut self,
        group: &str,
        now: Instant,
    ) -> Result<Vec<(Str, i32, i64)>, String> {
        let Some(node) = self.state.coordinator(CoordinatorType::Group, group) else {
            return Err(format!("{group} has no coordinator in the end"));
        };
        let request = OffsetFetchRequest {
            group_id: Str::from(group),
            topics: None,
            ..OffsetFetchRequest::default()
        };
        let response = self.ask(node, OFFSETS_OF_ONE_GROUP, &request, now)?;
        if response.error_code.is_err() {
            return Err(format!("offsets of {group}: {}", response.error_code));
        }
        let topics = response.topics.into_iter().flat_map(|topic| {
            let partitions = topic.partitions.into_iter();
            partitions.map(move |told| {
                (
                    topic.name.clone(),
                    told.partition_index,
                    told.committed_offset,
                )
            })
        });
        Ok(topics.collect())
    }

    /// Asks a node directly.
    fn ask<R: Request>(
        &mut self,
        node: i32,
        version: i16,
        request: &R,
        now: Instant,
    ) -> Result<R::Response, String> {
        let frame = encode_request(0, None, version, request).map_err(|e| e.to_string())?;
        let frame = frame.into_bytes().slice(PREFIX..);
        let reply = self.state.handle(node, LinkId::MAX, frame, millis(now));
        let Reply::Answer(answer) = reply else {
            return Err(format!("{:?} ended in {reply:?}", R::API));
        };
        let frame = Bytes::from(answer.segments.concat()).slice(PREFIX..);
        let (_, body) =
            decode_response_header(&frame, R::API, version).map_err(|e| e.to_string())?;
        R::Response::decode(&body, version).map_err(|e| e.to_string())
    }
}

/// The version of a request for a producer id that is not of a transactional id.
fn asks_for_an_id(frame: &Bytes) -> Option<i16> {
    let (header, body) = decode_request_header(frame).ok()?;
    let version = header.api_version;
    if header.api_key != ApiKey::INIT_PRODUCER_ID {
        return None;
    }
    let request = InitProducerIdRequest::decode(&body, version).ok()?;
    request.transactional_id.is_none().then_some(version)
}

fn records(response: FetchResponse) -> Result<Vec<(i64, Bytes)>, String> {
    let mut decompressor = Decompressor::new(Limits::default());
    let mut found = Vec::new();
    let partitions = response
        .responses
        .into_iter()
        .flat_map(|topic| topic.partitions);
    for data in partitions {
        if data.error_code.is_err() {
            return Err(format!("reading ended in {}", data.error_code));
        }
        // Each aborted transaction by its producer and first offset, until its marker comes.
        let mut aborted: Vec<_> = data
            .aborted_transactions
            .unwrap_or_default()
            .into_iter()
            .map(|aborted| (aborted.producer_id, aborted.first_offset))
            .collect();
        for batch in Batches::exact(data.records.unwrap_or_default().into_bytes()) {
            let batch = batch.map_err(|e| e.to_string())?;
            let Batch::Current(batch) = batch else {
                return Err("a batch of an old format".to_owned());
            };
            let (producer, base) = (batch.header().producer_id, batch.base_offset());
            let covered = aborted
                .iter()
                .position(|(id, first)| *id == producer && *first <= base)
                .filter(|_| batch.header().attributes.is_transactional());
            if batch.is_control() {
                covered.map(|at| aborted.remove(at));
                continue;
            }
            if covered.is_some() {
                continue;
            }
            let records = batch.records(&mut decompressor);
            for record in records.map_err(|e| e.to_string())? {
                let record = record.map_err(|e| e.to_string())?;
                found.push((record.offset, record.value.unwrap_or_default()));
            }
        }
    }
    Ok(found)
}

/// The broker's clock.
pub(crate) fn millis(now: Instant) -> i64 {
    i64::try_from(now.as_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// A request in words.
pub(crate) fn describe_request(frame: &Bytes) -> String {
    let Ok((header, body)) = decode_request_header(frame) else {
        return "an unreadable request".to_owned();
    };
    let mut words = format!("{:?} #{}", header.api_key, header.correlation_id);
    if header.api_key == ApiKey::PRODUCE
        && let Ok(request) = ProduceRequest::decode(&body, header.api_version)
    {
        for topic in request.topic_data {
            for data in topic.partition_data {
                let batch = describe_batch(data.records);
                words += &format!(" [{}/{} {batch}]", topic.name, data.index);
            }
        }
    }
    words
}

fn describe_batch(records: Option<Records>) -> String {
    let bytes = records.unwrap_or_default().into_bytes();
    BatchHeader::parse(&bytes).map_or_else(String::new, |header| {
        format!(
            "id {} epoch {} seq {}+{}",
            header.producer_id, header.producer_epoch, header.base_sequence, header.records_count
        )
    })
}

/// The answer to a Produce request in words.
pub(crate) fn describe_answer(response: &ProduceResponse) -> String {
    let mut words = String::new();
    for topic in &response.responses {
        for answer in &topic.partition_responses {
            words += &format!(
                " [{}/{} {} at {}]",
                topic.name, answer.index, answer.error_code, answer.base_offset
            );
        }
    }
    words
}
