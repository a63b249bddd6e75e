//! Messages and headers that are none: each kind of damage has its own error, which says where it is.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use bytes::Bytes;
use milena_protocol::{
    Api, ApiKey, DecodeError, Direction, decode_request_header, decode_response_header,
};
use milena_testdata::table;

use Direction::{Request, Response};

/// A kind of damage, in what, the bytes, and the error.
struct Case(&'static str, Kind, &'static [u8], &'static str);

enum Kind {
    Body(ApiKey, Direction, i16),
    RequestHeader,
    ResponseHeader(ApiKey, i16),
}

use Kind::{Body, RequestHeader, ResponseHeader};

const CASES: &[Case] = &[
    Case(
        "cut off before a number",
        Body(ApiKey::INIT_PRODUCER_ID, Response, 0),
        b"\0\0\0\0\0\0\0\0\0\0",
        "InitProducerIdResponse v0: producer_id: truncated to 4 of 8 bytes at byte 6",
    ),
    Case(
        "cut off within a string",
        Body(ApiKey::METADATA, Response, 0),
        b"\0\0\0\x01\0\0\0\x07\0\x09local",
        "MetadataResponse v0: brokers[0].host: truncated to 5 of 9 bytes at byte 10",
    ),
    Case(
        "a string longer than the rest",
        Body(ApiKey::FIND_COORDINATOR, Request, 0),
        b"\x7f\xffgroup",
        "FindCoordinatorRequest v0: key: truncated to 5 of 32767 bytes at byte 2",
    ),
    Case(
        "a string longer than any may be",
        Body(ApiKey::FIND_COORDINATOR, Request, 3),
        b"\x81\x80\x02group",
        "FindCoordinatorRequest v3: key: a string of 32768 bytes, where 32767 are the most at byte 0",
    ),
    Case(
        "a record set longer than the rest",
        Body(ApiKey::PRODUCE, Request, 3),
        b"\xff\xff\0\x01\0\0\0\x1e\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\x7f\xff\xff\xff\x01\x02\x03\x04",
        "ProduceRequest v3: topic_data[0].partition_data[0].records: truncated to 4 of 2147483647 bytes at byte 27",
    ),
    Case(
        "a count that the rest cannot hold",
        Body(ApiKey::METADATA, Response, 0),
        b"\x7f\xff\xff\xff\0\0\0\x07\0\x09localhost\0\0\x23\x84",
        "MetadataResponse v0: brokers: a count of 2147483647 is more than the 19 bytes left can hold at byte 0",
    ),
    Case(
        "a compact count that the rest cannot hold",
        Body(ApiKey::METADATA, Request, 12),
        b"\x05\0\0\0\0",
        "MetadataRequest v12: topics: a count of 4 is more than the 4 bytes left can hold at byte 0",
    ),
    Case(
        "a negative length that is not null",
        Body(ApiKey::FIND_COORDINATOR, Request, 0),
        b"\xff\xfegroup",
        "FindCoordinatorRequest v0: key: negative length -2 at byte 0",
    ),
    Case(
        "null where there is none",
        Body(ApiKey::FIND_COORDINATOR, Request, 3),
        b"\0\0\0",
        "FindCoordinatorRequest v3: key: null is not allowed at byte 0",
    ),
    Case(
        "null for an array where there is none",
        Body(ApiKey::METADATA, Request, 0),
        b"\xff\xff\xff\xff",
        "MetadataRequest v0: topics: null is not allowed at byte 0",
    ),
    Case(
        "text that is not UTF-8",
        Body(ApiKey::METADATA, Request, 1),
        b"\0\0\0\x02\0\x01a\0\x02\xc3\x28",
        "MetadataRequest v1: topics[1].name: not UTF-8 at byte 7",
    ),
    Case(
        "a varint of more than 32 bits",
        Body(ApiKey::METADATA, Request, 12),
        b"\xff\xff\xff\xff\xff\x01",
        "MetadataRequest v12: topics: varint too long at byte 0",
    ),
    Case(
        "a varint that does not end",
        Body(ApiKey::METADATA, Request, 12),
        b"\x80\x80",
        "MetadataRequest v12: topics: truncated to 2 of 3 bytes at byte 0",
    ),
    Case(
        "a tagged section that is missing",
        Body(ApiKey::FIND_COORDINATOR, Request, 3),
        b"\x02g\0",
        "FindCoordinatorRequest v3: _tagged_fields: truncated to 0 of 1 byte at byte 3",
    ),
    Case(
        "a number of tagged fields that the rest cannot hold",
        Body(ApiKey::FIND_COORDINATOR, Request, 3),
        b"\x02g\0\x02\x09\0\x0a",
        "FindCoordinatorRequest v3: _tagged_fields: a count of 2 is more than the 3 bytes left can hold at byte 3",
    ),
    Case(
        "tags out of order",
        Body(ApiKey::FIND_COORDINATOR, Request, 3),
        b"\x02g\0\x02\x09\0\x08\0",
        "FindCoordinatorRequest v3: tag 8 out of order at byte 6",
    ),
    Case(
        "a tag that the message has in other versions only",
        Body(ApiKey::FETCH, Response, 12),
        b"\0\0\0\0\0\0\0\0\0\0\x01\x01\0\x01\x01",
        "FetchResponse v12: tag 0 is not of this version at byte 12",
    ),
    Case(
        "a tag that comes twice",
        Body(ApiKey::FIND_COORDINATOR, Request, 3),
        b"\x02g\0\x02\x09\0\x09\0",
        "FindCoordinatorRequest v3: tag 9 out of order at byte 6",
    ),
    Case(
        "a tagged field longer than the rest",
        Body(ApiKey::FIND_COORDINATOR, Request, 3),
        b"\x02g\0\x01\x09\x05ab",
        "FindCoordinatorRequest v3: _tagged_fields: truncated to 2 of 5 bytes at byte 6",
    ),
    Case(
        "a tagged field that does not fill its size",
        Body(ApiKey::FETCH, Request, 15),
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\x01\x01\0\x03\x02gg",
        "FetchRequest v15: cluster_id: 1 byte left over at byte 29",
    ),
    Case(
        "a tag that only other versions have",
        Body(ApiKey::FETCH, Request, 12),
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x01\x01\x01\x01\0",
        "FetchRequest v12: tag 1 is not of this version at byte 29",
    ),
    Case(
        "bytes left over",
        Body(ApiKey::FIND_COORDINATOR, Request, 0),
        b"\0\x01g\0\0",
        "FindCoordinatorRequest v0: 2 bytes left over at byte 3",
    ),
    Case(
        "a version that there is not",
        Body(ApiKey::METADATA, Request, 99),
        b"",
        "MetadataRequest v99: version not in 0-13 at byte 0",
    ),
    Case(
        "a request header cut off",
        RequestHeader,
        b"\0\x03\0\x0c\0\0\0",
        "RequestHeader v1: correlation_id: truncated to 3 of 4 bytes at byte 4",
    ),
    Case(
        "a client id longer than the header",
        RequestHeader,
        b"\0\x03\0\x01\0\0\0\x07\0\x20client",
        "RequestHeader v1: client_id: truncated to 6 of 32 bytes at byte 10",
    ),
    Case(
        "a request header without its tagged section",
        RequestHeader,
        b"\0\x03\0\x0c\0\0\0\x07\xff\xff",
        "RequestHeader v2: _tagged_fields: truncated to 0 of 1 byte at byte 10",
    ),
    Case(
        "a response header cut off",
        ResponseHeader(ApiKey::METADATA, 12),
        b"\0\0\0\x07",
        "ResponseHeader v1: _tagged_fields: truncated to 0 of 1 byte at byte 4",
    ),
];

fn read(kind: &Kind, bytes: &Bytes) -> Option<DecodeError> {
    match kind {
        Body(key, direction, version) => {
            let api = Api::find(*key).unwrap();
            api.read(*direction, *version, bytes).err()
        }
        RequestHeader => decode_request_header(bytes).err(),
        ResponseHeader(key, version) => decode_response_header(bytes, *key, *version).err(),
    }
}

#[test]
fn each_kind_of_damage_says_what_and_where() {
    let mut rows = vec![vec!["what is wrong".to_owned(), "the error".to_owned()]];
    let mut wrong = Vec::new();
    for Case(what, kind, bytes, expected) in CASES {
        let error = read(kind, &Bytes::from_static(bytes));
        let text = error.map_or_else(|| "no error".to_owned(), |error| error.to_string());
        if text != *expected {
            wrong.push(format!("{what}:\n  expected {expected}\n  but      {text}"));
        }
        rows.push(vec![(*what).to_owned(), format!("`{text}`")]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    table::check("ERRORS.md", "messages", &rows);
}
