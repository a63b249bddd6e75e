//! `milena topics`.

use std::net::TcpListener;

use crate::support::Broker;

#[test]
fn a_topic_from_its_creation_to_its_end() {
    let broker = Broker::start(&["--nodes", "3"]);
    let create = [
        "--topic",
        "orders",
        "--partitions",
        "2",
        "--replication-factor",
        "2",
        "--config",
        "retention.ms=1000",
    ];
    let created = broker.run("topics create", &create, b"").expect(0);
    assert_eq!(created.stdout(), "Created topic orders.\n");
    assert_eq!(
        broker.run("topics list", &[], b"").expect(0).stdout(),
        "orders\n"
    );

    let described = broker
        .run("topics describe", &["--topic", "orders"], b"")
        .expect(0)
        .stdout();
    let lines: Vec<_> = described.lines().collect();
    assert!(
        lines[0].starts_with("Topic: orders\tTopicId: "),
        "{described}"
    );
    assert!(
        lines[0].ends_with("\tPartitionCount: 2\tReplicationFactor: 2"),
        "{described}"
    );
    assert_eq!(lines.len(), 3);
    assert!(
        lines[2].starts_with("\tTopic: orders\tPartition: 1\tLeader: "),
        "{described}"
    );

    let again = broker.run("topics create", &create, b"").expect(1);
    assert!(
        again.stderr().contains("TOPIC_ALREADY_EXISTS"),
        "{}",
        again.stderr()
    );
    broker
        .run(
            "topics create",
            &["--topic", "orders", "--if-not-exists"],
            b"",
        )
        .expect(0);

    let deleted = broker
        .run("topics delete", &["--topic", "orders"], b"")
        .expect(0);
    assert_eq!(deleted.stdout(), "Deleted topic orders.\n");
    assert_eq!(broker.run("topics list", &[], b"").expect(0).stdout(), "");
    broker
        .run("topics delete", &["--topic", "orders"], b"")
        .expect(1);
    broker
        .run("topics delete", &["--topic", "orders", "--if-exists"], b"")
        .expect(0);
    broker
        .run("topics describe", &["--topic", "orders"], b"")
        .expect(1);
}

#[test]
fn a_broker_can_be_given_topics_and_a_port() {
    let topics = ["--topic", "a:1", "--topic", "b:4", "--no-auto-create"];
    let start = |_| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let port = address.port().to_string();
        let broker = Broker::start(&[&["--port", &port], &topics[..]].concat());
        // Who comes between gets the port, and the broker says no address.
        (!broker.bootstrap.is_empty()).then(|| (address.to_string(), broker))
    };
    let (address, broker) = (0..10).find_map(start).unwrap();
    assert_eq!(broker.bootstrap, address);
    assert_eq!(
        broker.run("topics list", &[], b"").expect(0).stdout(),
        "a\nb\n"
    );
    assert!(broker.interrupt().success());
}
