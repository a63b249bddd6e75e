//! What errors say, and what is refused by rules that only single messages can show.

#![allow(missing_docs)]
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use bytes::Bytes;
use milena_protocol::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use milena_protocol::create_topics::{CreatableTopic, CreateTopicsRequest};
use milena_protocol::delete_topics::DeleteTopicsRequest;
use milena_protocol::fetch::{FetchRequest, FetchResponse};
use milena_protocol::find_coordinator::FindCoordinatorRequest;
use milena_protocol::init_producer_id::InitProducerIdRequest;
use milena_protocol::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponsePartition,
    MetadataResponseTopic,
};
use milena_protocol::produce::ProduceRequest;
use milena_protocol::{DecodeReason, EncodeReason, Message, Request, Str, UnknownTags, Uuid, apis};

fn metadata() -> MetadataResponse {
    let partition = MetadataResponsePartition {
        replica_nodes: vec![1, 2],
        ..Default::default()
    };
    let topic = |name: &str| MetadataResponseTopic {
        name: Some(name.into()),
        partitions: vec![partition.clone(), partition.clone()],
        ..Default::default()
    };
    MetadataResponse {
        topics: vec![topic("a"), topic("b")],
        ..Default::default()
    }
}

#[test]
fn a_decode_error_says_message_version_path_byte_and_reason() {
    let bytes = metadata().encode(0).unwrap().into_bytes();
    // Less the two lists of replicas of the last partition.
    let at = bytes.len() - 16;
    let error = MetadataResponse::decode(&bytes.slice(..at), 0).unwrap_err();
    let expected = "MetadataResponse v0: topics[1].partitions[1].replica_nodes: truncated to 0 of 4 bytes at byte";
    assert_eq!(error.to_string(), format!("{expected} {at}"));
    assert_eq!(
        (error.message(), error.version(), error.offset()),
        ("MetadataResponse", 0, at)
    );
    assert_eq!(error.path(), "topics[1].partitions[1].replica_nodes");
    assert_eq!(format!("{error:?}"), format!("DecodeError({error})"));
    assert_eq!(size_of_val(&error), size_of::<usize>());
}

#[test]
fn an_encode_error_says_message_version_path_and_reason() {
    let mut message = metadata();
    message.topics[1].name = None;
    assert_eq!(
        message.encode(9).unwrap_err().to_string(),
        "MetadataResponse v9: topics[1].name: null is not allowed in this version"
    );
}

#[test]
fn a_string_has_32767_bytes_at_most_in_every_version() {
    let mut message = FindCoordinatorRequest {
        key: "x".repeat(Str::MAX_LEN).into(),
        ..Default::default()
    };
    for version in [2, 3] {
        let body = message.encode(version).unwrap().into_bytes();
        assert_eq!(
            FindCoordinatorRequest::decode(&body, version).as_ref(),
            Ok(&message)
        );
    }
    message.key = "x".repeat(Str::MAX_LEN + 1).into();
    for version in [2, 3] {
        let error = message.encode(version).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("FindCoordinatorRequest v{version}: key: 32768 bytes or elements are too many")
        );
    }
    // The length, as one more, and what it announces.
    let body = [&b"\x81\x80\x02"[..], &[b'x'; 32768], b"\0\0"].concat();
    let error = FindCoordinatorRequest::decode(&body.into(), 3).unwrap_err();
    assert_eq!(error.reason(), &DecodeReason::TextTooLong(32768));
}

#[test]
fn a_field_that_the_version_lacks_is_refused_unless_ignorable_or_at_its_default() {
    let flag = MetadataRequest {
        include_topic_authorized_operations: true,
        ..Default::default()
    };
    let error = flag.encode(7).unwrap_err();
    assert_eq!(
        error.to_string(),
        "MetadataRequest v7: include_topic_authorized_operations: is set, but this version does not have the field"
    );
    // The default of this one is true: false is what cannot be said.
    let creation = MetadataRequest {
        allow_auto_topic_creation: false,
        ..Default::default()
    };
    assert_eq!(
        creation.encode(3).unwrap_err().path(),
        "allow_auto_topic_creation"
    );
    let names = ApiVersionsRequest {
        client_software_name: "milena".into(),
        ..Default::default()
    };
    assert_eq!(names.encode(2).map(|segments| segments.len()), Ok(0));
    let by_id = MetadataRequestTopic {
        topic_id: Uuid([1; 16]),
        name: Some("a".into()),
        ..Default::default()
    };
    let by_id = MetadataRequest {
        topics: Some(vec![by_id]),
        ..Default::default()
    };
    assert!(by_id.encode(9).is_ok() && by_id.encode(10).is_ok());
}

