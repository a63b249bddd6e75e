use std::time::Duration;

use bytes::Bytes;
use milena_protocol::add_offsets_to_txn::AddOffsetsToTxnRequest;
use milena_protocol::add_partitions_to_txn::AddPartitionsToTxnRequest;
use milena_protocol::api_versions::ApiVersionsRequest;
use milena_protocol::end_txn::EndTxnRequest;
use milena_protocol::init_producer_id::InitProducerIdRequest;
use milena_protocol::metadata::MetadataRequest;
use milena_protocol::offset_commit::OffsetCommitRequest;
use milena_protocol::offset_fetch::OffsetFetchRequest;
use milena_protocol::produce::ProduceRequest;
use milena_protocol::txn_offset_commit::TxnOffsetCommitRequest;
use milena_protocol::{ApiKey, Message, Request, Uuid};

use super::*;
use crate::CoordinatorType;
use crate::testing::*;

fn send(state: &mut State, batch: Bytes) -> Reply {
    handle(
        state,
        1,
        9,
        &produce_request("orders", &[(0, batch)], -1),
        NOW,
    )
}

/// What one batch leaves behind when a fault meets it: the reply, records in the log, records acknowledged.
fn meet(fault: Fault) -> (Reply, u64, u64) {
    let mut state = cluster();
    state.push_fault(fault.on(ApiKey::PRODUCE));
    let reply = send(&mut state, plain(&["a"]));
    assert_eq!(state.pending_faults(), 0);
    let audit = state.audit();
    (reply, audit.stored(), audit.acknowledged())
}

fn answer(reply: Reply) -> Answer {
    match reply {
        Reply::Answer(answer) => answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_lost_before_is_not_applied_and_what_is_lost_after_is() {
    let (reply, stored, acknowledged) = meet(Fault::lose_request());
    assert!(matches!(reply, Reply::Close(CloseReason::Fault)));
    assert_eq!((stored, acknowledged), (0, 0));
    let (reply, stored, acknowledged) = meet(Fault::lose_answer());
    assert!(matches!(reply, Reply::Close(CloseReason::Fault)));
    assert_eq!((stored, acknowledged), (1, 0));
    let (reply, stored, _) = meet(Fault::hang());
    assert!(matches!(reply, Reply::Hang));
    assert_eq!(stored, 0);
    let (reply, stored, acknowledged) = meet(Fault::hang_after_applying());
    assert!(matches!(reply, Reply::Hang));
    assert_eq!((stored, acknowledged), (1, 0));
}

#[test]
fn answers_can_be_spoilt() {
    let (reply, stored, acknowledged) = meet(Fault::garbage());
    let garbage = answer(reply);
    assert_eq!((stored, acknowledged, garbage.then_close), (1, 0, false));
    let bytes = Bytes::from(garbage.segments.concat());
    assert_eq!(
        bytes.len(),
        4 + i32::from_be_bytes(*bytes.first_chunk().unwrap()) as usize
    );
    let (_, body) =
        milena_protocol::decode_response_header(&bytes.slice(4..), ApiKey::PRODUCE, 8).unwrap();
    assert!(<ProduceRequest as Request>::Response::decode(&body, 8).is_err());

    let (reply, ..) = meet(Fault::answer_with(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]));
    let http = answer(reply);
    assert!(http.then_close && http.segments.concat().starts_with(b"HTTP"));

    let whole = answer(send(&mut cluster(), plain(&["a"])))
        .segments
        .concat();
    let (reply, ..) = meet(Fault::truncate(9));
    let cut = answer(reply);
    assert!(cut.then_close);
    assert_eq!(cut.segments.concat(), whole[..9]);

    let (reply, _, acknowledged) = meet(Fault::wrong_correlation_id());
    let wrong = answer(reply).segments.concat();
    assert_eq!(acknowledged, 0);
    assert!(i32::from_be_bytes(wrong[4..8].try_into().unwrap()) < 0);
    assert_eq!(wrong[8..], whole[8..]);
}

#[test]
fn the_audit_tells_loss_and_duplication() {
    let mut state = cluster();
    for (sequence, values) in [(0, ["a", "b"]), (2, ["c", "d"])] {
        let _ = send(&mut state, stamped(0, sequence, &values));
    }
    let audit = state.audit();
    assert_eq!(
        (
            audit.acknowledged(),
            audit.stored(),
            audit.lost(),
            audit.duplicated()
        ),
        (4, 4, 0, 0)
    );
    // The same records under another sequence, as by a client that numbers anew what may be in the log.
    let _ = send(&mut state, stamped(0, 4, &["a", "b"]));
    let audit = state.audit();
    assert_eq!(audit.partitions[0].duplicated, [(0, 4), (1, 5)]);
    // A log that forgets its end.
    let partition = &mut state.topics.get_mut("orders").unwrap().partitions[0];
    let kept = partition.log.batches().take(2).cloned().collect::<Vec<_>>();
    partition.log = crate::log::Log::default();
    kept.into_iter()
        .for_each(|batch| partition.log.append(batch));
    let audit = state.audit();
    assert_eq!(audit.lost(), 2);
    assert_eq!(audit.partitions[0].lost.first(), Some(&(4..6)));
}

#[test]
fn only_what_is_served_is_answered() {
    let mut state = builder()
        .max_version(ApiKey::PRODUCE, 7)
        .without_api(ApiKey::INIT_PRODUCER_ID)
        .into_state()
        .unwrap();
    let request = produce_request("orders", &[(0, plain(&["a"]))], -1);
    assert!(matches!(
        handle(&mut state, 1, 7, &request, NOW),
        Reply::Answer(_)
    ));
    for reply in [
        handle(&mut state, 1, 8, &request, NOW),
        handle(&mut state, 1, 0, &InitProducerIdRequest::default(), NOW),
    ] {
        assert!(
            matches!(reply, Reply::Close(CloseReason::Unsupported { .. })),
            "{reply:?}"
        );
    }
    let fates = state.requests().map(|entry| entry.fate).collect::<Vec<_>>();
    assert_eq!(fates, [Fate::Answered, Fate::Refused, Fate::Refused]);
}

#[test]
fn nodes_that_are_down_or_missing_close() {
    let mut state = cluster();
    state.node_down(1).unwrap();
    for node in [0, 1, 4] {
        let reply = handle(&mut state, node, 9, &MetadataRequest::default(), NOW);
        assert!(matches!(reply, Reply::Close(CloseReason::NodeDown)));
    }
}

#[test]
fn requests_are_counted_and_the_latest_listed() {
    let mut state = builder().request_log(2).into_state().unwrap();
    state.push_fault(Fault::lose_answer().on(ApiKey::METADATA));
    for _ in 0..3 {
        let _ = handle(&mut state, 3, 9, &MetadataRequest::default(), NOW);
    }
    let _ = send(&mut state, plain(&["a"]));
    assert_eq!(
        (
            state.request_count(ApiKey::METADATA),
            state.request_count(ApiKey::PRODUCE)
        ),
        (3, 1)
    );
    let entries = state.requests().collect::<Vec<_>>();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (entries[1].api, entries[1].version, entries[1].node),
        (ApiKey::PRODUCE, 9, 1)
    );
    assert_eq!(entries[1].client_id.as_deref(), Some("test"));
}

