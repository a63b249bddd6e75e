//! Frames worked out by hand from Kafka's specification, byte by byte.

#![allow(missing_docs)]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::fmt::Debug;

use bytes::Bytes;
use milena_protocol::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, SupportedFeatureKey,
};
use milena_protocol::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};
use milena_protocol::produce::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceData, PartitionProduceResponse, ProduceRequest,
    ProduceResponse, TopicProduceData, TopicProduceResponse,
};
use milena_protocol::{
    ApiKey, ErrorCode, Message, Records, Request, Str, UnknownTags, Uuid, decode_request_header,
    decode_response_header, encode_request, encode_response,
};

/// Hexadecimal digits with comments: everything from `|` to the end of the line is one.
fn unhex(text: &str) -> Bytes {
    let digits: String = text
        .lines()
        .flat_map(|line| line.split('|').next())
        .collect();
    let digits: Vec<u8> = digits
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn request<R: Request>(version: i16, client_id: Option<Str>, body: &R, frame: &str) {
    let frame = unhex(frame);
    let encoded = encode_request(7, client_id.as_ref(), version, body)
        .unwrap()
        .into_bytes();
    assert_eq!(encoded, frame, "{} v{version}", R::NAME);
    assert_eq!(frame[..4], (frame.len() as u32 - 4).to_be_bytes());

    let (header, rest) = decode_request_header(&frame.slice(4..)).unwrap();
    assert_eq!((header.api_key, header.api_version), (R::API, version));
    assert_eq!((header.correlation_id, header.client_id), (7, client_id));
    assert_eq!(R::decode(&rest, version).as_ref(), Ok(body));
}

fn response<M: Message + Debug>(version: i16, body: &M, frame: &str) {
    let frame = unhex(frame);
    let encoded = encode_response(7, version, body).unwrap().into_bytes();
    assert_eq!(encoded, frame, "{} v{version}", M::NAME);
    assert_eq!(frame[..4], (frame.len() as u32 - 4).to_be_bytes());

    let (header, rest) = decode_response_header(&frame.slice(4..), M::API, version).unwrap();
    assert_eq!(
        (header.correlation_id, header.unknown_tags),
        (7, UnknownTags::default())
    );
    assert_eq!(M::decode(&rest, version).as_ref(), Ok(body));
}

const TOPIC_ID: Uuid = Uuid([0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

#[test]
fn api_versions_0() {
    request(
        0,
        None,
        &ApiVersionsRequest::default(),
        "0000000a 0012 0000 00000007 ffff",
    );
    let body = ApiVersionsResponse {
        error_code: ErrorCode::UNSUPPORTED_VERSION,
        api_keys: vec![ApiVersion {
            api_key: 18,
            min_version: 0,
            max_version: 4,
            ..Default::default()
        }],
        ..Default::default()
    };
    response(0, &body, "00000010 00000007 0023 00000001 0012 0000 0004");
}

#[test]
fn api_versions_3_is_flexible_but_its_response_header_is_not() {
    let body = ApiVersionsRequest {
        client_software_name: "m".into(),
        client_software_version: "1".into(),
        ..Default::default()
    };
    request(
        3,
        Some("c".into()),
        &body,
        "00000011 0012 0003 00000007 0001 63 00 | header and its tags
        02 6d  02 31  00",
    );

    let feature = SupportedFeatureKey {
        name: "f".into(),
        min_version: 0,
        max_version: 1,
        ..Default::default()
    };
    let body = ApiVersionsResponse {
        api_keys: vec![ApiVersion {
            api_key: 18,
            min_version: 0,
            max_version: 4,
            ..Default::default()
        }],
        supported_features: vec![feature],
        finalized_features_epoch: 5,
        ..Default::default()
    };
    response(
        3,
        &body,
        "00000027 00000007                | no tags in the header
         0000  02 0012 0000 0004 00  00000000
         02                               | two tagged fields
         00 08  02  02 66 0000 0001 00    | tag 0: features
         01 08  0000000000000005          | tag 1: epoch",
    );
}

#[test]
fn metadata_0() {
    let topic = MetadataRequestTopic {
        name: Some("orders".into()),
        ..Default::default()
    };
    let body = MetadataRequest {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    request(
        0,
        None,
        &body,
        "00000016 0003 0000 00000007 ffff  00000001 0006 6f7264657273",
    );

    let partition = MetadataResponsePartition {
        leader_id: 1,
        replica_nodes: vec![1],
        isr_nodes: vec![1],
        ..Default::default()
    };
    let body = MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: 1,
            host: "h".into(),
            port: 9092,
            ..Default::default()
        }],
        topics: vec![MetadataResponseTopic {
            name: Some("orders".into()),
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    response(
        0,
        &body,
        "0000003f 00000007
         00000001  00000001 0001 68 00002384            | brokers
         00000001  0000 0006 6f7264657273               | topics
         00000001  0000 00000000 00000001               | partitions: error, index, leader
                   00000001 00000001  00000001 00000001 | replicas, in sync",
    );
}

#[test]
fn metadata_12() {
    let topic = MetadataRequestTopic {
        name: Some("orders".into()),
        ..Default::default()
    };
    let body = MetadataRequest {
        topics: Some(vec![topic]),
        ..Default::default()
    };
    request(
        12,
        None,
        &body,
        "00000027 0003 000c 00000007 ffff 00
         02  00000000000000000000000000000000 07 6f7264657273 00
         01 00  00",
    );

    let partition = MetadataResponsePartition {
        leader_id: 1,
        leader_epoch: 5,
        replica_nodes: vec![1],
        isr_nodes: vec![1],
        ..Default::default()
    };
    let body = MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: 1,
            host: "h".into(),
            port: 9092,
            ..Default::default()
        }],
        cluster_id: Some("c".into()),
        controller_id: 1,
        topics: vec![MetadataResponseTopic {
            name: Some("orders".into()),
            topic_id: TOPIC_ID,
            partitions: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    response(
        12,
        &body,
        "00000058 00000007 00  00000000
         02  00000001 02 68 00002384 00 00                       | brokers, without rack
         02 63  00000001                                         | cluster, controller
         02  0000 07 6f7264657273 a00102030405060708090a0b0c0d0e0f 00
         02  0000 00000000 00000001 00000005  02 00000001  02 00000001  01 00
             80000000 00                                         | operations not asked for
         00",
    );
}

fn produce(name: &'static str, topic_id: Uuid) -> ProduceRequest {
    let partition = PartitionProduceData {
        records: Some(Records::from(Bytes::from_static(b"DATA"))),
        ..Default::default()
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: name.into(),
            topic_id,
            partition_data: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    }
}

#[test]
fn produce_3() {
    request(
        3,
        None,
        &produce("orders", Uuid::ZERO),
        "0000002e 0000 0003 00000007 ffff
         ffff ffff 00007530                      | no transaction, acks, timeout
         00000001  0006 6f7264657273
         00000001  00000000 00000004 44415441",
    );
    let partition = PartitionProduceResponse {
        base_offset: 8,
        ..Default::default()
    };
    let body = ProduceResponse {
        responses: vec![TopicProduceResponse {
            name: "orders".into(),
            partition_responses: vec![partition],
            ..Default::default()
        }],
        ..Default::default()
    };
    response(
        3,
        &body,
        "0000002e 00000007
         00000001  0006 6f7264657273
         00000001  00000000 0000 0000000000000008 ffffffffffffffff
         00000000",
    );
}

#[test]
fn produce_9() {
    request(
        9,
        None,
        &produce("orders", Uuid::ZERO),
        "00000027 0000 0009 00000007 ffff 00
         00 ffff 00007530
         02  07 6f7264657273
         02  00000000 05 44415441 00
         00 00",
    );
}

#[test]
fn produce_10_says_where_the_leader_went() {
    let partition = PartitionProduceResponse {
        error_code: ErrorCode::NOT_LEADER_OR_FOLLOWER,
        base_offset: -1,
        current_leader: LeaderIdAndEpoch {
            leader_id: 2,
            leader_epoch: 7,
            ..Default::default()
        },
        ..Default::default()
    };
    let body = ProduceResponse {
        responses: vec![TopicProduceResponse {
            name: "orders".into(),
            partition_responses: vec![partition],
            ..Default::default()
        }],
        node_endpoints: vec![NodeEndpoint {
            node_id: 2,
            host: "h".into(),
            port: 9092,
            ..Default::default()
        }],
        ..Default::default()
    };
    response(
        10,
        &body,
        "0000004f 00000007 00
         02  07 6f7264657273
         02  00000000 0006 ffffffffffffffff ffffffffffffffff ffffffffffffffff
             01 00                                             | no record errors, no message
             01  00 09  00000002 00000007 00                   | tag 0: leader
             00
         00000000
         01  00 0d  02 00000002 02 68 00002384 00 00           | tag 0: its address",
    );
}

#[test]
fn produce_13_names_topics_by_id() {
    request(
        13,
        None,
        &produce("", TOPIC_ID),
        "00000030 0000 000d 00000007 ffff 00
         00 ffff 00007530
         02  a00102030405060708090a0b0c0d0e0f
         02  00000000 05 44415441 00
         00 00",
    );
}

#[test]
fn headers_of_unknown_apis_are_read_as_far_as_all_headers_agree() {
    let (header, body) =
        decode_request_header(&unhex("003e 0001 00000007 0001 63  00 beef")).unwrap();
    assert_eq!(header.api_key, ApiKey::BROKER_REGISTRATION);
    assert_eq!(
        (header.client_id, header.correlation_id),
        (Some("c".into()), 7)
    );
    assert_eq!(body, unhex("00 beef"));
}

#[test]
fn unknown_tags_of_headers_are_kept_and_written_back() {
    let tags = |header: &UnknownTags| {
        header
            .iter()
            .map(|(n, v)| (n, v.to_vec()))
            .collect::<Vec<_>>()
    };
    let request = unhex("0003 000c 00000007 ffff  01 05 02 beef  aa");
    let (header, body) = decode_request_header(&request).unwrap();
    assert_eq!(tags(&header.unknown_tags), [(5, vec![0xbe, 0xef])]);
    assert_eq!(body, unhex("aa"));
    let framed = header.frame(body).unwrap().into_bytes();
    assert_eq!(framed, [&unhex("00000010")[..], &request].concat());

    let response = unhex("00000007  01 05 02 beef  aa");
    let (header, body) = decode_response_header(&response, ApiKey::METADATA, 12).unwrap();
    assert_eq!(tags(&header.unknown_tags), [(5, vec![0xbe, 0xef])]);
    assert_eq!(body, unhex("aa"));
    let framed = header.frame(ApiKey::METADATA, 12, body.clone()).unwrap();
    assert_eq!(
        framed.into_bytes(),
        [&unhex("0000000a")[..], &response].concat()
    );
    let error = header.frame(ApiKey::METADATA, 8, body).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ResponseHeader v0: has unknown tags, but this version has no tagged fields"
    );
}

#[test]
fn headers_cut_short_say_so() {
    let error = decode_request_header(&unhex("0003 000c 0000")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RequestHeader v1: correlation_id: truncated to 2 of 4 bytes at byte 4"
    );
    let error = decode_request_header(&unhex("0003 000c 00000007 ffff")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "RequestHeader v2: _tagged_fields: truncated to 0 of 1 byte at byte 10"
    );
    let error = decode_response_header(&unhex("00000007"), ApiKey::PRODUCE, 9).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ResponseHeader v1: _tagged_fields: truncated to 0 of 1 byte at byte 4"
    );
}
