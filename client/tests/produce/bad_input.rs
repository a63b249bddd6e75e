//! A broker's address where something else is, or a broker that talks nonsense: in paused time, on streams in memory.
//!
//! Each ends in an error that says what was seen and from whom, in time, with little memory, and is forgotten when
//! there is a broker again. One node of two is odd, so that the cluster itself is known.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use milena::{
    BoxFuture, Client, Connector, DialError, Persistence, ProduceError, ProduceErrorKind, Producer,
    Record, Stream,
};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
use tokio::time::Instant;

use crate::{
    network::{self, Network, Peer},
    stored::{Flow, check},
};

const MINUTE: Duration = Duration::from_secs(60);
/// What records may take by default.
const DELIVERY: Duration = Duration::from_secs(120);
/// More than the client and both brokers take when nothing is odd, and far less than the lengths that are made up.
const MEMORY: u64 = 8 << 20;

type Odd = (&'static [&'static str], Peer);

/// Leads to a cluster, but for one of its nodes, for as long as something else is there.
#[derive(Clone, Debug)]
struct Switch {
    cluster: Arc<Cluster>,
    /// The hosts that are odd, and what they are.
    odd: Arc<Mutex<Option<Odd>>>,
}

impl Switch {
    fn set(&self, hosts: &'static [&'static str], peer: Peer) {
        *self.odd.lock().unwrap() = Some((hosts, peer));
    }

    fn heal(&self) {
        *self.odd.lock().unwrap() = None;
    }
}

impl Connector for Switch {
    fn connect<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        setup_timeout: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Stream>, DialError>> {
        let mut network = Network::of(&self.cluster);
        if let Some((hosts, peer)) = self.odd.lock().unwrap().clone() {
            for host in hosts {
                network = network.with(host, peer.clone());
            }
        }
        Box::pin(async move { network.connect(host, port, setup_timeout).await })
    }
}

/// Two nodes; partition 0 of `orders` is led by node 1, partition 1 by node 2.
async fn orders() -> (Switch, Client) {
    let builder = Cluster::builder()
        .nodes(2)
        .replication_factor(1)
        .topic("orders", 2);
    let cluster = network::start(builder).await;
    for partition in 0..2 {
        cluster
            .move_leader("orders", partition, partition + 1)
            .unwrap();
    }
    let switch = Switch {
        cluster,
        odd: Arc::default(),
    };
    let connecting = Client::builder(switch.cluster.bootstrap()).connector(switch.clone());
    let client = connecting.connect().await.unwrap();
    (switch, client)
}

/// Runs a test in paused time, and sees to it that it takes little memory.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let runtime = runtime.unwrap();
    let memory = allocation_counter::measure(|| runtime.block_on(test));
    assert!(
        memory.bytes_max < MEMORY,
        "{} bytes at once",
        memory.bytes_max
    );
}

async fn send(producer: &Producer, partition: i32, text: &str) -> Result<(), ProduceError> {
    let record = Record::to("orders").partition(partition).value(text);
    producer.send(record).await.unwrap().await.map(drop)
}

/// With `peer` in the place of node 2, records for it fail in time with these words; those for node 1 do not, and
/// all is well once it is gone.
async fn is_told_of(peer: Peer, words: &[&str]) {
    let told = format!("{peer:?}");
    let (switch, client) = orders().await;
    let producer = client.producer().build().unwrap();
    send(&producer, 0, "alone 1").await.unwrap();
    switch.set(&["node-2"], peer);

    let started = Instant::now();
    let record = Record::to("orders").partition(1).value("lost");
    let lost = producer.send(record).await.unwrap();
    send(&producer, 0, "alone 2").await.unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{told}: {:?}",
        started.elapsed()
    );
    let error = lost.await.unwrap_err();
    let waited = started.elapsed();
    assert!(
        waited >= DELIVERY && waited < DELIVERY + Duration::from_secs(1),
        "{told}: {waited:?}"
    );
    let message = error.to_string();
    assert_eq!(
        error.kind(),
        ProduceErrorKind::TimedOut,
        "{told}: {message}"
    );
    assert_eq!(
        (error.persistence(), error.attempts()),
        (Persistence::No, 0),
        "{told}: {message}"
    );
    for word in words
        .iter()
        .chain(&["broker 2 (advertised at node-2:9092)"])
    {
        assert!(message.contains(word), "{told}: {message}");
    }
    assert_eq!(producer.buffered(), 0);

    // What still has time when the broker is back arrives.
    let mut flow = Flow::default();
    flow.send(&producer, "orders", 2, 20).await;
    tokio::time::sleep(MINUTE / 2).await;
    switch.heal();
    let healed = Instant::now();
    flow.settle_well(&switch.cluster, "orders").await;
    assert!(healed.elapsed() < MINUTE, "{told}: {:?}", healed.elapsed());
    assert_eq!(producer.buffered(), 0);
}