#[test]
fn builders_refuse_what_cannot_be() {
    use crate::BuildError;
    assert!(matches!(
        builder().nodes(0).into_state(),
        Err(BuildError::Nodes(0))
    ));
    assert!(matches!(
        builder().port(65_534).into_state(),
        Err(BuildError::Ports { .. })
    ));
    assert!(matches!(
        builder().topic("orders", 1).into_state(),
        Err(BuildError::Topology(_))
    ));
    assert!(matches!(
        builder().topic("a", 0).into_state(),
        Err(BuildError::Topology(_))
    ));
    assert!(matches!(
        builder().replication_factor(4).into_state(),
        Err(BuildError::Topology(_))
    ));
    assert!(matches!(
        builder().transaction_version(3).into_state(),
        Err(BuildError::Topology(_))
    ));
    assert!(matches!(
        builder().partitions(0).into_state(),
        Err(BuildError::Topology(_))
    ));
    assert!(matches!(
        builder().topic_default("no.such", "1").into_state(),
        Err(BuildError::Config(_))
    ));
    assert!(matches!(
        builder().max_version(ApiKey::PRODUCE, 99).into_state(),
        Err(BuildError::Versions(_))
    ));
}

/// A small run with everything in it, as text.
fn run() -> Vec<String> {
    let mut state = builder().into_state().unwrap();
    let mut told = Vec::new();
    state.push_fault(Fault::lose_answer().on(ApiKey::PRODUCE).after(3).times(2));
    state.push_fault(Fault::delay(Duration::from_millis(7)).node(2).always());
    for step in 0..40_i32 {
        let partition = step % 3;
        let node = 1 + step % 3;
        match step % 8 {
            3 => state.move_leader("orders", partition, node).unwrap(),
            5 => state.node_down(2).unwrap(),
            7 => state.node_up(2).unwrap(),
            _ => {}
        }
        let now = NOW + i64::from(step);
        let request = produce_request("orders", &[(partition, stamped(0, step / 3, &["a"]))], -1);
        told.push(format!("{:?}", handle(&mut state, node, 12, &request, now)));
        told.push(format!(
            "{:?}",
            handle(
                &mut state,
                1,
                12,
                &MetadataRequest {
                    topics: None,
                    ..Default::default()
                },
                now
            )
        ));
        told.push(format!(
            "{:?}",
            handle(&mut state, 1, 0, &InitProducerIdRequest::default(), now)
        ));
        let id = Str::from("tx");
        let coordinator = state.coordinator(CoordinatorType::Transaction, &id);
        let coordinator = coordinator.unwrap();
        if step % 10 == 0 {
            let request = InitProducerIdRequest {
                transactional_id: Some(id.clone()),
                transaction_timeout_ms: 7,
                ..Default::default()
            };
            let reply = handle(&mut state, coordinator, 5, &request, now);
            told.push(format!("{reply:?}"));
        }
        let holder = (1000, i16::try_from(step / 10).unwrap());
        let batch = transactional(holder, step % 10, &["t"]);
        let request = ProduceRequest {
            transactional_id: Some(id.clone()),
            ..produce_request("orders", &[(partition, batch)], -1)
        };
        told.push(format!("{:?}", handle(&mut state, node, 12, &request, now)));
        let request = EndTxnRequest {
            transactional_id: id,
            producer_id: holder.0,
            producer_epoch: holder.1,
            committed: step % 2 == 0,
            ..Default::default()
        };
        if step % 5 == 0 {
            let reply = handle(&mut state, coordinator, 5, &request, now);
            told.push(format!("{reply:?}"));
        }
        told.push(format!(
            "{:?}",
            handle(
                &mut state,
                node,
                11,
                &fetch_request("orders", Uuid::ZERO, partition, 0),
                now
            )
        ));
        let topic = format!("topic-{step}");
        told.push(format!("{:?}", state.create_topic(&topic, 2)));
    }
    told.push(format!("{:?}", state.audit()));
    told
}

