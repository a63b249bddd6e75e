use milena_codec::Compression;
use milena_protocol::fetch::{FetchPartition, FetchRequest};
use milena_protocol::{ApiKey, ErrorCode, Request, Uuid};

use crate::reply::{Reply, Waiting};
use crate::testing::*;
use crate::{Fault, State};

fn filled() -> State {
    let mut state = cluster();
    for values in [["a", "b"], ["c", "d"], ["e", "f"]] {
        produce(&mut state, 0, plain(&values));
    }
    state
}

/// A fetch from partition 0 of "orders", which node 1 leads.
fn from(state: &State, offset: i64) -> FetchRequest {
    fetch_request("orders", state.topic_id("orders").unwrap(), 0, offset)
}

fn waiting(reply: Reply) -> Waiting {
    match reply {
        Reply::Wait(waiting) => waiting,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_version_reads_from_the_batch_that_holds_the_offset() {
    for version in 4..=FetchRequest::LATEST_STABLE {
        let mut state = filled();
        let request = from(&state, 3);
        let response = ask(&mut state, 1, version, &request);
        let offsets = fetched(&response)
            .iter()
            .map(|record| record.0)
            .collect::<Vec<_>>();
        assert_eq!(offsets, [2, 3, 4, 5], "v{version}");
        let data = &response.responses[0].partitions[0];
        assert_eq!((data.high_watermark, data.last_stable_offset), (6, 6));
        assert_eq!(response.session_id, 0);
    }
}

#[test]
fn records_are_handed_out_without_a_copy() {
    let mut state = cluster();
    produce(&mut state, 0, plain(&[&"x".repeat(5000)]));
    let request = from(&state, 0);
    let Reply::Answer(answer) = handle(&mut state, 1, 11, &request, NOW) else {
        panic!()
    };
    let stored = &state.topics["orders"].partitions[0]
        .log
        .oldest()
        .unwrap()
        .records;
    assert!(
        answer
            .segments
            .iter()
            .any(|segment| segment.as_ptr() == stored.as_ptr())
    );
}

#[test]
fn limits_cut_between_batches_and_never_before_the_first() {
    let mut state = filled();
    let one = plain(&["a", "b"]).len() as i32;
    for (max_bytes, partition_max_bytes, records) in [
        (1, 1, 2),
        (one, 1 << 20, 2),
        (2 * one - 1, 1 << 20, 2),
        (2 * one, 1 << 20, 4),
        (1 << 20, 2 * one, 4),
    ] {
        let mut request = FetchRequest {
            max_bytes,
            ..from(&state, 0)
        };
        request.topics[0].partitions[0].partition_max_bytes = partition_max_bytes;
        let response = ask(&mut state, 1, 11, &request);
        assert_eq!(
            fetched(&response).len(),
            records,
            "{max_bytes} {partition_max_bytes}"
        );
    }
}

#[test]
fn a_fetch_waits_for_enough_bytes_or_its_deadline() {
    let mut state = filled();
    let request = FetchRequest {
        max_wait_ms: 100,
        ..from(&state, 6)
    };
    let waits = waiting(handle(&mut state, 1, 11, &request, NOW));
    assert_eq!(waits.deadline(), NOW + 100);
    let waits = waiting(state.resume(waits, NOW + 50));
    let changes = state.changes();
    produce(&mut state, 0, plain(&["g"]));
    assert!(state.changes() > changes);
    let Reply::Answer(answer) = state.resume(waits, NOW + 60) else {
        panic!()
    };
    assert_eq!(
        fetched(&body::<FetchRequest>(&answer, 11)),
        [(6, "g".to_owned())]
    );

    let request = FetchRequest {
        min_bytes: 1 << 20,
        max_wait_ms: 100,
        ..from(&state, 0)
    };
    let waits = waiting(handle(&mut state, 1, 11, &request, NOW));
    let waits = waiting(state.resume(waits, NOW + 99));
    let Reply::Answer(answer) = state.resume(waits, NOW + 100) else {
        panic!()
    };
    assert_eq!(fetched(&body::<FetchRequest>(&answer, 11)).len(), 7);
}

#[test]
fn a_wait_ends_when_the_leader_or_the_node_goes() {
    let mut state = filled();
    let request = from(&state, 6);
    let waits = waiting(handle(&mut state, 1, 12, &request, NOW));
    state.move_leader("orders", 0, 2).unwrap();
    let Reply::Answer(answer) = state.resume(waits, NOW) else {
        panic!()
    };
    let data = &body::<FetchRequest>(&answer, 12).responses[0].partitions[0];
    assert_eq!(data.error_code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!(
        (
            data.current_leader.leader_id,
            data.current_leader.leader_epoch
        ),
        (2, 1)
    );

    let waits = waiting(handle(&mut state, 2, 12, &request, NOW));
    state.node_down(2).unwrap();
    assert!(matches!(state.resume(waits, NOW), Reply::Close(_)));
}

fn error(state: &mut State, node: i32, version: i16, request: &FetchRequest) -> ErrorCode {
    ask(state, node, version, request).responses[0].partitions[0].error_code
}

#[test]
fn offsets_epochs_and_places_are_checked() {
    let mut state = filled();
    state.move_leader("orders", 0, 2).unwrap();
    state.move_leader("orders", 0, 1).unwrap();
    for offset in [-1, 7] {
        let request = from(&state, offset);
        assert_eq!(
            error(&mut state, 1, 11, &request),
            ErrorCode::OFFSET_OUT_OF_RANGE
        );
    }
    for (epoch, code) in [
        (1, ErrorCode::FENCED_LEADER_EPOCH),
        (2, ErrorCode::NONE),
        (3, ErrorCode::UNKNOWN_LEADER_EPOCH),
    ] {
        let mut request = from(&state, 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        assert_eq!(error(&mut state, 1, 11, &request), code);
    }
    let request = from(&state, 0);
    assert_eq!(
        error(&mut state, 2, 11, &request),
        ErrorCode::NOT_LEADER_OR_FOLLOWER
    );
    let request = fetch_request("nothing", Uuid::ZERO, 0, 0);
    assert_eq!(
        error(&mut state, 1, 11, &request),
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    );
    assert_eq!(
        error(&mut state, 1, 13, &request),
        ErrorCode::UNKNOWN_TOPIC_ID
    );
}

#[test]
fn zstd_needs_version_10() {
    let mut state = cluster();
    produce(
        &mut state,
        0,
        compressed(&[&"again ".repeat(100)], Compression::ZSTD),
    );
    let request = from(&state, 0);
    assert_eq!(
        error(&mut state, 1, 9, &request),
        ErrorCode::UNSUPPORTED_COMPRESSION_TYPE
    );
    assert_eq!(error(&mut state, 1, 10, &request), ErrorCode::NONE);
}

#[test]
fn sessions_are_never_given() {
    let mut state = filled();
    let request = FetchRequest {
        session_id: 0,
        session_epoch: 0,
        ..from(&state, 0)
    };
    let response = ask(&mut state, 1, 11, &request);
    assert_eq!((response.session_id, fetched(&response).len()), (0, 6));
    let request = FetchRequest {
        session_id: 77,
        session_epoch: 3,
        ..from(&state, 0)
    };
    assert_eq!(
        ask(&mut state, 1, 11, &request).error_code,
        ErrorCode::FETCH_SESSION_ID_NOT_FOUND
    );
}

#[test]
fn an_error_at_one_partition_answers_for_all_at_once() {
    let mut state = filled();
    state.push_fault(
        Fault::error(ErrorCode::KAFKA_STORAGE_ERROR)
            .on(ApiKey::FETCH)
            .topic("orders")
            .partition(0),
    );
    let mut request = from(&state, 6);
    let other = FetchPartition {
        partition: 1,
        ..request.topics[0].partitions[0].clone()
    };
    request.topics[0].partitions.push(other);
    let response = ask(&mut state, 1, 11, &request);
    let codes = response.responses[0]
        .partitions
        .iter()
        .map(|data| data.error_code)
        .collect::<Vec<_>>();
    assert_eq!(
        codes,
        [
            ErrorCode::KAFKA_STORAGE_ERROR,
            ErrorCode::NOT_LEADER_OR_FOLLOWER
        ]
    );
}

#[test]
fn retention_moves_the_start() {
    let mut state = builder()
        .topic_with("short", 1, &[("retention.bytes", "200")])
        .into_state()
        .unwrap();
    for n in 0..10 {
        let batch = plain(&[&format!("value {n}")]);
        only(ask(
            &mut state,
            1,
            9,
            &produce_request("short", &[(0, batch)], -1),
        ));
    }
    let (start, end) = state.log_range("short", 0).unwrap();
    assert!(start > 0 && end == 10, "{start}");
    let request = fetch_request("short", Uuid::ZERO, 0, 0);
    assert_eq!(
        error(&mut state, 1, 11, &request),
        ErrorCode::OFFSET_OUT_OF_RANGE
    );
    let audit = state.audit();
    assert_eq!(
        (audit.acknowledged(), audit.lost(), audit.stored()),
        (10, 0, (end - start) as u64)
    );
    let short = audit
        .partitions
        .iter()
        .find(|partition| partition.topic == "short")
        .unwrap();
    assert_eq!(short.expired, start as u64);
}

#[test]
fn the_clusters_limit_drops_what_was_appended_first() {
    let mut state = builder().retention_bytes(400).into_state().unwrap();
    for n in 0..12 {
        produce(&mut state, n % 3, plain(&["value"]));
    }
    for partition in 0..3 {
        let (start, end) = state.log_range("orders", partition).unwrap();
        assert_eq!(end, 4);
        assert!((2..4).contains(&start), "{start}");
    }
    assert!(state.log_bytes <= 400 && state.append_order.len() <= 6);
    let audit = state.audit();
    assert_eq!((audit.acknowledged(), audit.lost()), (12, 0));
    state.delete_topic("orders").unwrap();
    assert_eq!(state.log_bytes, 0);
    assert_eq!(state.audit().acknowledged(), 12);
}
