use milena_protocol::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use milena_protocol::{ApiKey, ErrorCode, Request, Str, Uuid};

use crate::testing::*;
use crate::{Cluster, Fault};

fn named(names: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| MetadataRequestTopic {
        name: Some(Str::from(*name)),
        ..Default::default()
    };
    MetadataRequest {
        topics: Some(names.iter().map(topic).collect()),
        ..Default::default()
    }
}

fn names(response: &MetadataResponse) -> Vec<&str> {
    response
        .topics
        .iter()
        .map(|topic| topic.name.as_deref().unwrap_or("-"))
        .collect()
}

/// Leader and epoch of the first topic's partitions.
fn leaders(response: &MetadataResponse) -> Vec<(i32, i32)> {
    response.topics[0]
        .partitions
        .iter()
        .map(|p| (p.leader_id, p.leader_epoch))
        .collect()
}

#[test]
fn every_version_tells_nodes_and_leaders() {
    for version in 0..=MetadataRequest::LATEST_STABLE {
        let mut state = cluster();
        let request = MetadataRequest {
            allow_auto_topic_creation: true,
            ..named(&["orders"])
        };
        let response = ask(&mut state, 2, version, &request);
        let nodes = response
            .brokers
            .iter()
            .map(|node| (node.node_id, &*node.host, node.port))
            .collect::<Vec<_>>();
        assert_eq!(
            nodes,
            [
                (1, "node-1", 9092),
                (2, "node-2", 9092),
                (3, "node-3", 9092)
            ]
        );
        let epoch = if version >= 7 { 0 } else { -1 };
        assert_eq!(
            leaders(&response),
            [(1, epoch), (2, epoch), (3, epoch)],
            "v{version}"
        );
        assert_eq!(response.topics[0].partitions[1].replica_nodes, [2, 3, 1]);
        assert_eq!(response.topics[0].partitions[1].isr_nodes, [2, 3, 1]);
        if version >= 2 {
            assert_eq!(
                response.cluster_id.as_deref(),
                Some("milena-embedded-kafka0")
            );
        }
        if version >= 10 {
            assert_eq!(Some(response.topics[0].topic_id), state.topic_id("orders"));
        }
    }
}

#[test]
fn all_and_none_differ_from_version_1_on() {
    let mut state = builder().topic("a", 1).into_state().unwrap();
    assert_eq!(names(&ask(&mut state, 1, 0, &named(&[]))), ["a", "orders"]);
    assert_eq!(names(&ask(&mut state, 1, 1, &named(&[]))), [""; 0]);
    assert_eq!(
        names(&ask(
            &mut state,
            1,
            1,
            &MetadataRequest {
                topics: None,
                ..named(&[])
            }
        )),
        ["a", "orders"]
    );
}

#[test]
fn topics_are_created_if_both_sides_want_it() {
    let mut state = builder().partitions(4).into_state().unwrap();
    let request = MetadataRequest {
        allow_auto_topic_creation: false,
        ..named(&["new"])
    };
    assert_eq!(
        ask(&mut state, 1, 9, &request).topics[0].error_code,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    );
    let response = ask(&mut state, 1, 9, &named(&["new", "not valid"]));
    assert_eq!(response.topics[0].partitions.len(), 4);
    assert_eq!(
        response.topics[1].error_code,
        ErrorCode::INVALID_TOPIC_EXCEPTION
    );

    let mut state = builder().auto_create_topics(false).into_state().unwrap();
    let response = ask(&mut state, 1, 9, &named(&["new"]));
    assert_eq!(
        response.topics[0].error_code,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    );
    assert_eq!(state.topic_id("new"), None);
}

#[test]
fn topics_are_found_by_id() {
    let mut state = cluster();
    let by_id = |topic_id| MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            topic_id,
            name: None,
            ..Default::default()
        }]),
        ..Default::default()
    };
    let id = state.topic_id("orders").unwrap();
    assert_eq!(names(&ask(&mut state, 1, 12, &by_id(id))), ["orders"]);
    let renewed = state.recreate_topic("orders").unwrap();
    assert_ne!(renewed, id);
    let response = ask(&mut state, 1, 12, &by_id(id));
    assert_eq!(
        (response.topics[0].error_code, response.topics[0].topic_id),
        (ErrorCode::UNKNOWN_TOPIC_ID, id)
    );
    assert_eq!(
        ask(&mut state, 1, 12, &by_id(Uuid::ZERO)).topics[0].error_code,
        ErrorCode::UNKNOWN_TOPIC_ID
    );
}

