//! The brokers: the embedded cluster's state, driven frame by frame.

use bytes::Bytes;
use milena_broker::{BuildError, Cluster, Reply, State};
use milena_codec::{BatchHeader, Batches, Decompressor, Limits};
use milena_engine::time::Instant;
use milena_protocol::{
    ApiKey, Message, Records, Str, decode_request_header, decode_response_header, encode_request,
    encode_response,
    fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic},
    init_producer_id::InitProducerIdResponse,
    produce::{ProduceRequest, ProduceResponse},
};

use crate::{ledger::Place, net::LinkId, plan::Plan};

/// The cluster of a run.
#[derive(Debug)]
pub(crate) struct Brokers {
    pub(crate) state: State,
    pub(crate) names: Vec<String>,
    first_epoch: i16,
}

/// Length of a frame's prefix.
const PREFIX: usize = 4;
/// Topics have names in it, not ids.
const FETCH_BY_NAME: i16 = 12;

impl Brokers {
    pub(crate) fn new(plan: &Plan) -> Result<Self, BuildError> {
        let names = plan.names();
        let mut builder = Cluster::builder()
            .nodes(plan.nodes)
            .auto_create_topics(false)
            .request_log(0);
        for (name, partitions) in names.iter().zip(&plan.topics) {
            builder = builder.topic(name, *partitions);
        }
        Ok(Self {
            state: builder.into_state()?,
            names,
            first_epoch: plan.first_epoch,
        })
    }

    pub(crate) fn name(&self, topic: usize) -> &str {
        self.names.get(topic).map_or("", String::as_str)
    }

    /// A frame came to a node.
    pub(crate) fn handle(&mut self, node: i32, link: LinkId, frame: Bytes, now: Instant) -> Reply {
        let header = decode_request_header(&frame).ok().map(|(header, _)| header);
        let mut reply = self.state.handle(node, link, frame, millis(now));
        if let Reply::Answer(answer) = &mut reply
            && let Some(header) = header
            && header.api_key == ApiKey::INIT_PRODUCER_ID
            && let Some(older) = self.grown_old(&answer.segments, header.api_version)
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

    /// Every record of a partition, in the order of the log: offset and value.
    pub(crate) fn read(
        &mut self,
        topic: usize,
        partition: i32,
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
            ..FetchRequest::default()
        };
        let frame = encode_request(0, None, FETCH_BY_NAME, &request).map_err(|e| e.to_string())?;
        let frame = frame.into_bytes().slice(PREFIX..);
        let reply = self.state.handle(leader, LinkId::MAX, frame, millis(now));
        let Reply::Answer(answer) = reply else {
            return Err(format!("reading {name}/{partition} ended in {reply:?}"));
        };
        let frame = Bytes::from(answer.segments.concat()).slice(PREFIX..);
        let (_, body) = decode_response_header(&frame, ApiKey::FETCH, FETCH_BY_NAME)
            .map_err(|e| e.to_string())?;
        let response = FetchResponse::decode(&body, FETCH_BY_NAME).map_err(|e| e.to_string())?;
        records(response)
    }
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
        for batch in Batches::exact(data.records.unwrap_or_default().into_bytes()) {
            let batch = batch.map_err(|e| e.to_string())?;
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
