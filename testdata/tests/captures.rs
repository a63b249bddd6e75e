//! What other clients sent is read to the last byte, written back alike, and is what they were asked to send.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::{Bytes, BytesMut};
use milena_codec::{
    BatchBuilder, BatchHeader, Batches, CompressionType, Decompressor, HEADER_LEN, HeaderRef,
    RecordBatch, RecordRef, Stamp,
};
use milena_protocol::api_versions::ApiVersionsRequest;
use milena_protocol::produce::{PartitionProduceData, ProduceRequest};
use milena_protocol::{
    ApiKey, ApiVisitor, Message, Request, RequestHeader, decode_request_header, encode_request,
    visit_apis,
};
use milena_testdata::captures::{Captured, Client, Record, Scenario, clients};

/// How a client writes the numbers of a batch that a broker does not look at: the leader's epoch, which the broker sets,
/// and the sequence of a batch without a producer id.
fn habits(client: &Client) -> (i32, i32) {
    match client.name.as_str() {
        "java" => (-1, -1),
        "franz-go" => (-1, 0),
        "sarama" => (0, 0),
        _ => (0, -1),
    }
}

#[test]
fn every_client_and_every_version_of_produce_is_there() {
    let clients = clients().unwrap();
    let names: BTreeSet<&str> = clients.iter().map(|client| client.name.as_str()).collect();
    let expected = ["franz-go", "java", "kafka-python", "librdkafka", "sarama"];
    assert!(names.into_iter().eq(expected));
    let scenarios = clients.iter().flat_map(|client| &client.scenarios);
    let requests = scenarios.flat_map(|scenario| &scenario.requests);
    let there: BTreeSet<&str> = requests.map(|request| request.what.as_str()).collect();
    for version in ProduceRequest::VERSIONS.min..=ProduceRequest::VERSIONS.max {
        let what = format!("Produce-v{version}");
        assert!(there.contains(what.as_str()), "{what}");
    }
}

#[test]
fn every_request_is_read_and_written_back_alike() {
    for client in clients().unwrap() {
        let scenarios = client.scenarios.iter();
        for request in scenarios.flat_map(|scenario| &scenario.requests) {
            let (header, body) = take_apart(request);
            assert_eq!(header.client_id.as_deref(), Some("capture"));
            let name = header.api_key.name().unwrap();
            assert_eq!(format!("{name}-v{}", header.api_version), request.what);
            let mut again = Again {
                header: &header,
                body: &body,
                frame: Vec::new(),
            };
            visit_apis(&mut again);
            assert!(again.frame == request.bytes, "{}", request.path.display());

            if header.api_key == ApiKey::API_VERSIONS && header.api_version >= 3 {
                let body = ApiVersionsRequest::decode(&body, header.api_version).unwrap();
                let version = &body.client_software_version;
                assert!(version.contains(&client.version), "{version}");
            }
        }
    }
}

fn take_apart(request: &Captured) -> (RequestHeader, Bytes) {
    let length = u32::from_be_bytes(*request.bytes.first_chunk().unwrap());
    let frame = request.bytes.slice(4..);
    assert_eq!(frame.len(), length as usize);
    decode_request_header(&frame).unwrap()
}

/// Reads a body and makes a frame of it again.
struct Again<'a> {
    header: &'a RequestHeader,
    body: &'a Bytes,
    frame: Vec<u8>,
}

impl ApiVisitor for Again<'_> {
    fn visit<R: Request>(&mut self) {
        let RequestHeader {
            api_key,
            api_version,
            correlation_id,
            client_id,
            ..
        } = self.header;
        if *api_key == R::API {
            let body = R::decode(self.body, *api_version).unwrap();
            let client_id = client_id.as_ref();
            let frame = encode_request(*correlation_id, client_id, *api_version, &body).unwrap();
            self.frame = frame.into_iter().collect::<Vec<_>>().concat();
        }
    }
}

