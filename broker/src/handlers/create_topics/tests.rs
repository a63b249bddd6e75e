use milena_protocol::create_partitions::{
    CreatePartitionsAssignment, CreatePartitionsRequest, CreatePartitionsTopic,
};
use milena_protocol::create_topics::*;
use milena_protocol::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use milena_protocol::{ApiKey, ErrorCode, Request, Str, Uuid};

use crate::testing::*;
use crate::{Fault, State};

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    CreatableTopic {
        name: Str::from(name),
        num_partitions,
        replication_factor,
        ..Default::default()
    }
}

fn with_config(name: &str, value: Option<&str>) -> CreatableTopic {
    let value = value.map(Str::from);
    let configs = vec![CreatableTopicConfig {
        name: Str::from(name),
        value,
        ..Default::default()
    }];
    CreatableTopic {
        configs,
        ..topic("new", 1, 1)
    }
}

fn assigned(assignments: &[(i32, &[i32])]) -> CreatableTopic {
    let assignments =
        assignments
            .iter()
            .map(|(partition_index, broker_ids)| CreatableReplicaAssignment {
                partition_index: *partition_index,
                broker_ids: broker_ids.to_vec(),
                ..Default::default()
            });
    CreatableTopic {
        assignments: assignments.collect(),
        ..topic("new", -1, -1)
    }
}

fn create(state: &mut State, topics: Vec<CreatableTopic>) -> Vec<CreatableTopicResult> {
    let request = CreateTopicsRequest {
        topics,
        ..Default::default()
    };
    ask(state, 2, 7, &request).topics
}

fn code(topic: CreatableTopic) -> ErrorCode {
    let mut state = cluster();
    let result = create(&mut state, vec![topic]).remove(0);
    let created = state.topic_id("new").is_some();
    assert_eq!(created, result.error_code == ErrorCode::NONE);
    assert_eq!(created, result.error_message.is_none());
    result.error_code
}

#[test]
fn every_version_creates() {
    for version in 2..=CreateTopicsRequest::LATEST_STABLE {
        let mut state = cluster();
        let request = CreateTopicsRequest {
            topics: vec![topic("new", 4, 2)],
            ..Default::default()
        };
        let results = ask(&mut state, 1, version, &request).topics;
        assert_eq!(results[0].error_code, ErrorCode::NONE, "v{version}");
        assert_eq!(state.leader("new", 3), Some((1, 0)));
        if version >= 5 {
            assert_eq!(
                (results[0].num_partitions, results[0].replication_factor),
                (4, 2)
            );
        }
        if version >= 7 {
            assert_eq!(Some(results[0].topic_id), state.topic_id("new"));
        }
    }
}

#[test]
fn minus_one_means_the_clusters_default() {
    let mut state = builder()
        .partitions(5)
        .replication_factor(2)
        .into_state()
        .unwrap();
    let result = create(&mut state, vec![topic("new", -1, -1)]).remove(0);
    assert_eq!((result.num_partitions, result.replication_factor), (5, 2));
}

