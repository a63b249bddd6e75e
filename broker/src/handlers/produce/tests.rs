use std::time::Duration;

use bytes::Bytes;
use milena_codec::{Attributes, Compression, HeaderRef, RecordRef, Stamp};
use milena_protocol::produce::{ProduceRequest, TopicProduceData};
use milena_protocol::{ApiKey, ErrorCode, Records, Request, Str, Uuid};

use crate::Cluster;
use crate::fault::Fault;
use crate::reply::{CloseReason, Reply};
use crate::testing::*;

#[test]
fn batches_get_the_next_offsets_in_every_version() {
    for version in 3..=ProduceRequest::LATEST_STABLE {
        let mut state = cluster();
        for round in 0..2 {
            let mut request = produce_request("orders", &[(0, plain(&["a", "b"]))], -1);
            request.topic_data[0].topic_id = state.topic_id("orders").unwrap();
            let answer = only(ask(&mut state, 1, version, &request));
            assert_eq!(
                (answer.error_code, answer.base_offset),
                (ErrorCode::NONE, round * 2),
                "v{version}"
            );
            assert_eq!(answer.log_append_time_ms, -1);
        }
        let expected = [(0, "a"), (1, "b"), (2, "a"), (3, "b")]
            .map(|(offset, value)| (offset, value.to_owned()));
        assert_eq!(log(&mut state, 0), expected, "v{version}");
    }
}

#[test]
fn records_are_stored_as_they_came() {
    let mut state = cluster();
    let headers = [
        HeaderRef {
            key: "h",
            value: None,
        },
        HeaderRef {
            key: "h",
            value: Some(b"2".into()),
        },
    ];
    let record = RecordRef {
        timestamp: NOW,
        key: Some(b"".into()),
        value: None,
        headers: &headers,
    };
    let batch: Bytes = sealed(&[record]).encode(Stamp::NONE).concat().into();
    assert_eq!(
        produce(&mut state, 0, batch.clone()).error_code,
        ErrorCode::NONE
    );
    let stored = state.topics["orders"].partitions[0].log.oldest().unwrap();
    assert_eq!(stored.records, batch.slice(61..));
    assert_eq!(stored.header.slice(12..16), [0, 0, 0, 0][..]);
    assert_eq!(stored.header.slice(16..), batch.slice(16..61));
}

#[test]
fn every_codec_is_taken_and_zstd_from_version_7_on() {
    for compression in [
        Compression::GZIP,
        Compression::SNAPPY,
        Compression::LZ4,
        Compression::ZSTD,
    ] {
        let mut state = cluster();
        let value = "again and ".repeat(100);
        let batch = compressed(&[&value, &value], compression);
        for version in [3, 6, 7, 12] {
            let request = produce_request("orders", &[(0, batch.clone())], -1);
            let answer = only(ask(&mut state, 1, version, &request));
            let refused = compression == Compression::ZSTD && version < 7;
            let expected = if refused {
                ErrorCode::UNSUPPORTED_COMPRESSION_TYPE
            } else {
                ErrorCode::NONE
            };
            assert_eq!(answer.error_code, expected, "{compression:?} v{version}");
        }
    }
}

/// Produces one batch and expects it to be refused without a trace.
fn refused(batch: Bytes) -> (ErrorCode, String) {
    let mut state = cluster();
    let mut request = produce_request("orders", &[(0, batch)], -1);
    request.transactional_id = Some(Str::from_static("tx"));
    let answer = only(ask(&mut state, 1, 9, &request));
    assert_eq!(answer.base_offset, -1);
    assert_eq!(state.log_range("orders", 0), Some((0, 0)));
    (
        answer.error_code,
        answer.error_message.map(String::from).unwrap_or_default(),
    )
}