#[test]
fn the_same_calls_give_the_same_replies() {
    assert_eq!(run(), run());
}

/// A stream of numbers that looks random and is not.
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[test]
fn bytes_without_sense_never_panic() {
    let mut state = cluster();
    let topic_id = state.topic_id("orders").unwrap();
    let mut fetch = fetch_request("orders", topic_id, 0, 0);
    fetch.max_wait_ms = 0;
    let produce = produce_request("orders", &[(0, stamped(0, 0, &["a", "b", "c"]))], -1);
    let added = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: Str::from("b"),
        ..Default::default()
    };
    let asked = OffsetFetchRequest {
        groups: vec![Default::default()],
        ..Default::default()
    };
    let good = [
        frame(9, &produce),
        frame(3, &produce),
        frame(12, &fetch),
        frame(
            9,
            &MetadataRequest {
                topics: None,
                ..Default::default()
            },
        ),
        frame(0, &ApiVersionsRequest::default()),
        frame(4, &InitProducerIdRequest::default()),
        frame(
            5,
            &InitProducerIdRequest {
                transactional_id: Some(Str::from("b")),
                transaction_timeout_ms: 1000,
                ..Default::default()
            },
        ),
        frame(3, &added),
        frame(3, &AddOffsetsToTxnRequest::default()),
        frame(5, &EndTxnRequest::default()),
        frame(5, &TxnOffsetCommitRequest::default()),
        frame(8, &OffsetCommitRequest::default()),
        frame(7, &OffsetFetchRequest::default()),
        frame(9, &asked),
    ];
    for seed in 0..20_000 {
        let mut next = noise(seed);
        let mut bytes = good[next() as usize % good.len()].to_vec();
        for _ in 0..=next() % 4 {
            let at = next() as usize % bytes.len();
            match next() % 3 {
                0 => bytes[at] = next() as u8,
                1 => bytes.truncate(at.max(1)),
                _ => bytes[at] = 0xff,
            }
        }
        let _ = state.handle(1, 1, bytes.into(), NOW);
        if state.topics.len() > 100 {
            state = cluster();
        }
    }
    for length in 0..40 {
        let _ = state.handle(1, 1, vec![0xff; length].into(), NOW);
        let _ = state.handle(1, 1, vec![0; length].into(), NOW);
    }
    assert!(matches!(
        send(&mut cluster(), plain(&["a"])),
        Reply::Answer(_)
    ));
}