#[test]
fn mistakes_have_kafkas_codes() {
    for (topic, expected) in [
        (topic("orders", 1, 1), ErrorCode::TOPIC_ALREADY_EXISTS),
        (topic("no way", 1, 1), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (topic("", 1, 1), ErrorCode::INVALID_TOPIC_EXCEPTION),
        (topic("new", 0, 1), ErrorCode::INVALID_PARTITIONS),
        (topic("new", -2, 1), ErrorCode::INVALID_PARTITIONS),
        (topic("new", i32::MAX, 1), ErrorCode::POLICY_VIOLATION),
        (topic("new", 1, 0), ErrorCode::INVALID_REPLICATION_FACTOR),
        (topic("new", 1, 4), ErrorCode::INVALID_REPLICATION_FACTOR),
        (
            with_config("no.such.setting", Some("1")),
            ErrorCode::INVALID_CONFIG,
        ),
        (
            with_config("max.message.bytes", Some("much")),
            ErrorCode::INVALID_CONFIG,
        ),
        (
            with_config("max.message.bytes", None),
            ErrorCode::INVALID_CONFIG,
        ),
        (
            with_config("max.message.bytes", Some("2000")),
            ErrorCode::NONE,
        ),
        (
            CreatableTopic {
                num_partitions: 1,
                ..assigned(&[(0, &[1])])
            },
            ErrorCode::INVALID_REQUEST,
        ),
        (
            assigned(&[(0, &[1]), (2, &[1])]),
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
        ),
        (
            assigned(&[(0, &[1]), (0, &[2])]),
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
        ),
        (
            assigned(&[(0, &[1, 1])]),
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
        ),
        (
            assigned(&[(0, &[4])]),
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
        ),
        (assigned(&[(0, &[])]), ErrorCode::INVALID_REPLICA_ASSIGNMENT),
        (
            assigned(&[(0, &[1, 2]), (1, &[3])]),
            ErrorCode::INVALID_REPLICA_ASSIGNMENT,
        ),
        (assigned(&[(1, &[3, 2]), (0, &[2, 1])]), ErrorCode::NONE),
    ] {
        let what = format!("{topic:?}");
        assert_eq!(code(topic), expected, "{what}");
    }
}

#[test]
fn names_may_not_collide_or_come_twice() {
    let mut state = cluster();
    create(&mut state, vec![topic("a.b", 1, 1)]);
    let results = create(
        &mut state,
        vec![
            topic("a_b", 1, 1),
            topic("twice", 1, 1),
            topic("twice", 2, 1),
        ],
    );
    let codes = results
        .iter()
        .map(|result| result.error_code)
        .collect::<Vec<_>>();
    assert_eq!(
        codes,
        [
            ErrorCode::INVALID_TOPIC_EXCEPTION,
            ErrorCode::INVALID_REQUEST
        ]
    );
}

#[test]
fn settings_come_back_with_their_source() {
    let mut state = cluster();
    let result = create(
        &mut state,
        vec![with_config("message.timestamp.type", Some("LogAppendTime"))],
    )
    .remove(0);
    let configs = result.configs.unwrap();
    let sources = configs
        .iter()
        .filter(|config| config.config_source == 1)
        .collect::<Vec<_>>();
    assert_eq!(sources.len(), 1);
    assert_eq!(sources[0].value.as_deref(), Some("LogAppendTime"));
    assert!(
        configs
            .iter()
            .any(|config| &*config.name == "max.message.bytes" && config.config_source == 5)
    );
}

#[test]
fn validate_only_changes_nothing() {
    let mut state = cluster();
    let request = CreateTopicsRequest {
        topics: vec![topic("new", 4, 2)],
        validate_only: true,
        ..Default::default()
    };
    let result = ask(&mut state, 1, 7, &request).topics.remove(0);
    assert_eq!(
        (result.error_code, result.num_partitions, result.topic_id),
        (ErrorCode::NONE, 4, Uuid::ZERO)
    );
    assert_eq!(state.topic_id("new"), None);
}

#[test]
fn a_fault_refuses_one_topic() {
    let mut state = cluster();
    state.push_fault(
        Fault::error(ErrorCode::NOT_CONTROLLER)
            .on(ApiKey::CREATE_TOPICS)
            .topic("a"),
    );
    let results = create(&mut state, vec![topic("a", 1, 1), topic("b", 1, 1)]);
    let codes = results
        .iter()
        .map(|result| result.error_code)
        .collect::<Vec<_>>();
    assert_eq!(codes, [ErrorCode::NOT_CONTROLLER, ErrorCode::NONE]);
}

#[test]
fn topics_are_deleted_by_name_and_by_id() {
    for version in 1..=DeleteTopicsRequest::LATEST_STABLE {
        let mut state = cluster();
        let id = state.topic_id("orders").unwrap();
        let by_id = DeleteTopicState {
            topic_id: id,
            ..Default::default()
        };
        let unknown = DeleteTopicState {
            name: Some(Str::from_static("nothing")),
            ..Default::default()
        };
        let request = if version >= 6 {
            DeleteTopicsRequest {
                topics: vec![by_id, unknown],
                ..Default::default()
            }
        } else {
            let topic_names = vec![Str::from_static("orders"), Str::from_static("nothing")];
            DeleteTopicsRequest {
                topic_names,
                ..Default::default()
            }
        };
        let results = ask(&mut state, 1, version, &request).responses;
        let codes = results
            .iter()
            .map(|result| result.error_code)
            .collect::<Vec<_>>();
        assert_eq!(
            codes,
            [ErrorCode::NONE, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION],
            "v{version}"
        );
        assert_eq!(results[0].name.as_deref(), Some("orders"));
        assert_eq!(state.topic_id("orders"), None);
    }
}

#[test]
fn deletion_needs_one_name_for_one_topic() {
    let mut state = cluster();
    let id = state.topic_id("orders").unwrap();
    let named = DeleteTopicState {
        name: Some(Str::from_static("orders")),
        ..Default::default()
    };
    let by_id = DeleteTopicState {
        topic_id: id,
        ..Default::default()
    };
    let both = DeleteTopicState {
        topic_id: id,
        ..named.clone()
    };
    let strange = DeleteTopicState {
        topic_id: Uuid([1; 16]),
        ..Default::default()
    };
    for (topics, codes) in [
        (vec![both], vec![ErrorCode::INVALID_REQUEST]),
        (vec![strange], vec![ErrorCode::UNKNOWN_TOPIC_ID]),
        (vec![named, by_id], vec![ErrorCode::INVALID_REQUEST; 2]),
    ] {
        let results = ask(
            &mut state,
            1,
            6,
            &DeleteTopicsRequest {
                topics,
                ..Default::default()
            },
        )
        .responses;
        assert_eq!(
            results
                .iter()
                .map(|result| result.error_code)
                .collect::<Vec<_>>(),
            codes
        );
    }
    assert_eq!(state.topic_id("orders"), Some(id));
}

fn grow(count: i32, assignments: Option<&[&[i32]]>, validate_only: bool) -> (ErrorCode, usize) {
    let mut state = builder().replication_factor(1).into_state().unwrap();
    let assignment = |nodes: &&[i32]| CreatePartitionsAssignment {
        broker_ids: nodes.to_vec(),
        ..Default::default()
    };
    let topic = CreatePartitionsTopic {
        name: Str::from_static("orders"),
        count,
        assignments: assignments.map(|list| list.iter().map(assignment).collect()),
        ..Default::default()
    };
    let request = CreatePartitionsRequest {
        topics: vec![topic],
        validate_only,
        ..Default::default()
    };
    let code = ask(&mut state, 1, 3, &request).results[0].error_code;
    (code, state.topics["orders"].partitions.len())
}

#[test]
fn topics_grow_and_never_shrink() {
    assert_eq!(grow(5, None, false), (ErrorCode::NONE, 5));
    assert_eq!(grow(5, None, true), (ErrorCode::NONE, 3));
    assert_eq!(grow(5, Some(&[&[3], &[3]]), false), (ErrorCode::NONE, 5));
    for count in [3, 2, 0, -1] {
        assert_eq!(grow(count, None, false), (ErrorCode::INVALID_PARTITIONS, 3));
    }
    assert_eq!(
        grow(i32::MAX, None, false),
        (ErrorCode::POLICY_VIOLATION, 3)
    );
    for nodes in [&[&[1][..]][..], &[&[1], &[9]], &[&[1], &[1, 2]]] {
        assert_eq!(
            grow(5, Some(nodes), false),
            (ErrorCode::INVALID_REPLICA_ASSIGNMENT, 3)
        );
    }
}
