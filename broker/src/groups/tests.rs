use milena_protocol::add_offsets_to_txn::AddOffsetsToTxnRequest;
use milena_protocol::end_txn::EndTxnRequest;
use milena_protocol::init_producer_id::InitProducerIdRequest;
use milena_protocol::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use milena_protocol::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use milena_protocol::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use milena_protocol::{ApiKey, Request, Uuid};

use super::*;
use crate::testing::*;
use crate::{CoordinatorType, Fault};

/// Group and transactional id alike; their coordinators are node 3.
const ID: &str = "a";
const NODE: i32 = 3;

fn place(index: i32) -> Place {
    (Str::from("orders"), index)
}

fn at(offset: i64) -> Committed {
    Committed::new(offset, -1, None).unwrap()
}

#[test]
fn offsets_in_a_transaction_hold_once_it_is_committed() {
    let mut group = Group::default();
    group.commit(place(0), at(1));
    group.commit_later(7, place(0), at(5));
    group.commit_later(8, place(1), at(9));
    assert_eq!(group.committed(&place(0)), Some(&at(1)));
    assert!(group.is_unstable(&place(0)) && group.is_unstable(&place(1)));
    group.end_transaction(7, true);
    group.end_transaction(8, false);
    assert_eq!(group.committed(&place(0)), Some(&at(5)));
    assert_eq!(group.committed(&place(1)), None);
    assert!(!group.is_unstable(&place(0)) && !group.is_unstable(&place(1)));
}

#[test]
fn a_topic_that_is_gone_leaves_nothing() {
    let mut group = Group::default();
    group.commit(place(0), at(1));
    group.commit_later(7, place(1), at(5));
    group.forget("orders");
    group.end_transaction(7, true);
    assert_eq!(group.places().count(), 0);
}

