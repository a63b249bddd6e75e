//! Administration of topics against the embedded cluster, with what goes wrong on the way.

use std::{sync::Arc, time::Duration};

use crate::network::{self, Network, Peer};
use milena::{Admin, AdminError, Client, NewTopic, TopicDescription, TopicResult};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::Instant;

async fn three() -> (Arc<Cluster>, Admin) {
    let cluster = network::start(Cluster::builder().nodes(3).auto_create_topics(false)).await;
    let client = network::client(&cluster).connect().await.unwrap();
    (cluster, client.admin())
}

fn code<T: std::fmt::Debug>(result: TopicResult<T>) -> i16 {
    result.result.unwrap_err().code().unwrap()
}

#[tokio::test(start_paused = true)]
async fn topics_are_created_described_listed_extended_and_deleted() {
    let (_cluster, admin) = three().await;
    let created = admin
        .create_topic(NewTopic::new("orders", 6, 3))
        .await
        .unwrap();
    assert_eq!(created.partitions.len(), 6);
    assert!(
        created
            .partitions
            .iter()
            .all(|p| p.leader.is_some() && p.replicas.len() == 3)
    );
    assert!(created.id.is_some());

    let listed = admin.list_topics().await.unwrap();
    assert_eq!(
        listed
            .iter()
            .map(|t| (&*t.name, t.partitions))
            .collect::<Vec<_>>(),
        [("orders", 6)]
    );

    let more = admin
        .create_partitions([("orders", 9)])
        .await
        .remove(0)
        .result
        .unwrap();
    assert_eq!(more.partitions.len(), 9);
    let described = admin
        .describe_topics(["orders"])
        .await
        .remove(0)
        .result
        .unwrap();
    assert_eq!(described, more);

    admin
        .delete_topics(["orders"])
        .await
        .remove(0)
        .result
        .unwrap();
    assert!(admin.list_topics().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_topic_has_its_own_result_in_the_given_order() {
    let (_cluster, admin) = three().await;
    admin
        .create_topic(NewTopic::new("old", 1, 1))
        .await
        .unwrap();
    let topics = [
        NewTopic::new("new", 2, 1),
        NewTopic::new("old", 1, 1),
        NewTopic::new("bad name", 1, 1),
        NewTopic::new("wide", 1, 9),
    ];
    let mut results = admin.create_topics(topics).await;
    let names: Vec<_> = results.iter().map(|result| result.topic.clone()).collect();
    assert_eq!(names, ["new", "old", "bad name", "wide"]);
    let wide = results.remove(3).result.unwrap_err();
    assert!(
        wide.to_string().contains("INVALID_REPLICATION_FACTOR (38)"),
        "{wide}"
    );
    assert_eq!(
        code(results.remove(2)),
        ErrorCode::INVALID_TOPIC_EXCEPTION.0
    );
    assert_eq!(code(results.remove(1)), ErrorCode::TOPIC_ALREADY_EXISTS.0);
    assert_eq!(results.remove(0).result.unwrap().partitions.len(), 2);

    let mut results = admin.delete_topics(["nothing", "old"]).await;
    assert!(results.remove(1).result.is_ok());
    assert_eq!(
        code(results.remove(0)),
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0
    );
    let missing = admin.describe_topics(["nothing"]).await.remove(0);
    assert_eq!(code(missing), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
    let fewer = admin.create_partitions([("new", 1)]).await.remove(0);
    assert_eq!(code(fewer), ErrorCode::INVALID_PARTITIONS.0);
}

#[tokio::test(start_paused = true)]
async fn attempts_go_on_until_it_works() {
    let (cluster, admin) = three().await;
    for code in [
        ErrorCode::NOT_CONTROLLER,
        ErrorCode::THROTTLING_QUOTA_EXCEEDED,
    ] {
        cluster
            .faults()
            .push(Fault::error(code).on(ApiKey::CREATE_TOPICS));
    }
    cluster
        .faults()
        .push(Fault::lose_request().on(ApiKey::CREATE_TOPICS).after(2));
    cluster.faults().push(Fault::garbage().on(ApiKey::METADATA));
    admin
        .create_topic(NewTopic::new("orders", 3, 1))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_a_lost_answer_left_behind_is_no_error() {
    let (cluster, admin) = three().await;
    cluster
        .faults()
        .push(Fault::lose_answer().on(ApiKey::CREATE_TOPICS));
    cluster
        .faults()
        .push(Fault::lose_answer().on(ApiKey::DELETE_TOPICS));
    cluster
        .faults()
        .push(Fault::lose_answer().on(ApiKey::CREATE_PARTITIONS));
    admin
        .create_topic(NewTopic::new("orders", 3, 1))
        .await
        .unwrap();
    let more = admin
        .create_partitions([("orders", 5)])
        .await
        .remove(0)
        .result
        .unwrap();
    assert_eq!(more.partitions.len(), 5);
    admin
        .delete_topics(["orders"])
        .await
        .remove(0)
        .result
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs_ends_in_an_error_within_the_deadline() {
    let cluster = network::start(Cluster::builder()).await;
    let client = network::client(&cluster)
        .api_timeout(Duration::from_secs(45))
        .connect()
        .await
        .unwrap();
    cluster
        .faults()
        .push(Fault::hang().on(ApiKey::CREATE_TOPICS).always());
    let started = Instant::now();
    let error = client
        .admin()
        .create_topic(NewTopic::new("orders", 3, 1))
        .await
        .unwrap_err();
    assert!(
        started.elapsed() <= Duration::from_millis(45_100),
        "{:?}",
        started.elapsed()
    );
    let message = error.to_string();
    assert!(matches!(error, AdminError::TimedOut { .. }), "{message}");
    assert!(
        message.contains("CreateTopics") && message.contains("broker 1"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn odd_answers_are_survived_and_told_of() {
    type Odd = (fn() -> Fault, &'static str);
    let odd: [Odd; 5] = [
        (Fault::garbage, "broker 1"),
        (Fault::wrong_correlation_id, "correlation id"),
        (|| Fault::truncate(7), "broker 1"),
        (
            || Fault::answer_with(vec![0x7f, 0xff, 0xff, 0xff]),
            "2147483647 bytes",
        ),
        (|| Fault::answer_with(b"HTTP/1.1 400".to_vec()), "broker 1"),
    ];
    for (fault, words) in odd {
        let cluster = network::start(Cluster::builder()).await;
        let client = network::client(&cluster).connect().await.unwrap();
        cluster
            .faults()
            .push(fault().on(ApiKey::CREATE_TOPICS).always());
        let started = Instant::now();
        let error = client
            .admin()
            .create_topic(NewTopic::new("orders", 3, 1))
            .await
            .unwrap_err();
        assert!(started.elapsed() <= Duration::from_millis(60_100));
        assert!(error.to_string().contains(words), "{error}");
        // Nothing is left of it once the broker is itself again.
        cluster.faults().clear();
        client
            .admin()
            .create_topic(NewTopic::new("invoices", 3, 1))
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_advertised_host_that_does_not_resolve_is_named() {
    let cluster = network::start(Cluster::builder()).await;
    let network = Network::of(&cluster)
        .with("outer.example", Peer::Node(1))
        .with("node-1", Peer::Unresolvable);
    let connecting = Client::builder("outer.example:9092").connector(network);
    let client = connecting
        .api_timeout(Duration::from_secs(10))
        .connect()
        .await
        .unwrap();
    let started = Instant::now();
    let error = client
        .admin()
        .create_topic(NewTopic::new("orders", 1, 1))
        .await;
    let error = error.unwrap_err().to_string();
    assert!(started.elapsed() <= Duration::from_secs(10));
    assert!(
        error.contains("broker 1 (advertised at node-1:9092)"),
        "{error}"
    );
    assert!(error.contains("\"node-1\" does not resolve"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_goes_and_comes_back_is_found_again() {
    let (cluster, admin) = three().await;
    admin
        .create_topic(NewTopic::new("orders", 3, 3))
        .await
        .unwrap();
    for node in 1..=3 {
        cluster.node_down(node).await.unwrap();
        let listed = admin.list_topics().await.unwrap();
        assert_eq!(listed.len(), 1);
        cluster.node_up(node).await.unwrap();
        let described: TopicDescription = admin
            .describe_topics(["orders"])
            .await
            .remove(0)
            .result
            .unwrap();
        assert_eq!(described.partitions.len(), 3);
    }
}