#[test]
fn a_nullable_field_starts_as_something_unless_its_default_is_null() {
    assert_eq!(MetadataRequest::default().topics, Some(Vec::new()));
    assert_eq!(
        InitProducerIdRequest::default().transactional_id.as_deref(),
        Some("")
    );
    assert_eq!(ProduceRequest::default().transactional_id, None);
}

#[test]
fn unstable_versions_are_written_but_not_offered() {
    assert_eq!(
        (
            InitProducerIdRequest::VERSIONS.max,
            InitProducerIdRequest::LATEST_STABLE
        ),
        (6, 5)
    );
    assert!(InitProducerIdRequest::default().encode(6).is_ok());
    for api in apis() {
        assert_eq!(api.key.name(), Some(api.name));
        assert_eq!(
            api.latest_stable < api.versions.max,
            api.name == "InitProducerId"
        );
    }
}

#[test]
fn unknown_tags_need_a_version_with_tags_and_a_number_nobody_knows() {
    let mut body = FetchRequest::default();
    body.unknown_tags.insert(0, Bytes::from_static(b"x"));
    assert_eq!(body.encode(11).unwrap_err().reason(), &EncodeReason::NoTags);
    // Tag 0 is known from version 12, but not written when it has its default.
    body.cluster_id = Some("c".into());
    assert_eq!(
        body.encode(12).unwrap_err().reason(),
        &EncodeReason::KnownTag(0)
    );
}

#[test]
fn known_and_unknown_tags_are_written_in_ascending_order() {
    let mut body = ApiVersionsResponse {
        zk_migration_ready: true,
        ..Default::default()
    };
    body.finalized_features_epoch = 1;
    body.unknown_tags.insert(9, Bytes::from_static(b"nine"));
    body.unknown_tags.insert(4, Bytes::from_static(b""));
    let bytes = body.encode(3).unwrap().into_bytes();
    assert_eq!(
        bytes[7..],
        *b"\x04\x01\x08\0\0\0\0\0\0\0\x01\x03\x01\x01\x04\x00\x09\x04nine"
    );
    assert_eq!(ApiVersionsResponse::decode(&bytes, 3), Ok(body));
}

fn tagged(section: &[u8]) -> DecodeReason {
    let body = [b"\0\0\x01\0\0\0\0", section].concat();
    ApiVersionsResponse::decode(&body.into(), 3)
        .unwrap_err()
        .reason()
        .clone()
}

#[test]
fn tagged_sections_are_read_strictly() {
    assert_eq!(tagged(b"\x02\x05\0\x05\0"), DecodeReason::TagOrder(5));
    assert_eq!(
        tagged(b"\x02\x03\x01\x01\x01\x08\0\0\0\0\0\0\0\x01"),
        DecodeReason::TagOrder(1)
    );
    assert_eq!(tagged(b"\x01\x03\x02\x01\x01"), DecodeReason::Trailing(1));
    assert_eq!(
        tagged(b"\x01\x01\x04\0\0\0\0\0\0\0\x01"),
        DecodeReason::Truncated { needed: 8, left: 4 }
    );
    assert_eq!(
        tagged(b"\xff\xff\xff\xff\x0f"),
        DecodeReason::LyingCount {
            claimed: u32::MAX as usize,
            left: 0
        }
    );
    assert_eq!(tagged(b"\xff\xff\xff\xff\x1f"), DecodeReason::Varint);
    assert_eq!(tagged(b"\x80\x80\x80\x80\x80\x00"), DecodeReason::Varint);
}