/// Commits an offset in the first partition of "orders".
fn commit(state: &mut State, version: i16, request: OffsetCommitRequest) -> ErrorCode {
    let id = state.topic_id("orders").unwrap();
    let request = OffsetCommitRequest {
        group_id: Str::from(ID),
        topics: vec![OffsetCommitRequestTopic {
            name: Str::from(if version < 10 { "orders" } else { "" }),
            topic_id: if version < 10 { Uuid::ZERO } else { id },
            partitions: vec![OffsetCommitRequestPartition {
                committed_offset: 40 + i64::from(version),
                committed_metadata: Some(Str::from("note")),
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..request
    };
    ask(state, NODE, version, &request).topics[0].partitions[0].error_code
}

/// The offset that is committed in the first partition of "orders".
fn fetch(state: &mut State, version: i16, require_stable: bool) -> Result<i64, ErrorCode> {
    let id = state.topic_id("orders").unwrap();
    let mut request = OffsetFetchRequest {
        require_stable,
        ..Default::default()
    };
    let group_id = Str::from(ID);
    let (name, partition_indexes) = (Str::from("orders"), vec![0]);
    let (code, offset) = if version < 8 {
        request.group_id = group_id;
        request.topics = Some(vec![OffsetFetchRequestTopic {
            name,
            partition_indexes,
            ..Default::default()
        }]);
        let response = ask(state, NODE, version, &request);
        assert_eq!(response.error_code, ErrorCode::NONE);
        let found = &response.topics[0].partitions[0];
        (found.error_code, found.committed_offset)
    } else {
        request.groups = vec![OffsetFetchRequestGroup {
            group_id,
            topics: Some(vec![OffsetFetchRequestTopics {
                name: if version < 10 { name } else { Str::default() },
                topic_id: if version < 10 { Uuid::ZERO } else { id },
                partition_indexes,
                ..Default::default()
            }]),
            ..Default::default()
        }];
        let response = ask(state, NODE, version, &request);
        assert_eq!(response.groups[0].error_code, ErrorCode::NONE);
        let found = &response.groups[0].topics[0].partitions[0];
        (found.error_code, found.committed_offset)
    };
    match code {
        ErrorCode::NONE => Ok(offset),
        code => Err(code),
    }
}

#[test]
fn every_version_commits_and_tells() {
    for version in 2..=OffsetCommitRequest::LATEST_STABLE {
        let mut state = cluster();
        let committed = commit(&mut state, version, OffsetCommitRequest::default());
        assert_eq!(committed, ErrorCode::NONE);
        for asked in 1..=OffsetFetchRequest::LATEST_STABLE {
            let expected = Ok(40 + i64::from(version));
            assert_eq!(
                fetch(&mut state, asked, false),
                expected,
                "{version} {asked}"
            );
        }
    }
}

#[test]
fn what_is_not_committed_is_no_error_and_everything_can_be_asked_for() {
    let mut state = cluster();
    assert_eq!(fetch(&mut state, 7, true), Ok(-1));
    commit(&mut state, 8, OffsetCommitRequest::default());
    for version in [2, 7] {
        let request = OffsetFetchRequest {
            group_id: Str::from(ID),
            topics: None,
            ..Default::default()
        };
        let response = ask(&mut state, NODE, version, &request);
        let found = &response.topics[0].partitions[0];
        assert_eq!((found.partition_index, found.committed_offset), (0, 48));
        assert_eq!(found.metadata.as_deref(), Some("note"));
    }
    let id = state.topic_id("orders").unwrap();
    let request = OffsetFetchRequest {
        groups: vec![
            OffsetFetchRequestGroup {
                group_id: Str::from("b"),
                topics: None,
                ..Default::default()
            },
            OffsetFetchRequestGroup {
                group_id: Str::from(ID),
                topics: None,
                ..Default::default()
            },
        ],
        ..Default::default()
    };
    let response = ask(&mut state, NODE, 10, &request);
    // The other group has another coordinator.
    assert_eq!(response.groups[0].error_code, ErrorCode::NOT_COORDINATOR);
    assert_eq!(response.groups[1].topics[0].topic_id, id);
}

#[test]
fn commits_of_members_are_refused_and_places_checked() {
    let mut state = cluster();
    let member = OffsetCommitRequest {
        generation_id_or_member_epoch: 3,
        member_id: Str::from("m"),
        ..Default::default()
    };
    let refused = commit(&mut state, 8, member.clone());
    assert_eq!(refused, ErrorCode::ILLEGAL_GENERATION);
    let refused = commit(&mut state, 9, member.clone());
    assert_eq!(refused, ErrorCode::GROUP_ID_NOT_FOUND);
    commit(&mut state, 8, OffsetCommitRequest::default());
    let refused = commit(&mut state, 8, member);
    assert_eq!(refused, ErrorCode::UNKNOWN_MEMBER_ID);
    let of = CoordinatorType::Group;
    state.load_coordinator(of, ID, NOW + 1);
    let loading = commit(&mut state, 8, OffsetCommitRequest::default());
    assert_eq!(loading, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    state.load_coordinator(of, ID, NOW);
    let long = "x".repeat(MAX_METADATA + 1);
    let unknown = state.place_of("orders", 3);
    assert_eq!(unknown, Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION));
    let refused = Committed::new(0, -1, Some(&long));
    assert_eq!(refused, Err(ErrorCode::OFFSET_METADATA_TOO_LARGE));
    for api in [ApiKey::OFFSET_COMMIT, ApiKey::OFFSET_FETCH] {
        let fault = Fault::error(ErrorCode::GROUP_AUTHORIZATION_FAILED).on(api);
        state.push_fault(fault.topic("orders").partition(0));
    }
    let refused = commit(&mut state, 8, OffsetCommitRequest::default());
    assert_eq!(refused, ErrorCode::GROUP_AUTHORIZATION_FAILED);
    let refused = fetch(&mut state, 8, false);
    assert_eq!(refused, Err(ErrorCode::GROUP_AUTHORIZATION_FAILED));
}

fn init(state: &mut State) -> (i64, i16) {
    let request = InitProducerIdRequest {
        transactional_id: Some(Str::from(ID)),
        transaction_timeout_ms: 1000,
        ..Default::default()
    };
    let response = ask(state, NODE, 5, &request);
    (response.producer_id, response.producer_epoch)
}

fn commit_in(state: &mut State, version: i16, holder: (i64, i16), generation: i32) -> ErrorCode {
    let request = TxnOffsetCommitRequest {
        transactional_id: Str::from(ID),
        group_id: Str::from(ID),
        producer_id: holder.0,
        producer_epoch: holder.1,
        generation_id: generation,
        topics: vec![TxnOffsetCommitRequestTopic {
            name: Str::from("orders"),
            partitions: vec![TxnOffsetCommitRequestPartition {
                committed_offset: 7,
                ..Default::default()
            }],
            ..Default::default()
        }],
        ..Default::default()
    };
    ask(state, NODE, version, &request).topics[0].partitions[0].error_code
}

fn end(state: &mut State, version: i16, holder: (i64, i16), committed: bool) {
    let request = EndTxnRequest {
        transactional_id: Str::from(ID),
        producer_id: holder.0,
        producer_epoch: holder.1,
        committed,
        ..Default::default()
    };
    let code = ask(state, NODE, version, &request).error_code;
    assert_eq!(code, ErrorCode::NONE);
}

#[test]
fn the_first_generation_adds_the_group_before_it_commits() {
    let mut state = cluster();
    let holder = init(&mut state);
    for (version, code) in [
        (0, ErrorCode::INVALID_TXN_STATE),
        (3, ErrorCode::INVALID_TXN_STATE),
        (4, ErrorCode::TRANSACTION_ABORTABLE),
    ] {
        assert_eq!(commit_in(&mut state, version, holder, -1), code);
    }
    let request = AddOffsetsToTxnRequest {
        transactional_id: Str::from(ID),
        producer_id: holder.0,
        producer_epoch: holder.1,
        group_id: Str::from(ID),
        ..Default::default()
    };
    let added = ask(&mut state, NODE, 3, &request).error_code;
    assert_eq!(added, ErrorCode::NONE);
    for version in 0..=4 {
        let committed = commit_in(&mut state, version, holder, -1);
        assert_eq!(committed, ErrorCode::NONE, "{version}");
    }
    assert_eq!(fetch(&mut state, 7, false), Ok(-1));
    assert_eq!(
        fetch(&mut state, 7, true),
        Err(ErrorCode::UNSTABLE_OFFSET_COMMIT)
    );
    end(&mut state, 4, holder, true);
    assert_eq!(fetch(&mut state, 7, true), Ok(7));
}

#[test]
fn the_second_generation_adds_the_group_by_committing() {
    let mut state = cluster();
    let holder = init(&mut state);
    assert_eq!(commit_in(&mut state, 5, holder, -1), ErrorCode::NONE);
    end(&mut state, 5, holder, false);
    assert_eq!(fetch(&mut state, 8, true), Ok(-1));
    let late = commit_in(&mut state, 5, holder, -1);
    assert_eq!(late, ErrorCode::INVALID_PRODUCER_EPOCH);
    let holder = (holder.0, holder.1 + 1);
    let member = commit_in(&mut state, 5, holder, 1);
    assert_eq!(member, ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(commit_in(&mut state, 5, holder, -1), ErrorCode::NONE);
    end(&mut state, 5, holder, true);
    assert_eq!(fetch(&mut state, 8, true), Ok(7));
}

#[test]
fn a_group_waits_for_its_marker_as_partitions_do() {
    let mut state = cluster();
    let holder = init(&mut state);
    assert_eq!(commit_in(&mut state, 5, holder, -1), ErrorCode::NONE);
    let fault = Fault::lose_request().on(ApiKey::WRITE_TXN_MARKERS);
    state.push_fault(fault.topic("__consumer_offsets"));
    end(&mut state, 5, holder, true);
    assert_eq!(
        fetch(&mut state, 8, true),
        Err(ErrorCode::UNSTABLE_OFFSET_COMMIT)
    );
    state.advance(NOW + 100);
    assert_eq!(fetch(&mut state, 8, true), Ok(7));
}

#[test]
fn a_transaction_without_a_coordinator_is_told_as_the_groups_trouble() {
    let mut state = cluster();
    let holder = init(&mut state);
    let of = CoordinatorType::Transaction;
    state.load_coordinator(of, ID, NOW + 1);
    let refused = commit_in(&mut state, 5, holder, -1);
    assert_eq!(refused, ErrorCode::COORDINATOR_NOT_AVAILABLE);
    state.load_coordinator(CoordinatorType::Group, ID, NOW + 1);
    let refused = commit_in(&mut state, 2, holder, -1);
    assert_eq!(refused, ErrorCode::COORDINATOR_LOAD_IN_PROGRESS);
    let refused = commit_in(&mut state, 1, holder, -1);
    assert_eq!(refused, ErrorCode::COORDINATOR_NOT_AVAILABLE);
}
