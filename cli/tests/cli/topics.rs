//! `milena topics`.

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
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string();
    let broker = Broker::start(&[
        "--port",
        &port,
        "--topic",
        "a:1",
        "--topic",
        "b:4",
        "--no-auto-create",
    ]);
    assert_eq!(broker.bootstrap, format!("127.0.0.1:{port}"));
    assert_eq!(
        broker.run("topics list", &[], b"").expect(0).stdout(),
        "a\nb\n"
    );
    assert!(broker.interrupt().success());
}
