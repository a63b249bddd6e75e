//! `milena decode` prints what bytes say, or where they stop making sense.

use std::slice;

use crate::support::{Finished, run};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::{Bytes, BytesMut};
use milena_codec::{
    Attributes, BatchBuilder, BatchHeader, Batches, Compression, CompressionType, Compressor,
    HEADER_LEN, RecordRef, Stamp,
};
use milena_protocol::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use milena_protocol::metadata::{MetadataRequest, MetadataRequestTopic};
use milena_protocol::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use milena_protocol::share_fetch::{self, ShareFetchResponse, ShareFetchableTopicResponse};
use milena_protocol::{Message, Request, Str, UnknownTags, encode_request};
use serde_json::json;

fn frame<R: Request>(version: i16, request: &R) -> Bytes {
    let frame = encode_request(7, Some(&Str::from_static("me")), version, request);
    frame.unwrap().into_bytes()
}

fn metadata() -> Bytes {
    let topic = MetadataRequestTopic {
        name: Some("orders".into()),
        ..Default::default()
    };
    let mut unknown_tags = UnknownTags::default();
    unknown_tags.insert(5, vec![0xff].into());
    let request = MetadataRequest {
        topics: Some(vec![topic]),
        unknown_tags,
        ..Default::default()
    };
    frame(12, &request)
}

fn produce(records: Bytes) -> Bytes {
    let partition = PartitionProduceData {
        index: 3,
        records: Some(records.into()),
        ..Default::default()
    };
    let topic = TopicProduceData {
        name: "orders".into(),
        partition_data: vec![partition],
        ..Default::default()
    };
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 1000,
        topic_data: vec![topic],
        ..Default::default()
    };
    frame(9, &request)
}

fn batch() -> Vec<u8> {
    let mut builder = BatchBuilder::new(1024);
    for (key, value) in [(Some("k"), &b"text"[..]), (None, b"\xff")] {
        let record = RecordRef {
            timestamp: 1_700_000_000_000,
            key: key.map(Into::into),
            value: Some(value.into()),
            headers: &[],
        };
        let cost = builder.cost(&record);
        if cost.chunk > 0 {
            builder.add_chunk(BytesMut::with_capacity(1024));
        }
        builder.append(cost).unwrap();
    }
    builder.seal().encode(Stamp::NONE).concat()
}