#[test]
fn a_batch_that_breaks_a_rule_is_refused() {
    let good = plain(&["a", "b"]);
    let invalid = |batch: Bytes, part: &str| {
        let (code, message) = refused(batch);
        assert_eq!(code, ErrorCode::INVALID_RECORD, "{message}");
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    };
    invalid(Bytes::new(), "empty");
    invalid(
        [&good[..], &good[..]].concat().into(),
        "follow the first batch",
    );
    invalid(good.slice(..good.len() - 1), "came in all");
    invalid(
        altered(&good, |header| header.base_offset = 1),
        "base offset 1",
    );
    invalid(
        altered(&good, |header| header.records_count = 3),
        "last offset delta",
    );
    invalid(
        altered(&good, |header| {
            (header.records_count, header.last_offset_delta) = (0, -1)
        }),
        "counts 0",
    );
    invalid(
        altered(&good, |header| {
            (header.records_count, header.last_offset_delta) = (3, 2)
        }),
        "record 2",
    );
    invalid(
        altered(&good, |header| {
            (header.records_count, header.last_offset_delta) = (1, 0)
        }),
        "bytes are left",
    );
    invalid(
        altered(&good, |header| header.attributes = Attributes(1 << 5)),
        "control",
    );
    invalid(
        altered(&good, |header| header.attributes = Attributes(7)),
        "compression type 7",
    );
    invalid(
        altered(&good, |header| header.attributes = Attributes(1 << 4)),
        "producer id",
    );
    invalid(
        altered(&good, |header| header.producer_id = 7),
        "base sequence -1",
    );
    let mut old = good.to_vec();
    old[16] = 1;
    invalid(old.into(), "magic 1");
}

#[test]
fn damage_is_told_from_disobedience() {
    let good = plain(&["a", "b"]);
    for at in [17, 30, 61, good.len() - 1] {
        let mut bytes = good.to_vec();
        bytes[at] ^= 1;
        assert_eq!(
            refused(bytes.into()).0,
            ErrorCode::CORRUPT_MESSAGE,
            "byte {at}"
        );
    }
    assert_eq!(refused(good.slice(..20)).0, ErrorCode::CORRUPT_MESSAGE);
    assert_eq!(
        refused(altered(&good, |header| header.batch_length = 20)).0,
        ErrorCode::CORRUPT_MESSAGE
    );
    let blob = altered(&good, |header| header.attributes = Attributes(1));
    assert_eq!(refused(blob).0, ErrorCode::UNKNOWN_SERVER_ERROR);
}

#[test]
fn offset_deltas_must_count() {
    let mut bytes = plain(&["a", "b"]).to_vec();
    // Second record: length, attributes, timestamp delta, offset delta.
    let second = bytes.len() - 8;
    assert_eq!(bytes[second..second + 4], [14, 0, 2, 2]);
    bytes[second + 3] = 4;
    let (code, message) = refused(altered(&bytes.into(), |_| {}));
    assert_eq!(code, ErrorCode::INVALID_RECORD);
    assert!(message.contains("record 1: its offset delta"), "{message}");
}

#[test]
fn too_large_is_told_by_batch_and_by_segment() {
    let mut state = builder()
        .topic_with("small", 1, &[("max.message.bytes", "100")])
        .topic_with("short", 1, &[("segment.bytes", "100")])
        .into_state()
        .unwrap();
    let batch = plain(&["0123456789012345678901234567890123456789"]);
    assert!(batch.len() > 100);
    for (topic, code) in [
        ("small", ErrorCode::MESSAGE_TOO_LARGE),
        ("short", ErrorCode::RECORD_LIST_TOO_LARGE),
    ] {
        let answer = only(ask(
            &mut state,
            1,
            9,
            &produce_request(topic, &[(0, batch.clone())], 1),
        ));
        assert_eq!(answer.error_code, code);
    }
    let fits = altered(&plain(&["01234567890123456789012345678901"]), |_| {});
    assert_eq!(fits.len(), 100);
    let answer = only(ask(
        &mut state,
        1,
        9,
        &produce_request("small", &[(0, fits)], 1),
    ));
    assert_eq!(answer.error_code, ErrorCode::NONE);
}

