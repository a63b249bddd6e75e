//! Connecting: what is at the other end, and how it is told.

use std::time::Duration;

use crate::network::{self, Network, Peer};
use milena::{BrokerErrorKind, Client, ConnectError, NewTopic, Record};
use milena_broker::{
    Cluster, Fault,
    protocol::{ApiKey, ErrorCode},
};
use tokio::time::Instant;

const DEADLINE: Duration = Duration::from_secs(20);

/// What connecting to that peer alone comes to, and how long it takes.
async fn failure(peer: Peer) -> (BrokerErrorKind, String, Duration) {
    let started = Instant::now();
    let outcome = Client::builder("odd.example:9092")
        .connector(Network::default().with("odd.example", peer))
        .bootstrap_timeout(DEADLINE)
        .connect()
        .await;
    let Err(ConnectError::Unreachable { attempts, .. }) = outcome else {
        panic!("connected to nothing: {outcome:?}")
    };
    let [error] = &attempts[..] else {
        panic!("one address, but {attempts:?}")
    };
    assert_eq!((error.host(), error.port()), ("odd.example", 9092));
    assert!(
        error.to_string().starts_with("odd.example:9092: "),
        "{error}"
    );
    (error.kind(), error.to_string(), started.elapsed())
}

/// Expects a failure of that kind, with these words, within the deadline.
async fn fails(peer: Peer, kind: BrokerErrorKind, words: &[&str]) {
    let told = format!("{peer:?}");
    let (found, message, waited) = failure(peer).await;
    assert_eq!(found, kind, "{told}: {message}");
    for word in words {
        assert!(message.contains(word), "{told}: {message}");
    }
    assert!(
        waited <= DEADLINE + Duration::from_millis(10),
        "{told}: took {waited:?}"
    );
}

