//! The running cluster: sockets, streams in memory, order of answers, nodes that go and return.
#![allow(missing_docs)]
#![allow(
    clippy::unwrap_used,
    reason = "what a helper cannot do fails the test that called it"
)]

mod wire;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use milena_broker::protocol::Direction;
use milena_broker::protocol::fetch::FetchRequest;
use milena_broker::protocol::metadata::MetadataRequest;
use milena_broker::protocol::{ApiKey, ErrorCode, Uuid, encode_request};
use milena_broker::{Cluster, Fate, Fault, TopologyError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use wire::{Wire, batch, fetch, produce, values};

/// Longer than anything here takes, so that a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(60);

async fn cluster() -> Cluster {
    Cluster::builder()
        .nodes(3)
        .topic("orders", 3)
        .start()
        .await
        .unwrap()
}

async fn tcp(cluster: &Cluster, node: i32) -> Wire<TcpStream> {
    Wire::new(
        TcpStream::connect(cluster.address(node).unwrap())
            .await
            .unwrap(),
    )
}

#[tokio::test]
async fn a_client_finds_its_way_over_tcp() {
    let cluster = cluster().await;
    let bootstrap = cluster.bootstrap();
    assert_eq!(bootstrap.split(',').count(), 3);
    let mut wire = tcp(&cluster, 3).await;
    let metadata = wire
        .ask(
            12,
            &MetadataRequest {
                topics: None,
                ..Default::default()
            },
        )
        .await;
    let addresses = metadata
        .brokers
        .iter()
        .map(|node| format!("{}:{}", node.host, node.port));
    assert_eq!(addresses.collect::<Vec<_>>().join(","), bootstrap);
    for (partition, described) in (0..).zip(&metadata.topics[0].partitions) {
        let mut leader = tcp(&cluster, described.leader_id).await;
        let value = format!("value {partition}");
        let answer = leader
            .ask(9, &produce("orders", partition, batch(&[&value]), -1))
            .await;
        assert_eq!(
            answer.responses[0].partition_responses[0].error_code,
            ErrorCode::NONE
        );
        let answer = leader
            .ask(11, &fetch("orders", Uuid::ZERO, partition, 0))
            .await;
        assert_eq!(values(&answer), [value]);
    }
    assert_eq!(cluster.audit().acknowledged(), 3);
    cluster.shutdown().await;
    assert!(timeout(PATIENCE, wire.ended()).await.unwrap());
}

#[tokio::test]
async fn dropping_stops_everything() {
    let cluster = cluster().await;
    let address = cluster.address(1).unwrap();
    let mut wire = tcp(&cluster, 1).await;
    wire.ask(9, &MetadataRequest::default()).await;
    drop(cluster);
    assert!(timeout(PATIENCE, wire.ended()).await.unwrap());
    let refused = async {
        while TcpStream::connect(&address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, refused).await.unwrap();
}

#[tokio::test]
async fn large_batches_and_many_segments_arrive_whole() {
    let cluster = cluster().await;
    let mut wire = tcp(&cluster, 1).await;
    let big = "0123456789".repeat(50_000);
    for _ in 0..3 {
        wire.ask(9, &produce("orders", 0, batch(&[&big]), -1)).await;
    }
    for n in 0..200 {
        wire.ask(9, &produce("orders", 0, batch(&[&n.to_string()]), -1))
            .await;
    }
    let mut request = fetch("orders", Uuid::ZERO, 0, 0);
    request.topics[0].partitions[0].partition_max_bytes = 50 << 20;
    let got = values(&wire.ask(11, &request).await);
    let expected = std::iter::repeat_n(big, 3).chain((0..200).map(|n| n.to_string()));
    assert!(got.into_iter().eq(expected));
}

#[tokio::test(start_paused = true)]
async fn answers_leave_in_the_order_of_requests() {
    let cluster = Cluster::builder()
        .topic("orders", 1)
        .in_memory()
        .start()
        .await
        .unwrap();
    cluster
        .faults()
        .push(Fault::delay(Duration::from_secs(3)).on(ApiKey::PRODUCE));
    let mut wire = Wire::new(cluster.connect(1).unwrap());
    let start = Instant::now();
    for n in 0..5 {
        wire.send(n, 9, &produce("orders", 0, batch(&[&n.to_string()]), -1))
            .await;
    }
    // All are applied as they come, though none is answered yet.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        cluster.with_state(|state| state.log_range("orders", 0)),
        Some((0, 5))
    );
    for n in 0..5 {
        assert_eq!(wire.receive().await.0, n);
    }
    assert_eq!(start.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_wakes_for_records_and_gives_up_in_time() {
    let cluster = Cluster::builder()
        .topic("orders", 1)
        .in_memory()
        .start()
        .await
        .unwrap();
    let request = FetchRequest {
        max_wait_ms: 60_000,
        ..fetch("orders", Uuid::ZERO, 0, 0)
    };
    let mut reader = Wire::new(cluster.connect(1).unwrap());
    let mut writer = Wire::new(cluster.connect(1).unwrap());
    let start = Instant::now();
    reader.send(0, 11, &request).await;
    // What comes behind a waiting fetch has to wait as well.
    reader.send(1, 9, &MetadataRequest::default()).await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    writer
        .ask(9, &produce("orders", 0, batch(&["now"]), -1))
        .await;
    assert_eq!(reader.receive().await.0, 0);
    assert_eq!(reader.receive().await.0, 1);
    assert_eq!(start.elapsed().as_secs(), 7);

    let request = FetchRequest {
        max_wait_ms: 60_000,
        ..fetch("orders", Uuid::ZERO, 0, 1)
    };
    assert!(values(&reader.ask(11, &request).await).is_empty());
    assert_eq!(start.elapsed().as_secs(), 67);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_while_it_waits_is_let_go() {
    let cluster = Cluster::builder()
        .topic("orders", 1)
        .in_memory()
        .start()
        .await
        .unwrap();
    let mut reader = Wire::new(cluster.connect(1).unwrap());
    let request = FetchRequest {
        max_wait_ms: i32::MAX,
        ..fetch("orders", Uuid::ZERO, 0, 0)
    };
    reader.send(0, 11, &request).await;
    drop(reader);
    // Shutting down waits for nothing but tasks that end.
    timeout(Duration::from_secs(1), cluster.shutdown())
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn faults_show_on_the_wire() {
    let cluster = Cluster::builder()
        .topic("orders", 1)
        .in_memory()
        .start()
        .await
        .unwrap();
    let request = produce("orders", 0, batch(&["a"]), -1);
    let connect = || Wire::new(cluster.connect(1).unwrap());

    cluster.faults().push(Fault::lose_request());
    let mut wire = connect();
    wire.send(0, 9, &request).await;
    assert!(wire.ended().await);
    cluster.faults().push(Fault::lose_answer());
    let mut wire = connect();
    wire.send(0, 9, &request).await;
    assert!(wire.ended().await);

    cluster.faults().push(Fault::hang());
    let mut wire = connect();
    wire.send(0, 9, &request).await;
    wire.send(1, 9, &request).await;
    assert!(
        timeout(Duration::from_secs(3600), wire.receive())
            .await
            .is_err()
    );

    cluster
        .faults()
        .push(Fault::answer_with(&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..]));
    let mut wire = connect();
    wire.send(0, 9, &request).await;
    let mut told = String::new();
    wire.stream.read_to_string(&mut told).await.unwrap();
    assert_eq!(told, "HTTP/1.1 400 Bad Request\r\n\r\n");

    cluster.faults().push(Fault::truncate(6));
    let mut wire = connect();
    wire.send(0, 9, &request).await;
    let mut told = Vec::new();
    wire.stream.read_to_end(&mut told).await.unwrap();
    assert_eq!(told.len(), 6);

    assert_eq!(cluster.faults().pending(), 0);
    let fates = cluster
        .requests()
        .iter()
        .map(|request| request.fate)
        .collect::<Vec<_>>();
    assert_eq!(
        fates,
        [
            Fate::Lost,
            Fate::AnswerLost,
            Fate::Lost,
            Fate::AnswerLost,
            Fate::AnswerLost
        ]
    );
    let audit = cluster.audit();
    assert_eq!((audit.stored(), audit.acknowledged()), (3, 0));
}

#[tokio::test]
async fn a_node_goes_and_returns_to_its_port() {
    let cluster = cluster().await;
    let address = cluster.address(2).unwrap();
    let mut cut = tcp(&cluster, 2).await;
    cut.ask(9, &MetadataRequest::default()).await;
    cluster.node_down(2).await.unwrap();
    assert!(timeout(PATIENCE, cut.ended()).await.unwrap());
    assert!(cluster.connect(2).is_err());
    let (leader, epoch) = cluster
        .with_state(|state| state.leader("orders", 1))
        .unwrap();
    assert_ne!(leader, 2);
    assert_eq!(epoch, 1);
    let mut other = tcp(&cluster, leader).await;
    other
        .ask(9, &produce("orders", 1, batch(&["while away"]), -1))
        .await;

    // It takes its port again, which it could not if it still listened there.
    cluster.node_up(2).await.unwrap();
    cluster.node_up(2).await.unwrap();
    cluster.move_leader("orders", 1, 2).unwrap();
    let mut back = Wire::new(TcpStream::connect(&address).await.unwrap());
    assert_eq!(
        values(&back.ask(11, &fetch("orders", Uuid::ZERO, 1, 0)).await),
        ["while away"]
    );
    assert_eq!(
        cluster.node_down(9).await,
        Err(TopologyError::UnknownNode(9))
    );
}

#[tokio::test]
async fn hostile_bytes_close_their_connection_and_nothing_else() {
    let cluster = Cluster::builder()
        .max_request_bytes(1 << 20)
        .start()
        .await
        .unwrap();
    let mut bystander = tcp(&cluster, 1).await;
    let http = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let tls = [
        0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03,
    ];
    let lying = (1_i32 << 20).saturating_add(1).to_be_bytes();
    let nonsense = [&8_i32.to_be_bytes()[..], &[0xff; 8]].concat();
    let empty = [0; 4];
    for bytes in [
        &http[..],
        &tls,
        &lying,
        &nonsense,
        &empty,
        &(-1_i32).to_be_bytes(),
    ] {
        let mut wire = tcp(&cluster, 1).await;
        wire.stream.write_all(bytes).await.unwrap();
        assert!(timeout(PATIENCE, wire.ended()).await.unwrap(), "{bytes:?}");
    }
    // A frame that never ends, and a client that leaves in the middle of it.
    let mut half = tcp(&cluster, 1).await;
    half.stream
        .write_all(&1000_i32.to_be_bytes())
        .await
        .unwrap();
    half.stream.write_all(&[0; 10]).await.unwrap();
    drop(half);
    bystander.ask(9, &MetadataRequest::default()).await;
}

#[tokio::test]
async fn every_frame_is_shown_as_it_was_on_the_wire() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    let cluster = Cluster::builder()
        .nodes(2)
        .topic("orders", 2)
        .observe(move |frame| {
            let bytes = frame.segments.concat();
            seen.lock().unwrap().push((
                (frame.node, frame.connection & 0xffff_ffff, frame.sequence),
                frame.direction,
                frame.api,
                bytes,
            ));
        })
        .start()
        .await
        .unwrap();
    let take = || std::mem::take(&mut *shown.lock().unwrap());
    let produce_api = Some((ApiKey::PRODUCE, 9));
    let big = "0123456789".repeat(50_000);
    let requests = [
        produce("orders", 0, batch(&["unanswered"]), 0),
        produce("orders", 0, batch(&[&big]), -1),
    ];
    let frames = [1, 2].map(|id| {
        let request = &requests[usize::try_from(id).unwrap() - 1];
        encode_request(id, None, 9, request)
            .unwrap()
            .into_iter()
            .collect::<Vec<_>>()
            .concat()
    });
    let mut wire = tcp(&cluster, 1).await;
    for frame in &frames {
        wire.stream.write_all(frame).await.unwrap();
    }
    let (_, answer) = wire.receive().await;
    let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
    let [first, second] = frames;
    assert_eq!(
        take(),
        [
            ((1, 1, 1), Direction::Request, produce_api, first),
            ((1, 1, 2), Direction::Request, produce_api, second),
            (
                (1, 1, 2),
                Direction::Response,
                produce_api,
                [&length, &answer[..]].concat()
            ),
        ]
    );

    // Numbers begin anew with each connection, and what a fault makes of an answer is what is shown.
    cluster.faults().push(Fault::answer_with(&b"no"[..]));
    let mut second = tcp(&cluster, 1).await;
    second.send(1, 12, &MetadataRequest::default()).await;
    let mut told = Vec::new();
    second.stream.read_to_end(&mut told).await.unwrap();
    let last = take().pop().unwrap();
    let api = Some((ApiKey::METADATA, 12));
    assert_eq!(last, ((1, 2, 1), Direction::Response, api, b"no".to_vec()));

    // A frame too short for a header, and one of no API that there is.
    for (frame, api) in [
        (&[0, 0, 0, 3, 1, 2, 3][..], None),
        (&[0, 0, 0, 4, 3, 231, 0, 9], Some((ApiKey(999), 9))),
    ] {
        let mut wire = tcp(&cluster, 2).await;
        wire.stream.write_all(frame).await.unwrap();
        assert!(wire.ended().await);
        let [(_, direction, shown_api, bytes)] = &take()[..] else {
            panic!("one frame was sent and none was answered");
        };
        assert_eq!(
            (*direction, *shown_api, &bytes[..]),
            (Direction::Request, api, frame)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_answer_is_shown_with_its_own_request() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    let cluster = Cluster::builder()
        .topic("orders", 1)
        .in_memory()
        .observe(move |frame| {
            let what = (frame.sequence, frame.direction, frame.api.unwrap().0);
            seen.lock().unwrap().push(what);
        })
        .start()
        .await
        .unwrap();
    cluster
        .faults()
        .push(Fault::delay(Duration::from_secs(3)).on(ApiKey::PRODUCE));
    let mut wire = Wire::new(cluster.connect(1).unwrap());
    let fetch = FetchRequest {
        max_wait_ms: 60_000,
        ..fetch("orders", Uuid::ZERO, 0, 1)
    };
    wire.send(1, 9, &produce("orders", 0, batch(&["a"]), -1))
        .await;
    wire.send(2, 11, &fetch).await;
    wire.send(3, 9, &MetadataRequest::default()).await;
    for id in 1..=3 {
        assert_eq!(wire.receive().await.0, id);
    }
    let (came, left) = (Direction::Request, Direction::Response);
    assert_eq!(
        *shown.lock().unwrap(),
        [
            (1, came, ApiKey::PRODUCE),
            (2, came, ApiKey::FETCH),
            (1, left, ApiKey::PRODUCE),
            (3, came, ApiKey::METADATA),
            (2, left, ApiKey::FETCH),
            (3, left, ApiKey::METADATA),
        ]
    );
}

#[tokio::test]
async fn a_port_in_use_is_an_error() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = Cluster::builder().port(port).start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let error = Cluster::builder().nodes(0).start().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn nodes_in_memory_are_found_by_what_they_advertise() {
    let cluster = Cluster::builder()
        .nodes(2)
        .in_memory()
        .start()
        .await
        .unwrap();
    assert_eq!(cluster.bootstrap(), "node-1:9092,node-2:9092");
    assert_eq!(cluster.node_at("node-2", 9092), Some(2));
    assert_eq!(cluster.node_at("node-3", 9092), None);
    let error = cluster.connect(3).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_host_can_be_advertised_that_is_not_listened_on() {
    let cluster = Cluster::builder()
        .host("127.0.0.1")
        .advertised_host("localhost")
        .start()
        .await
        .unwrap();
    assert!(cluster.bootstrap().starts_with("localhost:"));
    let mut wire = tcp(&cluster, 1).await;
    assert_eq!(
        &*wire.ask(9, &MetadataRequest::default()).await.brokers[0].host,
        "localhost"
    );
}

#[test]
fn a_cluster_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Cluster>();
}