#[test]
fn nobody_is_there() {
    run(async {
        is_told_of(Peer::Unresolvable, &["\"node-2\" does not resolve"]).await;
        is_told_of(Peer::Refused, &["connection refused", "10.0.0.1:9092"]).await;
        is_told_of(Peer::Unreachable, &["no answer to connecting"]).await;
    });
}

#[test]
fn somebody_else_is_there() {
    run(async {
        let http = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
        is_told_of(Peer::SaysAndCloses(http.clone()), &["speaks HTTP"]).await;
        is_told_of(Peer::Says(http), &["speaks HTTP"]).await;
        is_told_of(
            Peer::SaysAndCloses(vec![0x15, 3, 3, 0, 2, 2, 40]),
            &["speaks TLS"],
        )
        .await;
        is_told_of(Peer::Says(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()), &["SSH-"]).await;
        is_told_of(Peer::Closes, &["before the first answer", "TLS"]).await;
    });
}

#[test]
fn a_broker_that_says_nothing() {
    run(is_told_of(Peer::Silent, &["handshake"]));
}

#[test]
fn a_broker_that_talks_nonsense_in_the_handshake() {
    run(async {
        is_told_of(
            Peer::Says(vec![0x7f, 0xff, 0xff, 0xff]),
            &["2147483647 bytes"],
        )
        .await;
        is_told_of(Peer::Says(vec![0x80, 0, 0, 0]), &["-2147483648 bytes"]).await;
        // As long as is allowed, of which nothing comes.
        is_told_of(
            Peer::Says(vec![0x07, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
            &["handshake"],
        )
        .await;
        is_told_of(
            Peer::Says(vec![0, 0, 0, 6, 0, 0, 0x30, 0x39, 0, 0]),
            &["correlation id 12345"],
        )
        .await;
        is_told_of(
            Peer::SaysAndCloses(vec![0, 0, 1, 0, 0, 0, 0, 0, 0]),
            &["mid-frame"],
        )
        .await;
        // A count of 2^31 - 1 APIs.
        let mut lie = vec![0, 0, 0, 14, 0, 0, 0, 0, 0, 0];
        lie.extend([0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0]);
        is_told_of(Peer::Says(lie), &["ApiVersionsResponse"]).await;
    });
}

/// With `fault` on every Produce request to node 2, records for it fail in time with these words, and may be stored;
/// those for node 1 do not fail, and all is well once it is gone.
async fn answers_are_told_of(fault: Fault, words: &[&str]) {
    let told = format!("{fault:?}");
    let (switch, client) = orders().await;
    let cluster = &switch.cluster;
    let producer = client.producer().build().unwrap();
    cluster
        .faults()
        .push(fault.on(ApiKey::PRODUCE).node(2).always());

    let started = Instant::now();
    let mut flow = Flow::default();
    flow.send(&producer, "orders", 2, 20).await;
    let outcomes = flow.settle().await;
    let waited = started.elapsed();
    assert!(
        waited < DELIVERY + Duration::from_secs(1),
        "{told}: {waited:?}"
    );
    for outcome in &outcomes {
        let Err(error) = &outcome.result else {
            assert_eq!(outcome.partition, 0, "{told}");
            continue;
        };
        let message = error.to_string();
        assert_eq!(
            error.kind(),
            ProduceErrorKind::TimedOut,
            "{told}: {message}"
        );
        assert_eq!(
            (error.persistence(), error.broker()),
            (Persistence::Maybe, Some(2)),
            "{told}: {message}"
        );
        assert!(
            error.attempts() > 0 && error.in_flight() > MINUTE,
            "{told}: {message}"
        );
        for word in words
            .iter()
            .chain(&["broker 2 (advertised at node-2:9092)"])
        {
            assert!(message.contains(word), "{told}: {message}");
        }
    }
    check(cluster, "orders", &outcomes);

    cluster.faults().clear();
    let mut flow = Flow {
        first: 20,
        ..Flow::default()
    };
    flow.send(&producer, "orders", 2, 20).await;
    flow.settle_well(cluster, "orders").await;
    tokio::time::sleep(MINUTE).await;
    assert_eq!(producer.buffered(), 0, "{told}");
}

#[test]
fn answers_that_make_no_sense() {
    run(async {
        let says = |bytes: &[u8]| Fault::answer_with(bytes.to_vec());
        answers_are_told_of(Fault::garbage(), &["the answer cannot be read"]).await;
        answers_are_told_of(
            Fault::wrong_correlation_id(),
            &["correlation id", "Produce"],
        )
        .await;
        answers_are_told_of(says(&[0x7f, 0xff, 0xff, 0xff]), &["2147483647 bytes"]).await;
        answers_are_told_of(says(&[0xff, 0xff, 0xff, 0xff]), &["-1 bytes"]).await;
        answers_are_told_of(says(&[0, 0, 0, 2, 1, 2]), &["2 bytes"]).await;
        answers_are_told_of(says(b"HTTP/1.1 502 Bad Gateway"), &["HTTP"]).await;
    });
}

#[test]
fn answers_that_break_off_or_never_come() {
    run(async {
        let lie = Fault::answer_with(vec![0x07, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        answers_are_told_of(lie, &["mid-frame"]).await;
        answers_are_told_of(Fault::truncate(7), &["mid-frame"]).await;
        answers_are_told_of(Fault::truncate(2), &["mid-frame"]).await;
        answers_are_told_of(Fault::lose_answer(), &["closed"]).await;
        answers_are_told_of(Fault::lose_request(), &["closed"]).await;
        answers_are_told_of(Fault::hang(), &["not answered within 30s"]).await;
        answers_are_told_of(Fault::hang_after_applying(), &["not answered within 30s"]).await;
    });
}

#[test]
fn a_broker_that_hangs_at_the_start_costs_seconds_and_not_its_whole_timeout() {
    run(async {
        // Which broker is asked first is left to chance.
        for _ in 0..10 {
            let (switch, client) = orders().await;
            switch.set(&["node-2"], Peer::Silent);
            // At the very beginning of the clock, no time of an attempt is told from none.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let producer = client.producer().build().unwrap();
            let started = Instant::now();
            send(&producer, 0, "alone 3").await.unwrap();
            assert!(started.elapsed() < MINUTE / 4, "{:?}", started.elapsed());
        }
    });
}

#[test]
fn a_topic_cannot_be_looked_up_when_every_broker_is_odd() {
    run(async {
        let peers = [
            (Peer::Refused, "connection refused"),
            (Peer::Unresolvable, "does not resolve"),
            (
                Peer::SaysAndCloses(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
                "speaks HTTP",
            ),
            (Peer::Silent, "node-"),
        ];
        for (peer, words) in peers {
            let told = format!("{peer:?}");
            let (switch, client) = orders().await;
            let producer = client.producer().build().unwrap();
            switch.set(&["node-1", "node-2"], peer);
            // Connections that were made before would still do.
            for node in 1..=2 {
                switch.cluster.node_down(node).await.unwrap();
                switch.cluster.node_up(node).await.unwrap();
            }
            let started = Instant::now();
            let error = producer.send(Record::to("orders")).await.unwrap_err();
            assert!(
                started.elapsed() <= MINUTE + Duration::from_secs(1),
                "{told}"
            );
            assert_eq!(
                error.kind(),
                ProduceErrorKind::UnknownTopic,
                "{told}: {error}"
            );
            assert!(error.to_string().contains(words), "{told}: {error}");
            switch.heal();
            send(&producer, 0, "alone 4").await.unwrap();
            send(&producer, 1, "alone 5").await.unwrap();
        }
    });
}