#[test]
fn timestamps_out_of_range_are_told_record_by_record() {
    let mut state = cluster();
    let dated = |timestamp| RecordRef {
        timestamp,
        ..Default::default()
    };
    let batch = sealed(&[
        dated(NOW + 3_600_000),
        dated(NOW + 3_600_001),
        dated(0),
        dated(NOW + 4_000_000),
    ]);
    let answer = produce(&mut state, 0, batch.encode(Stamp::NONE).concat().into());
    assert_eq!(answer.error_code, ErrorCode::INVALID_TIMESTAMP);
    let blamed = answer
        .record_errors
        .iter()
        .map(|record| record.batch_index)
        .collect::<Vec<_>>();
    assert_eq!(blamed, [1, 3]);
    let set_by_client = altered(&plain(&["a"]), |header| {
        header.attributes = Attributes(1 << 3)
    });
    assert_eq!(
        produce(&mut state, 0, set_by_client).error_code,
        ErrorCode::INVALID_TIMESTAMP
    );
}

#[test]
fn a_compacted_topic_wants_keys() {
    let mut state = builder()
        .topic_with("table", 1, &[("cleanup.policy", "compact")])
        .into_state()
        .unwrap();
    let keyed = RecordRef {
        timestamp: NOW,
        key: Some(b"k".into()),
        ..Default::default()
    };
    let keyless = RecordRef {
        timestamp: NOW,
        ..Default::default()
    };
    let batch: Bytes = sealed(&[keyed, keyless])
        .encode(Stamp::NONE)
        .concat()
        .into();
    let answer = only(ask(
        &mut state,
        1,
        9,
        &produce_request("table", &[(0, batch)], 1),
    ));
    assert_eq!(answer.error_code, ErrorCode::INVALID_RECORD);
    assert_eq!(
        answer
            .record_errors
            .iter()
            .map(|record| record.batch_index)
            .collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn log_append_time_is_the_brokers() {
    let settings = [("message.timestamp.type", "LogAppendTime")];
    let mut state = builder()
        .topic_with("log", 1, &settings)
        .into_state()
        .unwrap();
    let far = RecordRef {
        timestamp: i64::MAX,
        value: Some(b"v".into()),
        ..Default::default()
    };
    let batch: Bytes = sealed(&[far]).encode(Stamp::NONE).concat().into();
    let answer = only(ask(
        &mut state,
        1,
        9,
        &produce_request("log", &[(0, batch)], 1),
    ));
    assert_eq!(
        (answer.error_code, answer.log_append_time_ms),
        (ErrorCode::NONE, NOW)
    );
    let stored = state.topics["log"].partitions[0].log.oldest().unwrap();
    let bytes = Bytes::from([&stored.header[..], &stored.records[..]].concat());
    let batch = milena_codec::Batches::exact(bytes).next().unwrap().unwrap();
    batch.verify_crc().unwrap();
    let records = batch
        .records(&mut Default::default())
        .unwrap()
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    assert_eq!(records[0].timestamp, NOW);
    assert_eq!(state.audit().lost(), 0);
}

#[test]
fn a_repeated_batch_is_answered_with_the_offset_it_has() {
    let mut state = cluster();
    for n in 0..5 {
        assert_eq!(
            produce(&mut state, 0, stamped(0, n * 2, &["a", "b"])).base_offset,
            i64::from(n) * 2
        );
    }
    for n in 0..5 {
        let answer = produce(&mut state, 0, stamped(0, n * 2, &["a", "b"]));
        assert_eq!(
            (answer.error_code, answer.base_offset),
            (ErrorCode::NONE, i64::from(n) * 2)
        );
    }
    assert_eq!(state.log_range("orders", 0), Some((0, 10)));
    assert_eq!(
        produce(&mut state, 0, stamped(0, 11, &["a"])).error_code,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(
        produce(&mut state, 0, stamped(1, 10, &["a"])).error_code,
        ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
    );
    assert_eq!(
        produce(&mut state, 0, stamped(1, 0, &["a"])).error_code,
        ErrorCode::NONE
    );
    assert_eq!(
        produce(&mut state, 0, stamped(0, 10, &["a"])).error_code,
        ErrorCode::INVALID_PRODUCER_EPOCH
    );
    assert_eq!(
        produce(&mut state, 1, stamped(0, 10, &["a"])).error_code,
        ErrorCode::NONE
    );
}

#[test]
fn producers_are_remembered_through_a_change_of_leaders() {
    let mut state = cluster();
    produce(&mut state, 0, stamped(0, 0, &["a"]));
    state.node_down(1).unwrap();
    let answer = produce(&mut state, 0, stamped(0, 0, &["a"]));
    assert_eq!(
        (answer.error_code, answer.base_offset),
        (ErrorCode::NONE, 0)
    );
    assert_eq!(state.log_range("orders", 0), Some((0, 1)));
}

#[test]
fn acks_decide_about_the_answer() {
    let mut state = cluster();
    let ask_with = |state: &mut crate::State, acks, partition| {
        handle(
            state,
            1,
            9,
            &produce_request("orders", &[(partition, plain(&["a"]))], acks),
            NOW,
        )
    };
    assert!(matches!(ask_with(&mut state, 0, 0), Reply::Silence));
    assert_eq!(state.log_range("orders", 0), Some((0, 1)));
    // Node 1 does not lead partition 1; without an answer only closing tells.
    let Reply::Close(CloseReason::UnansweredError(code)) = ask_with(&mut state, 0, 1) else {
        panic!()
    };
    assert_eq!(code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    for acks in [2, -2, i16::MAX] {
        let answer = only(ask(
            &mut state,
            1,
            9,
            &produce_request("orders", &[(0, plain(&["a"]))], acks),
        ));
        assert_eq!(answer.error_code, ErrorCode::INVALID_REQUIRED_ACKS);
    }
}

#[test]
fn the_wrong_node_names_the_right_one_from_version_10_on() {
    let mut state = cluster();
    state.move_leader("orders", 0, 2).unwrap();
    for version in [9, 10, 12] {
        let response = ask(
            &mut state,
            1,
            version,
            &produce_request("orders", &[(0, plain(&["a"]))], -1),
        );
        let endpoints = response
            .node_endpoints
            .iter()
            .map(|node| node.node_id)
            .collect::<Vec<_>>();
        let answer = only(response);
        assert_eq!(answer.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
        let leader = (
            answer.current_leader.leader_id,
            answer.current_leader.leader_epoch,
        );
        if version < 10 {
            assert_eq!((leader, endpoints), ((-1, -1), vec![]));
        } else {
            assert_eq!((leader, endpoints), ((2, 1), vec![2]));
        }
    }
}

#[test]
fn what_does_not_exist_is_told_by_name_and_by_id() {
    let mut state = cluster();
    let request = |topic, partition| produce_request(topic, &[(partition, plain(&["a"]))], -1);
    for (topic, partition) in [("nothing", 0), ("orders", 3), ("orders", -1)] {
        let answer = only(ask(&mut state, 1, 12, &request(topic, partition)));
        assert_eq!(answer.error_code, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    let former = state.topic_id("orders").unwrap();
    state.recreate_topic("orders").unwrap();
    for topic_id in [Uuid::ZERO, former] {
        let mut request = request("", 0);
        request.topic_data[0] = TopicProduceData {
            topic_id,
            ..request.topic_data[0].clone()
        };
        assert_eq!(
            only(ask(&mut state, 1, 13, &request)).error_code,
            ErrorCode::UNKNOWN_TOPIC_ID
        );
    }
}

#[test]
fn too_few_replicas_refuse_acks_all_only() {
    let settings = [("min.insync.replicas", "3")];
    let mut state = Cluster::builder()
        .nodes(3)
        .topic_with("orders", 1, &settings)
        .into_state()
        .unwrap();
    state.node_down(3).unwrap();
    let request = |acks| produce_request("orders", &[(0, plain(&["a"]))], acks);
    assert_eq!(
        only(ask(&mut state, 1, 9, &request(-1))).error_code,
        ErrorCode::NOT_ENOUGH_REPLICAS
    );
    assert_eq!(
        only(ask(&mut state, 1, 9, &request(1))).error_code,
        ErrorCode::NONE
    );
}

#[test]
fn partitions_fail_alone() {
    let mut state = Cluster::builder().topic("orders", 3).into_state().unwrap();
    state.push_fault(
        Fault::error(ErrorCode::KAFKA_STORAGE_ERROR)
            .on(ApiKey::PRODUCE)
            .topic("orders")
            .partition(1),
    );
    let request = produce_request(
        "orders",
        &[(0, plain(&["a"])), (1, plain(&["b"])), (2, plain(&["c"]))],
        -1,
    );
    let response = ask(&mut state, 1, 9, &request);
    let codes = response.responses[0]
        .partition_responses
        .iter()
        .map(|answer| answer.error_code)
        .collect::<Vec<_>>();
    assert_eq!(
        codes,
        [
            ErrorCode::NONE,
            ErrorCode::KAFKA_STORAGE_ERROR,
            ErrorCode::NONE
        ]
    );
    assert_eq!(state.log_range("orders", 1), Some((0, 0)));
    assert_eq!(
        only(ask(
            &mut state,
            1,
            9,
            &produce_request("orders", &[(1, plain(&["b"]))], -1)
        ))
        .base_offset,
        0
    );
}

#[test]
fn an_error_after_applying_leaves_the_records_there() {
    let mut state = cluster();
    let code = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    state.push_fault(Fault::error_after_applying(code).on(ApiKey::PRODUCE));
    let answer = produce(&mut state, 0, stamped(0, 0, &["a"]));
    assert_eq!((answer.error_code, answer.base_offset), (code, 0));
    assert_eq!(state.audit().unacknowledged(), 1);
    assert_eq!(produce(&mut state, 0, stamped(0, 0, &["a"])).base_offset, 0);
    let audit = state.audit();
    assert_eq!(
        (audit.stored(), audit.acknowledged(), audit.unacknowledged()),
        (1, 1, 0)
    );
    assert_eq!(audit.partitions[0].recognised, 1);
}

#[test]
fn throttle_and_delay_show_in_the_answer() {
    let mut state = cluster();
    state.push_fault(Fault::throttle(Duration::from_millis(300)));
    state.push_fault(Fault::delay(Duration::from_millis(40)));
    let request = produce_request("orders", &[(0, plain(&["a"]))], -1);
    let Reply::Answer(answer) = handle(&mut state, 1, 9, &request, NOW) else {
        panic!()
    };
    assert_eq!(answer.due, NOW + 40);
    assert_eq!(body::<ProduceRequest>(&answer, 9).throttle_time_ms, 300);
    let _ = handle(&mut state, 1, 9, &request, NOW + 339);
    let _ = handle(&mut state, 1, 9, &request, NOW + 340);
    let marked = state
        .requests()
        .map(|entry| entry.while_throttled)
        .collect::<Vec<_>>();
    assert_eq!(marked, [false, true, false]);
}

#[test]
fn null_and_missing_records_are_refused() {
    let mut state = cluster();
    let mut request = produce_request("orders", &[(0, Bytes::new())], -1);
    for records in [None, Some(Records::default())] {
        request.topic_data[0].partition_data[0].records = records;
        assert_eq!(
            only(ask(&mut state, 1, 9, &request)).error_code,
            ErrorCode::INVALID_RECORD
        );
    }
}