#[test]
fn every_batch_is_read_and_holds_what_was_to_be_sent() {
    for client in clients().unwrap() {
        for scenario in &client.scenarios {
            let what = format!("{} {} {}", client.name, client.version, scenario.name);
            let mut found = Found::default();
            for request in &scenario.requests {
                let (header, body) = take_apart(request);
                if header.api_key == ApiKey::PRODUCE {
                    let request = ProduceRequest::decode(&body, header.api_version).unwrap();
                    assert_eq!(request.transactional_id, None, "{what}");
                    let acks = request.acks.to_string();
                    assert_eq!(acks.replace("-1", "all"), scenario.acks, "{what}");
                    for data in request
                        .topic_data
                        .into_iter()
                        .flat_map(|t| t.partition_data)
                    {
                        found.add(&client, scenario, data);
                    }
                }
            }
            let mut sent = BTreeMap::<i32, Vec<Record>>::new();
            for record in &scenario.records {
                let partition = sent.entry(record.partition).or_default();
                partition.push(record.clone());
            }
            assert!(found.records == sent, "{what}: {:#?}", found.records);
            // Each client may leave uncompressed what does not shrink; here everything does.
            let codec = found.codecs.iter().map(|codec| codec.to_string());
            let codec = codec.collect::<Vec<_>>();
            match scenario.records.is_empty() {
                true => assert_eq!(scenario.identity, "transactional", "{what}"),
                false => assert_eq!(codec, [scenario.compression.as_str()], "{what}"),
            }
        }
    }
}

/// What the batches of a scenario hold.
#[derive(Default)]
struct Found {
    records: BTreeMap<i32, Vec<Record>>,
    codecs: HashSet<CompressionType>,
}

impl Found {
    fn add(&mut self, client: &Client, scenario: &Scenario, data: PartitionProduceData) {
        let (leader_epoch, unnumbered) = habits(client);
        let partition = self.records.entry(data.index).or_default();
        let batches = Batches::exact(data.records.unwrap().into_bytes());
        for batch in batches {
            let batch = batch.unwrap().into_current().unwrap();
            let header = batch.header();
            let sequence = i32::try_from(partition.len()).unwrap();
            let (producer, sequence) = match scenario.identity.as_str() {
                "idempotent" => ((1000, 0), sequence),
                _ => ((-1, -1), unnumbered),
            };
            assert_eq!((header.producer_id, header.producer_epoch), producer);
            assert_eq!(header.base_sequence, sequence);
            assert_eq!(header.partition_leader_epoch, leader_epoch);

            let records = read(&batch, data.index);
            assert_as_milena_writes(&batch, &records);
            self.codecs.insert(batch.codec().unwrap());
            partition.extend(records);
        }
    }
}

fn read(batch: &RecordBatch, partition: i32) -> Vec<Record> {
    let records = batch.records(&mut Decompressor::default()).unwrap();
    let own = |record: milena_codec::Record| {
        let headers = record.headers.iter();
        let headers = headers.map(|header| (header.key().into_owned(), header.value.clone()));
        Record {
            partition,
            timestamp: record.timestamp,
            headers: headers.collect(),
            key: record.key,
            value: record.value,
        }
    };
    records.map(|record| own(record.unwrap())).collect()
}

/// But for what a codec makes of it, and the leader's epoch, a batch is byte for byte what Milena makes of its records.
fn assert_as_milena_writes(batch: &RecordBatch, records: &[Record]) {
    let mut builder = BatchBuilder::new(BatchBuilder::MAX_LEN);
    builder.add_chunk(BytesMut::with_capacity(1 << 20));
    for record in records {
        let headers = record.headers.iter();
        let headers = headers.map(|(key, value)| HeaderRef {
            key,
            value: value.as_deref().map(Into::into),
        });
        let headers = headers.collect::<Vec<_>>();
        let record = RecordRef {
            timestamp: record.timestamp,
            key: record.key.as_deref().map(Into::into),
            value: record.value.as_deref().map(Into::into),
            headers: &headers,
        };
        builder.append(builder.cost(&record)).unwrap();
    }
    let theirs = *batch.header();
    let stamp = Stamp {
        producer_id: theirs.producer_id,
        producer_epoch: theirs.producer_epoch,
        base_sequence: theirs.base_sequence,
        transactional: theirs.attributes.is_transactional(),
    };
    let written = builder.seal().encode(stamp).concat();
    let (_, plain) = written.split_at(HEADER_LEN);
    let ours = BatchHeader {
        partition_leader_epoch: theirs.partition_leader_epoch,
        ..BatchHeader::parse(&written).unwrap()
    };
    let codec = batch.codec().unwrap();
    if codec == CompressionType::None {
        assert_eq!(ours, theirs);
        assert!(plain == batch.records_section());
        return;
    }
    let ours = BatchHeader {
        batch_length: theirs.batch_length,
        crc: theirs.crc,
        attributes: theirs.attributes,
        ..ours
    };
    assert_eq!(ours, theirs);
    let mut decompressor = Decompressor::default();
    let section = batch.records_section();
    assert!(plain == decompressor.decompress(codec, &section).unwrap());
}