#[test]
fn an_error_of_the_section_itself_goes_by_the_name_that_kafka_has_for_it() {
    let sections: [&[u8]; 8] = [
        b"",
        b"\x01",
        b"\x01\x05",
        b"\x01\x80",
        b"\x02\x05\0\x06",
        b"\x01\x05\x02\x01",
        b"\x01\x80\x80",
        b"\x01\x05\x80",
    ];
    for section in sections {
        let body = [b"\0\0\x01\0\0\0\0", section].concat();
        let error = ApiVersionsResponse::decode(&body.into(), 3).unwrap_err();
        assert_eq!(error.path(), "_tagged_fields", "{error}");
    }
}

#[test]
fn an_error_points_at_the_first_byte_of_what_is_wrong() {
    let cases: [(&'static [u8], _); 6] = [
        (
            b"\xff\xff\xff\xfe",
            "topic_names: negative length -2 at byte 0",
        ),
        (
            b"\xff\xff\xff\xff",
            "topic_names: null is not allowed at byte 0",
        ),
        (
            b"\0\0\0\x03\0\0\0\0\0",
            "topic_names: a count of 3 is more than the 5 bytes left can hold at byte 0",
        ),
        (
            b"\0\0\0\x01\xff\xfe\0\0",
            "topic_names[0]: negative length -2 at byte 4",
        ),
        (
            b"\0\0\0\x01\0\x03ab",
            "topic_names[0]: truncated to 2 of 3 bytes at byte 6",
        ),
        (
            b"\0\0\0\x01\0\x02ab\0\0\0",
            "timeout_ms: truncated to 3 of 4 bytes at byte 8",
        ),
    ];
    for (bytes, expected) in cases {
        let error = DeleteTopicsRequest::decode(&Bytes::from_static(bytes), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("DeleteTopicsRequest v1: {expected}")
        );
    }
}

#[test]
fn a_tag_of_another_version_is_refused_as_kafka_refuses_it() {
    // Tag 0 is there from version 16 on; before the tagged section come 11 bytes.
    let body = Bytes::from_static(b"\0\0\0\0\0\0\0\0\0\0\x01\x01\x00\x01\x01");
    assert!(FetchResponse::decode(&body, 16).is_ok());
    let error = FetchResponse::decode(&body, 12).unwrap_err();
    assert_eq!(
        error.to_string(),
        "FetchResponse v12: tag 0 is not of this version at byte 12"
    );
}

#[test]
fn no_unknown_tags_cost_one_word() {
    let none = UnknownTags::default();
    assert!(none.is_empty() && none.get(1).is_none());
    assert_eq!(size_of::<UnknownTags>(), size_of::<usize>());
}

#[test]
fn strings_must_be_utf8() {
    let topic = CreatableTopic {
        name: "naïve".into(),
        ..Default::default()
    };
    let body = CreateTopicsRequest {
        topics: vec![topic],
        ..Default::default()
    };
    let mut bytes = body.encode(2).unwrap().into_bytes().to_vec();
    bytes[8] = b'x';
    let error = CreateTopicsRequest::decode(&bytes.into(), 2).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CreateTopicsRequest v2: topics[0].name: not UTF-8 at byte 4"
    );
}

#[test]
fn a_count_that_could_be_true_reserves_no_more_than_the_frame() {
    // Half a million empty names would fit, and would take sixteen times the frame in memory.
    let mut bytes = vec![0xff; 1 << 20];
    bytes[..4].copy_from_slice(&(500_000_u32).to_be_bytes());
    bytes[4..6].copy_from_slice(&[0x80, 0]);
    let frame = Bytes::from(bytes);
    let mut result = None;
    let info =
        allocation_counter::measure(|| result = Some(DeleteTopicsRequest::decode(&frame, 1)));
    assert_eq!(
        result.unwrap().unwrap_err().reason(),
        &DecodeReason::NegativeLength(-32768)
    );
    assert!(
        info.bytes_max <= (1 << 20) + 1024,
        "{} bytes",
        info.bytes_max
    );
}

#[test]
fn an_array_grows_to_its_count_and_not_beyond() {
    // More than the first reservation holds, and no power of two.
    let count = 3_000;
    let body = DeleteTopicsRequest {
        topic_names: vec![Str::default(); count],
        ..Default::default()
    };
    let bytes = body.encode(1).unwrap().into_bytes();
    let names = DeleteTopicsRequest::decode(&bytes, 1).unwrap().topic_names;
    assert_eq!((names.len(), names.capacity()), (count, count));
}