fn decode(args: &[&str], input: &[u8]) -> Finished {
    run(&[&["decode", "--compact"], args].concat(), input)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_request_comes_as_hex_or_base64_or_bytes_with_or_without_its_length() {
    let framed = metadata();
    let expected = json!({
        "requestHeader": {
            "requestApiKey": 3, "requestApiKeyName": "Metadata", "requestApiVersion": 12,
            "correlationId": 7, "clientId": "me",
        },
        "request": {
            "topics": [{"topicId": "AAAAAAAAAAAAAAAAAAAAAA", "name": "orders"}],
            "allowAutoTopicCreation": true, "includeTopicAuthorizedOperations": false,
            "unknownTaggedFields": {"5": "/w=="},
        },
    });
    for bytes in [&framed[..], &framed[4..]] {
        let (digits, text) = (hex(bytes), STANDARD.encode(bytes));
        let ways: [(&[&str], &[u8]); 6] = [
            (&["--hex", &digits], b""),
            (&["--base64", &text], b""),
            (&[], bytes),
            (&["-"], digits.as_bytes()),
            (&["--encoding", "base64"], text.as_bytes()),
            (&["--api", "metadata", "--api-version", "12"], bytes),
        ];
        for (args, input) in ways {
            let decoded = decode(args, input).expect(0);
            assert_eq!(decoded.json(), slice::from_ref(&expected), "{args:?}");
            assert_eq!(decoded.stderr(), "");
        }
    }
}

#[test]
fn a_file_may_hold_several_frames() {
    let file = std::env::temp_dir().join(format!("milena-decode-{}", std::process::id()));
    std::fs::write(&file, [metadata(), produce(batch().into())].concat()).unwrap();
    let decoded = decode(&[file.to_str().unwrap()], b"").expect(0);
    std::fs::remove_file(file).unwrap();
    let messages = decoded.json();
    let names: Vec<_> = messages
        .iter()
        .map(|message| &message["requestHeader"]["requestApiKeyName"])
        .collect();
    assert_eq!(names, ["Metadata", "Produce"]);
}

#[test]
fn records_are_shown() {
    let decoded = decode(&[], &produce(batch().into())).expect(0).json();
    let partition = &decoded[0]["request"]["topicData"][0]["partitionData"][0];
    let batch = &partition["records"][0];
    assert_eq!(partition["index"], 3);
    assert_eq!(
        (
            &batch["compression"],
            &batch["producerId"],
            &batch["isControl"]
        ),
        (&json!("none"), &json!(-1), &json!(false))
    );
    let records = json!([
        {"offset": 0, "timestamp": 1_700_000_000_000_u64, "key": "k", "value": "text", "headers": []},
        {"offset": 1, "timestamp": 1_700_000_000_000_u64, "key": null, "value": {"base64": "/w=="}, "headers": []},
    ]);
    assert_eq!(batch["records"], records);
}

#[test]
fn a_response_is_read_with_or_without_its_header() {
    let frame = b"\0\0\0\x0b\0\0\0\x07\0\0\0\0\0\0\x05";
    let response = ["--response", "--api", "22", "--api-version", "0"];
    let truncated = decode(&response, frame).expect(1);
    let says = truncated.stderr();
    assert!(
        says.contains(
            "InitProducerIdResponse v0: producer_id: truncated to 1 of 8 bytes at byte 6"
        ),
        "{says}"
    );

    let whole = b"\0\0\0\x14\0\0\0\x07\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\x09";
    let body = json!({"throttleTimeMs": 0, "errorCode": 0, "producerId": 1280, "producerEpoch": 9});
    let both = json!({"responseHeader": {"correlationId": 7}, "response": body});
    assert_eq!(decode(&response, whole).expect(0).json(), [both]);
    let alone = [&response[..], &["--body"]].concat();
    assert_eq!(decode(&alone, &whole[8..]).expect(0).json(), [body]);
}

#[test]
fn what_cannot_be_read_is_marked() {
    let framed = metadata();
    let cut = decode(&["--hex", &hex(&framed[..25])], b"").expect(1);
    assert_eq!(
        cut.stderr(),
        "milena: the frame's length says 44 bytes, and 21 are there
  here, at byte 0 of the input:
  000000  00 00 00 2c 00 03 00 0c 00 00 00 07 00 02 6d 65
          ^^
milena: MetadataRequest v12: topics: a count of 1 is more than the 7 bytes left can hold at byte 0
  here, at byte 17 of the input:
  000000  00 00 00 2c 00 03 00 0c 00 00 00 07 00 02 6d 65
  000010  00 02 00 00 00 00 00 00 00
             ^^
"
    );
    assert_eq!(cut.stdout(), "");
}

#[test]
fn a_frame_is_taken_for_what_it_is_though_it_is_none() {
    let response = ["--response", "--api", "Metadata", "--api-version", "1"];
    // Arguments, what is said of them, and where in the input.
    let cases: [(&[&str], &str, Option<usize>); 11] = [
        // A version that there is not, with and without a length, and cut off.
        (
            &["--hex", "0003 00ff 00000007 ffff 00"],
            "Metadata (3) has versions 0-13, and not 255",
            Some(2),
        ),
        (
            &["--hex", "0003 0063 00000007 ffff 00000000"],
            "Metadata (3) has versions 0-13, and not 99",
            Some(2),
        ),
        (
            &["--hex", "0000000e 0003 0063 00000007 ffff 00000000"],
            "Metadata (3) has versions 0-13, and not 99",
            Some(6),
        ),
        (
            &["--hex", "0000001e 0003 0063 00000007 ffff 00000000"],
            "Metadata (3) has versions 0-13, and not 99",
            Some(6),
        ),
        (
            &["--hex", "0004 0001 00000007 ffff 00000000"],
            "LeaderAndIsr (4) is no API that clients speak",
            Some(0),
        ),
        (
            &["--hex", "0103 0001 77000007 ffff 00000000"],
            "unknown API (259) is no API that clients speak",
            Some(0),
        ),
        // Not what was asked for.
        (
            &[
                "--api",
                "Produce",
                "--hex",
                "0003 0001 00000007 ffff 00000000",
            ],
            "the header says Metadata (3), version 1",
            Some(0),
        ),
        (
            &[
                "--api-version",
                "2",
                "--hex",
                "0003 0001 00000007 ffff 00000000",
            ],
            "the header says Metadata (3), version 1",
            Some(2),
        ),
        // Behind a length that is wrong, and behind one that is missing.
        (
            &[
                "--framing",
                "length",
                "--hex",
                "0000000e 0003 0001 00000007 ffff 00000000 0000",
            ],
            "2 bytes are left, too few for a frame's length",
            Some(18),
        ),
        (
            &[
                &response[..],
                &[
                    "--hex",
                    "00000020 00000007 00000000 00000001 00000001 0000ff",
                ],
            ]
            .concat(),
            "the frame's length says 32 bytes, and 19 are there",
            Some(0),
        ),
        (
            &[
                "--response",
                "--api",
                "3",
                "--api-version",
                "99",
                "--hex",
                "00000007 00000000",
            ],
            "Metadata (3) has versions 0-13, and not 99",
            None,
        ),
    ];
    for (args, complaint, at) in cases {
        let refused = decode(args, b"").expect(1);
        let says = refused.stderr();
        let place = at.map_or_else(String::new, |at| {
            format!("\n  here, at byte {at} of the input")
        });
        let (_, behind) = says
            .split_once(complaint)
            .unwrap_or_else(|| panic!("{args:?}: {says}"));
        let line_end = behind.find('\n').unwrap();
        assert!(behind[line_end..].starts_with(&place), "{args:?}: {says}");
        assert_eq!(
            at.is_none(),
            !behind.contains("of the input"),
            "{args:?}: {says}"
        );
    }
}

#[test]
fn where_the_bytes_do_not_tell_the_framing_is_said() {
    let guess = "taken for a frame without its length in front; for one with it: --framing length";
    let noise = decode(&["--hex", "77 66 55 44 33 22 11 00 ff ff"], b"").expect(1);
    assert!(noise.stderr().contains(guess), "{}", noise.stderr());
    let sure = decode(&["--hex", "0003 0001 00000007 ffff 000000"], b"").expect(1);
    assert!(!sure.stderr().contains("taken for"), "{}", sure.stderr());
}

#[test]
fn a_correlation_id_may_be_what_a_length_would_be() {
    let response = ["--response", "--api", "Heartbeat", "--api-version", "1"];
    let hex = ["--hex", "00000006 00000000 0000"];
    let decoded = decode(&[&response[..], &hex].concat(), b"").expect(0);
    assert_eq!(decoded.json()[0]["responseHeader"]["correlationId"], 6);
    // It could be one of an older version, with its length.
    let says = decoded.stderr();
    assert!(says.contains("--framing length"), "{says}");
}

#[test]
fn the_answer_to_an_unknown_version_of_api_versions_is_read() {
    let args = ["--response", "--api", "ApiVersions", "--api-version", "4"];
    let hex = ["--hex", "00000007 0023 00000001 0012 0000 0004"];
    let decoded = decode(&[&args[..], &hex].concat(), b"").expect(0);
    let keys = json!([{"apiKey": 18, "minVersion": 0, "maxVersion": 4}]);
    let response = json!({"errorCode": 35, "apiKeys": keys});
    assert_eq!(decoded.json()[0]["response"], response);
    let body = ["--body", "--hex", "0023 00000001 0012 0000 0004"];
    let decoded = decode(&[&args[..], &body].concat(), b"").expect(0);
    assert_eq!(decoded.json(), [response]);
}

#[test]
fn a_response_without_its_arguments_is_told_how_it_is_read() {
    let refused = decode(&["--hex", "00000001 0000 00000000"], b"").expect(1);
    let says = refused.stderr();
    assert!(
        says.contains("--response --api API --api-version N"),
        "{says}"
    );
    let help = run(&["decode", "--help"], b"").expect(0).stdout();
    assert!(help.contains("under the offending byte"), "{help}");
}

#[test]
fn text_that_stands_for_no_bytes_is_refused() {
    let cases: [(&[u8], &str); 6] = [
        (b"00030001000000 07ffff0000000", "half a byte is missing"),
        (b"\"0003\"", "neither hex digits"),
        (b"\xff\xfe0\x000\x00", "UTF-16"),
        (b"00000000  00 00\n*\n00000010\n", "leaves lines out"),
        ("0003 0001 \u{fc}".as_bytes(), "neither hex digits"),
        (
            b"00000000: 0003 0001\n00000010: 0007\n",
            "its offsets do not count its bytes",
        ),
    ];
    for (text, complaint) in cases {
        let refused = decode(&[], text).expect(1);
        let says = refused.stderr();
        assert!(says.contains(complaint), "{says}");
    }
}

#[test]
fn dumps_are_read() {
    let framed = metadata();
    let dump: String = framed
        .chunks(16)
        .enumerate()
        .map(|(line, bytes)| format!("{:08x}: {}  {}\n", line * 16, hex(bytes), "me.orders"))
        .collect();
    let expected = decode(&["--hex", &hex(&framed)], b"").expect(0).json();
    assert_eq!(decode(&[], dump.as_bytes()).expect(0).json(), expected);
    assert_eq!(decode(&["--hex", &dump], b"").expect(0).json(), expected);
    let marked = format!("\u{feff}{}", hex(&framed));
    assert_eq!(decode(&[], marked.as_bytes()).expect(0).json(), expected);
}

#[test]
fn zeros_are_no_frames() {
    let refused = decode(&["--encoding", "raw"], &[0; 1 << 20]).expect(1);
    assert!(refused.stderr().len() < 1000, "{}", refused.stderr().len());
}

#[test]
fn unknown_tags_of_a_header_are_shown() {
    let decoded = decode(
        &["--hex", "0003 000c 00000007 ffff 01 05 01 aa 01 00 00 00"],
        b"",
    );
    let header = &decoded.expect(0).json()[0]["requestHeader"];
    assert_eq!(header["unknownTaggedFields"], json!({"5": "qg=="}));
    let response = ["--response", "--api", "3", "--api-version", "12"];
    let empty = "00000007 01 05 01 aa 00000000 01 00 00000000 01 00";
    let decoded = decode(&[&response[..], &["--hex", empty]].concat(), b"");
    let header = &decoded.expect(0).json()[0]["responseHeader"];
    assert_eq!(header["unknownTaggedFields"], json!({"5": "qg=="}));
}

#[test]
fn text_that_would_steer_a_terminal_is_escaped() {
    let client = Str::from_static("\u{9b}2J\u{202e}");
    let frame = encode_request(7, Some(&client), 12, &MetadataRequest::default());
    let decoded = decode(&[], &frame.unwrap().into_bytes()).expect(0);
    let shown = decoded.stdout();
    assert!(shown.contains(r#""\u009b2J\u202e""#), "{shown}");
}

#[test]
fn a_fetched_batch_that_is_cut_off_is_no_error() {
    let records = Bytes::from([&batch()[..], &batch()[..50]].concat());
    let fetched = FetchResponse {
        responses: vec![FetchableTopicResponse {
            partitions: vec![PartitionData {
                records: Some(records.clone().into()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    let shared = ShareFetchResponse {
        responses: vec![ShareFetchableTopicResponse {
            partitions: vec![share_fetch::PartitionData {
                records: Some(records.into()),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    for (api, version, body) in [
        ("Fetch", "12", fetched.encode(12)),
        ("ShareFetch", "1", shared.encode(1)),
    ] {
        let args = [
            "--response",
            "--body",
            "--api",
            api,
            "--api-version",
            version,
        ];
        let decoded = decode(&args, &body.unwrap().into_bytes()).expect(0);
        let records = &decoded.json()[0]["responses"][0]["partitions"][0]["records"];
        assert_eq!(records[0]["records"].as_array().map(Vec::len), Some(2));
        assert_eq!(records[1], json!({"cutOffBatchSizeInBytes": 50}));
    }
}

#[test]
fn a_message_from_before_there_were_batches_is_decoded() {
    let message = b"\0\0\0\0\0\0\0\x05\0\0\0\x11I\xa5\xaa\x88\0\0\xff\xff\xff\xff\0\0\0\x03old";
    let decoded = decode(&[], &produce(message.to_vec().into())).expect(0);
    let partition = &decoded.json()[0]["request"]["topicData"][0]["partitionData"][0];
    let record = json!({"offset": 5, "timestamp": -1, "key": null, "value": "old", "headers": []});
    let batch = json!({
        "magic": 0, "compression": "none", "timestampType": null, "lastOffset": 5,
        "records": [record],
    });
    assert_eq!(partition["records"], json!([batch]));
}

#[test]
fn a_broken_batch_is_told_beside_what_could_be_read() {
    let mut broken = batch();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let set = [batch(), broken].concat();
    let decoded = decode(&[], &produce(set.into())).expect(1);
    let batches =
        decoded.json()[0]["request"]["topicData"][0]["partitionData"][0]["records"].clone();
    assert_eq!(batches[0]["records"].as_array().map(Vec::len), Some(2));
    assert_eq!(batches[1]["records"], json!([]));
    let says = decoded.stderr();
    assert!(
        says.starts_with("milena: record batch of offset 0 at byte 81: CRC 0x"),
        "{says}"
    );
    // The CRC's first byte, 17 bytes into the second batch.
    assert!(says.contains("here, at byte 137 of the input"), "{says}");
}

#[test]
fn of_what_was_compressed_the_batch_is_shown() {
    // One record more than the header tells of.
    let whole = Batches::exact(batch().into()).next().unwrap().unwrap();
    let whole = whole.into_current().unwrap();
    let mut compressor = Compressor::new(Compression::GZIP).unwrap();
    let mut section = Vec::new();
    let records = whole.records_section();
    compressor
        .compress([&records[..]].into_iter(), &mut section)
        .unwrap();
    let header = BatchHeader {
        attributes: Attributes::new(CompressionType::Gzip, false),
        batch_length: i32::try_from(HEADER_LEN - 12 + section.len()).unwrap(),
        records_count: 1,
        ..*whole.header()
    };
    let set = [&header.encode_with_crc([&section[..]])[..], &section].concat();
    let decoded = decode(&[], &produce(set.into())).expect(1);
    let says = decoded.stderr();
    let place = ", in the batch that begins\n  here, at byte 38 of the input";
    assert!(says.contains("of the decompressed records"), "{says}");
    assert!(says.contains(place), "{says}");
}

#[test]
fn questions_without_an_answer_are_usage_errors() {
    let cases: [(&[&str], &str); 11] = [
        (&["--response"], "--api"),
        (&["--api", "-1"], "no API that clients speak"),
        (&["--hex", "00", "--encoding", "raw"], "cannot be used with"),
        (&["--body", "--framing", "none"], "cannot be used with"),
        (&["--body", "--api", "3"], "--api-version"),
        (
            &["--api", "Nonsense"],
            "`Metadata` and `3` are the same one",
        ),
        (&["--api", "metdata"], "did you mean Metadata (3)?"),
        (&["--api", "LeaderAndIsr"], "no API that clients speak"),
        (&["--hex", "00", "--base64", "AA=="], "cannot be used with"),
        (&["--hex", "0x0"], "half a byte is missing"),
        (&[], "nothing to decode"),
    ];
    for (args, complaint) in cases {
        let refused = decode(args, b"");
        let says = refused.stderr();
        assert!(says.contains(complaint), "{args:?}: {says}");
        refused.expect(2);
    }
}