#[test]
fn leaders_follow_nodes_and_moves() {
    let mut state = Cluster::builder()
        .nodes(3)
        .replication_factor(2)
        .topic("orders", 3)
        .into_state()
        .unwrap();
    let request = named(&["orders"]);
    state.node_down(1).unwrap();
    let response = ask(&mut state, 2, 9, &request);
    assert_eq!(leaders(&response), [(2, 1), (2, 0), (3, 0)]);
    assert_eq!(response.topics[0].partitions[0].isr_nodes, [2]);
    assert_eq!(response.topics[0].partitions[0].offline_replicas, [1]);
    assert_eq!(response.brokers.len(), 2);
    assert_eq!(response.controller_id, 2);
    state.node_down(2).unwrap();
    let response = ask(&mut state, 3, 9, &request);
    assert_eq!(leaders(&response), [(-1, 2), (3, 1), (3, 0)]);
    assert_eq!(
        response.topics[0].partitions[0].error_code,
        ErrorCode::LEADER_NOT_AVAILABLE
    );
    state.node_up(1).unwrap();
    assert_eq!(
        leaders(&ask(&mut state, 3, 9, &request)),
        [(1, 3), (3, 1), (3, 0)]
    );
    state.move_leader("orders", 1, 1).unwrap();
    let response = ask(&mut state, 3, 9, &request);
    assert_eq!(leaders(&response), [(1, 3), (1, 2), (3, 0)]);
    assert_eq!(response.topics[0].partitions[1].replica_nodes, [2, 1]);
}

#[test]
fn stale_metadata_tells_what_was() {
    let mut state = cluster();
    state.push_fault(Fault::stale_metadata().node(1).times(2));
    let former = state.topic_id("orders").unwrap();
    state.move_leader("orders", 0, 3).unwrap();
    state.recreate_topic("orders").unwrap();
    state.move_leader("orders", 0, 2).unwrap();
    state.create_topic("new", 1).unwrap();
    let stale = ask(&mut state, 1, 12, &named(&["orders", "new"]));
    assert_eq!(leaders(&stale)[0], (1, 0));
    assert_eq!(stale.topics[0].topic_id, former);
    assert_eq!(
        stale.topics[1].error_code,
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    );
    assert_eq!(
        leaders(&ask(&mut state, 2, 12, &named(&["orders"])))[0],
        (2, 1)
    );
    assert_eq!(
        names(&ask(
            &mut state,
            1,
            12,
            &MetadataRequest {
                topics: None,
                ..named(&[])
            }
        )),
        ["orders"]
    );
    assert_eq!(
        leaders(&ask(&mut state, 1, 12, &named(&["orders"])))[0],
        (2, 1)
    );
}

#[test]
fn errors_stand_at_the_topic_or_at_the_partition() {
    let mut state = cluster();
    let fault = |code| Fault::error(code).on(ApiKey::METADATA).topic("orders");
    state.push_fault(fault(ErrorCode::TOPIC_AUTHORIZATION_FAILED));
    state.push_fault(fault(ErrorCode::LEADER_NOT_AVAILABLE).partition(1).after(1));
    let first = ask(&mut state, 1, 9, &named(&["orders"]));
    assert_eq!(
        first.topics[0].error_code,
        ErrorCode::TOPIC_AUTHORIZATION_FAILED
    );
    let second = ask(&mut state, 1, 9, &named(&["orders"]));
    let codes = second.topics[0]
        .partitions
        .iter()
        .map(|p| p.error_code)
        .collect::<Vec<_>>();
    assert_eq!(
        codes,
        [
            ErrorCode::NONE,
            ErrorCode::LEADER_NOT_AVAILABLE,
            ErrorCode::NONE
        ]
    );
}

#[test]
fn authorized_operations_are_told_on_demand() {
    let mut state = cluster();
    let request = MetadataRequest {
        include_topic_authorized_operations: true,
        include_cluster_authorized_operations: true,
        ..named(&["orders"])
    };
    let response = ask(&mut state, 1, 8, &request);
    assert_eq!(
        (
            response.topics[0].topic_authorized_operations,
            response.cluster_authorized_operations
        ),
        (3576, 8096)
    );
    let response = ask(&mut state, 1, 8, &named(&["orders"]));
    assert_eq!(response.topics[0].topic_authorized_operations, i32::MIN);
}