/// Expects a failure that no second attempt is wasted on.
async fn fails_at_once(peer: Peer, kind: BrokerErrorKind, words: &[&str]) {
    let started = Instant::now();
    fails(peer, kind, words).await;
    assert!(started.elapsed() < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_resolve() {
    fails(
        Peer::Unresolvable,
        BrokerErrorKind::DoesNotResolve,
        &["\"odd.example\" does not resolve"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_port_where_nobody_listens() {
    fails(
        Peer::Refused,
        BrokerErrorKind::CannotConnect,
        &["connection refused", "10.0.0.1:9092"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_answer_to_connecting() {
    fails(Peer::Unreachable, BrokerErrorKind::CannotConnect, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_hangs() {
    fails(
        Peer::Silent,
        BrokerErrorKind::NoAnswer,
        &["handshake", "20s"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_speaks_http() {
    let peer = Peer::SaysAndCloses(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    fails_at_once(peer, BrokerErrorKind::SpeaksHttp, &["speaks HTTP"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_speaks_tls() {
    let peer = Peer::SaysAndCloses(vec![0x15, 3, 3, 0, 2, 2, 40]);
    fails_at_once(peer, BrokerErrorKind::SpeaksTls, &["speaks TLS"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_port_that_closes_at_once_or_after_the_request() {
    fails(
        Peer::Closes,
        BrokerErrorKind::Lost,
        &["before the first answer", "TLS"],
    )
    .await;
    fails(
        Peer::SaysAndCloses(vec![]),
        BrokerErrorKind::Lost,
        &["before the first answer"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_closed_in_mid_frame() {
    let peer = Peer::SaysAndCloses(vec![0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    fails(
        peer,
        BrokerErrorKind::Lost,
        &["mid-frame", "6 bytes of 256"],
    )
    .await;
    fails(
        Peer::SaysAndCloses(vec![0, 0]),
        BrokerErrorKind::Lost,
        &["mid-frame"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn garbage() {
    let peer = Peer::Says(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec());
    fails_at_once(peer, BrokerErrorKind::Garbage, &["SSH-", "above the limit"]).await;
    let peer = Peer::Says(vec![0, 0, 0, 2, 1, 2]);
    fails_at_once(peer, BrokerErrorKind::Garbage, &["2 bytes", "too short"]).await;
    let mut noise = vec![0, 0, 0, 40, 0, 0, 0, 0];
    noise.resize(44, 0xa5);
    fails_at_once(
        Peer::Says(noise),
        BrokerErrorKind::Garbage,
        &["ApiVersionsResponse"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_lying_length() {
    // More than is ever accepted; and as much as is accepted, of which nothing comes.
    let peer = Peer::Says(vec![0x7f, 0xff, 0xff, 0xff]);
    fails_at_once(
        peer,
        BrokerErrorKind::Garbage,
        &["2147483647 bytes", "limit"],
    )
    .await;
    let peer = Peer::Says(vec![0x80, 0, 0, 0]);
    fails_at_once(peer, BrokerErrorKind::Garbage, &["-2147483648 bytes"]).await;
    let peer = Peer::Says(vec![0x07, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    fails(peer, BrokerErrorKind::NoAnswer, &["handshake"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_correlation_id() {
    let peer = Peer::Says(vec![0, 0, 0, 6, 0, 0, 0x30, 0x39, 0, 0]);
    fails_at_once(
        peer,
        BrokerErrorKind::Garbage,
        &["correlation id 12345", "where 0 (ApiVersions"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn every_address_is_told_of() {
    let network = Network::default()
        .with("a", Peer::Refused)
        .with("b", Peer::SaysAndCloses(b"HTTP/1.1 200 OK".to_vec()))
        .with("c", Peer::Silent);
    let outcome = Client::builder("a:1,b:2,c:3")
        .connector(network)
        .connect()
        .await;
    let message = outcome.unwrap_err().to_string();
    for part in [
        "a:1: connection refused",
        "b:2: the port speaks HTTP",
        "c:3: the handshake",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_good_address_is_enough_and_a_hanging_one_does_not_stand_in_its_way() {
    let cluster = network::start(Cluster::builder().nodes(3)).await;
    for _ in 0..5 {
        let network = Network::of(&cluster)
            .with("hangs", Peer::Silent)
            .with("refuses", Peer::Refused)
            .with("good", Peer::Node(2));
        let started = Instant::now();
        let client = Client::builder("hangs:1,refuses:2,good:3")
            .connector(network)
            .connect()
            .await;
        assert_eq!(client.unwrap().brokers().len(), 3);
        assert!(
            started.elapsed() <= Duration::from_secs(2),
            "{:?}",
            started.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_broker_that_comes_up_late_is_found() {
    let cluster = network::start(Cluster::builder().nodes(1)).await;
    cluster
        .faults()
        .push(Fault::lose_request().on(ApiKey::API_VERSIONS).times(3));
    cluster.faults().push(
        Fault::error(ErrorCode::UNKNOWN_SERVER_ERROR)
            .on(ApiKey::METADATA)
            .times(2),
    );
    let client = network::client(&cluster).connect().await.unwrap();
    assert_eq!(client.brokers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn old_brokers_are_spoken_to_in_their_versions() {
    for max in [0, 2, 3] {
        let cluster = Cluster::builder()
            .max_version(ApiKey::API_VERSIONS, max)
            .max_version(ApiKey::METADATA, 5)
            .topic("orders", 2);
        let cluster = network::start(cluster).await;
        let client = network::client(&cluster).connect().await.unwrap();
        assert_eq!(client.partitions_for("orders").await.unwrap().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_broker_lacks_is_named() {
    let cluster = network::start(Cluster::builder().without_api(ApiKey::CREATE_PARTITIONS)).await;
    let client = network::client(&cluster).connect().await.unwrap();
    let error = client
        .admin()
        .create_partitions([("t", 3)])
        .await
        .remove(0)
        .result
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("does not offer CreatePartitions"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn when_all_known_brokers_are_gone_the_bootstrap_addresses_are_asked_again() {
    let before = network::start(Cluster::builder().nodes(2).topic("before", 1)).await;
    let network = Network::of(&before).with("seed", Peer::Node(1));
    let builder = Client::builder("seed:9092").connector(network.clone());
    let client = builder.connect().await.unwrap();
    assert_eq!(client.partitions_for("before").await.unwrap().len(), 1);

    // Everybody moved: only the bootstrap address leads anywhere now.
    let after = Cluster::builder().nodes(5).port(7000).topic("after", 3);
    *network.cluster.lock().unwrap() = Some(network::start(after).await);
    before.node_down(1).await.unwrap();
    before.node_down(2).await.unwrap();
    let started = Instant::now();
    assert_eq!(client.partitions_for("after").await.unwrap().len(), 3);
    assert_eq!(client.brokers().len(), 5);
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_appears_while_it_is_waited_for_is_known_at_once() {
    let cluster = network::start(Cluster::builder().auto_create_topics(false)).await;
    let client = network::client(&cluster).connect().await.unwrap();
    let waiting = tokio::spawn(async move { client.partitions_for("late").await });
    tokio::time::sleep(Duration::from_secs(20)).await;
    cluster.create_topic("late", 4).unwrap();
    let appeared = Instant::now();
    assert_eq!(waiting.await.unwrap().unwrap().len(), 4);
    assert!(
        appeared.elapsed() <= Duration::from_secs(2),
        "{:?}",
        appeared.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_dropped_closes_its_connections_and_ends_its_tasks() {
    let cluster = network::start(Cluster::builder()).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let client = network::client(&cluster).connect().await.unwrap();
    client.admin().list_topics().await.unwrap();
    assert!(tasks() > before);
    drop(client);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(tasks(), before);
}

#[tokio::test(start_paused = true)]
async fn deadlines_may_be_as_far_off_as_one_likes() {
    let cluster = network::start(Cluster::builder().topic("orders", 3)).await;
    let client = network::client(&cluster)
        .request_timeout(Duration::MAX)
        .bootstrap_timeout(Duration::MAX)
        .api_timeout(Duration::MAX)
        .metadata_max_age(Duration::MAX)
        .metadata_max_idle(Duration::MAX)
        .connections_max_idle(Duration::MAX)
        .connect()
        .await
        .unwrap();
    assert_eq!(client.partitions_for("orders").await.unwrap().len(), 3);
    let admin = client.admin();
    admin
        .create_topic(NewTopic::new("new", 1, 1))
        .await
        .unwrap();
    assert_eq!(admin.list_topics().await.unwrap().len(), 2);
    let producer = client
        .producer()
        .request_timeout(Duration::MAX)
        .delivery_timeout(Duration::MAX)
        .max_block(Duration::MAX)
        .retry_backoff(Duration::MAX, Duration::MAX)
        .availability_timeout(Duration::MAX)
        .build()
        .unwrap();
    let sent = producer.send(Record::to("orders").value("v")).await;
    sent.unwrap().await.unwrap();
    producer.close(Duration::MAX).await.unwrap();
    let reader = client.reader("orders").from_beginning().to_end();
    let mut reader = reader.build().await.unwrap();
    assert!(reader.next().await.unwrap().is_ok());
}

#[test]
fn outside_of_a_runtime_there_is_an_error_and_no_panic() {
    let connecting = Client::builder("a:1").connect();
    let mut connecting = std::pin::pin!(connecting);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let outcome = connecting.as_mut().poll(&mut cx);
    assert!(
        matches!(
            outcome,
            std::task::Poll::Ready(Err(ConnectError::NoRuntime))
        ),
        "{outcome:?}"
    );
}
