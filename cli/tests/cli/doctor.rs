//! What the doctor finds, at clusters that are well or not, and at what is no cluster.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use milena_broker::{
    Cluster,
    protocol::{ApiKey, ErrorCode},
};
use milena_protocol::{
    Message, Str,
    api_versions::{ApiVersion, ApiVersionsResponse},
    decode_request_header,
    describe_configs::{
        DescribeConfigsResourceResult, DescribeConfigsResponse, DescribeConfigsResult,
    },
    encode_response,
    metadata::{
        MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
    },
    sasl_handshake::SaslHandshakeResponse,
};
use serde_json::Value;

use crate::support::{Broker, Finished, Held, refusing, run};

fn doctor(bootstrap: &str, args: &[&str]) -> Finished {
    // Whoever answers may be slow, and is not silent for that.
    let patience: &[&str] = match args.contains(&"--timeout-ms") {
        true => &[],
        false => &["--timeout-ms", "10000"],
    };
    let all = [&["doctor", "-b", bootstrap], patience, args].concat();
    run(&all, b"")
}

/// The findings as `place: level code`, those that are fine left out.
fn findings(bootstrap: &str, args: &[&str], status: i32) -> Vec<String> {
    let told = doctor(bootstrap, &[args, &["--json"]].concat())
        .expect(status)
        .json();
    let findings = told.first().unwrap()["findings"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let bad = findings.iter().filter(|finding| finding["level"] != "fine");
    bad.map(|finding| {
        assert!(finding["hint"].is_string(), "{finding}");
        let (place, level) = (text(&finding["place"]), text(&finding["level"]));
        format!("{place}: {level} {}", text(&finding["code"]))
    })
    .collect()
}

#[test]
fn a_cluster_that_is_well_has_nothing_to_remark() {
    let broker = Broker::start(&["--nodes", "3", "--topic", "orders:6"]);
    let told = doctor(&broker.bootstrap, &["--topic", "orders"]).expect(0);
    let said = told.stdout();
    assert!(
        said.ends_with("verdict: everything is as it should be\n"),
        "{said}"
    );
    for part in [
        "speaks Kafka: Produce in version 1",
        "3 brokers, controller ",
        "6 partitions with a leader each",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(findings(&broker.bootstrap, &[], 0), [""; 0]);
    // One of the three leads to the others, each of which is looked at.
    let one = broker.bootstrap.split(',').next().unwrap();
    let said = doctor(one, &[]).expect(0).stdout();
    assert_eq!(said.matches("(advertised at ").count(), 3, "{said}");
    assert_eq!(said.matches(" speaks Kafka").count(), 3, "{said}");
}

#[test]
fn wrong_usage_is_status_2() {
    for wrong in ["kafka", "", "kafka:0", "a:1,b"] {
        let told = doctor(wrong, &[]).expect(2);
        assert!(
            told.stderr().contains("--bootstrap-server"),
            "{}",
            told.stderr()
        );
    }
}

#[test]
fn what_a_broker_advertises_is_tried_and_explained() {
    let held = Held::start(Cluster::builder().advertised_host("broker.invalid"));
    let bootstrap = held.address(1).replace("broker.invalid", "127.0.0.1");
    let port = bootstrap.rsplit(':').next().unwrap();
    let place = format!("broker 1 (advertised at broker.invalid:{port})");
    let expected =
        ["does-not-resolve", "advertised"].map(|code| format!("{place}: problem {code}"));
    assert_eq!(findings(&bootstrap, &[], 1), expected);
    let said = doctor(&bootstrap, &[]).expect(1).stdout();
    assert!(
        said.contains("`advertised.listeners` of broker 1"),
        "{said}"
    );
    assert!(said.ends_with("verdict: 2 problems\n"), "{said}");
}

#[test]
fn addresses_of_different_clusters_are_told() {
    let one = Held::start(Cluster::builder().cluster_id("one"));
    let two = Held::start(Cluster::builder().cluster_id("two"));
    let both = format!("{},{}", one.address(1), two.address(1));
    assert_eq!(
        findings(&both, &[], 1),
        ["cluster one: problem clusters-differ"]
    );
}

#[test]
fn a_dead_address_among_others_is_a_remark_and_a_dead_broker_a_problem() {
    let builder = Cluster::builder().nodes(2).topic("orders", 2);
    let held = Held::start(builder.replication_factor(1));
    held.down(2);
    let (one, (_kept, dead)) = (held.address(1), refusing());
    let found = findings(&format!("{one},{dead}"), &["-t", "orders"], 1);
    assert_eq!(found[0], format!("{dead}: remark refused"));
    assert!(
        found.contains(&"topic orders: problem no-leader".to_owned()),
        "{found:?}"
    );
}

#[test]
fn versions_that_do_not_meet_are_named() {
    let held = Held::start(Cluster::builder().without_api(ApiKey::PRODUCE));
    let bootstrap = held.address(1);
    assert_eq!(
        findings(&bootstrap, &[], 1),
        [format!("{bootstrap}: problem versions")]
    );
    let said = doctor(&bootstrap, &[]).expect(1).stdout();
    assert!(
        said.contains("Produce, to send records (not offered)"),
        "{said}"
    );
    // Who only sends records does without this.
    let held = Held::start(Cluster::builder().without_api(ApiKey::FETCH));
    let bootstrap = held.address(1);
    assert_eq!(
        findings(&bootstrap, &[], 0),
        [format!("{bootstrap}: remark versions")]
    );
}

#[test]
fn a_topic_that_there_is_not_is_told_and_not_created() {
    let broker = Broker::start(&[]);
    for _ in 0..2 {
        let found = findings(&broker.bootstrap, &["-t", "nowhere"], 1);
        assert_eq!(found, ["topic nowhere: problem topic-unknown"]);
    }
}

/// Does `answer` with each connection, as long as the test runs.
fn serve(answer: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || answer(stream));
        }
    });
    address
}

/// Reads something, says this, and hangs up when the other side does.
fn say(bytes: &'static [u8]) -> String {
    serve(move |mut stream| {
        let mut heard = [0; 1024];
        let _ = stream.read(&mut heard);
        let _ = stream.write_all(bytes);
        while stream.read(&mut heard).is_ok_and(|read| read > 0) {}
    })
}

#[test]
fn whatever_answers_is_recognized_within_its_time() {
    const ALERT: &[u8] = &[0x15, 3, 3, 0, 2, 2, 0x50];
    let tls_only = serve(|mut stream| {
        let mut head = [0; 5];
        if stream.read_exact(&mut head).is_ok() && head[0] == 0x16 {
            let _ = stream.write_all(ALERT);
        }
    });
    let hanging_tls = serve(|mut stream| {
        let mut head = [0; 5];
        let _ = stream.read_exact(&mut head);
        if head[0] == 0x16 {
            let _ = stream.write_all(ALERT);
        }
        thread::sleep(Duration::from_secs(60));
    });
    let dripping = serve(|mut stream| {
        let mut next = &[0, 1, 0, 0][..];
        while stream.write_all(next).is_ok() {
            next = &[0];
            thread::sleep(Duration::from_millis(400));
        }
    });
    let (_kept, refused) = refusing();
    let told = [
        (refused, "refused"),
        (say(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "http"),
        (say(ALERT), "tls"),
        (tls_only, "tls"),
        (serve(drop), "closed"),
        (say(b"SSH-2.0-OpenSSH_9.6\r\n"), "not-kafka"),
        (say(b"\x7f\xff\xff\xff"), "not-kafka"),
        (say(b"\xff\xff\xff\xff"), "not-kafka"),
        (say(b"\x00\x00\x00\x02xx"), "not-kafka"),
        (
            say(b"\x00\x00\x00\x0a\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00"),
            "not-kafka",
        ),
        (
            say(b"\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x7f\xff\xff\xff"),
            "not-kafka",
        ),
    ];
    // Silence takes all of its time, after which the first has as long again to answer in TLS.
    let waited_for = [
        (hanging_tls, "tls", "5000"),
        (say(b""), "silent", "1000"),
        (say(b"\x00\xff\xff\xff\x00"), "silent", "1000"),
        (dripping, "silent", "1000"),
    ];
    let told = told.map(|(address, code)| (address, code, "10000"));
    thread::scope(|scope| {
        for (address, code, patience) in told.into_iter().chain(waited_for) {
            scope.spawn(move || {
                let expected = format!("{address}: problem {code}");
                let args = ["--timeout-ms", patience];
                assert_eq!(findings(&address, &args, 1), [expected]);
            });
        }
    });
}

/// What a broker of one's own answers to a request of that API and version, by its correlation id; `None` hangs up.
type Script = fn(ApiKey, i16, i32) -> Option<Vec<u8>>;

fn broker(script: Script) -> String {
    serve(move |mut stream| {
        let mut length = [0; 4];
        while stream.read_exact(&mut length).is_ok() {
            let mut frame = vec![0; u32::from_be_bytes(length) as usize];
            stream.read_exact(&mut frame).unwrap();
            let (header, _) = decode_request_header(&frame.into()).unwrap();
            let answer = script(header.api_key, header.api_version, header.correlation_id);
            let Some(answer) = answer else { return };
            stream.write_all(&answer).unwrap();
        }
    })
}

fn encoded<M: Message>(id: i32, version: i16, body: &M) -> Option<Vec<u8>> {
    let frame = encode_response(id, version, body).unwrap();
    Some(frame.into_iter().collect::<Vec<_>>().concat())
}

/// All that Kafka has, in all versions.
fn all_versions(id: i32, version: i16) -> Option<Vec<u8>> {
    let range = |api: &milena_protocol::Api| ApiVersion {
        api_key: api.key.0,
        min_version: api.versions.min,
        max_version: api.versions.max,
        ..ApiVersion::default()
    };
    let response = ApiVersionsResponse {
        api_keys: milena_protocol::apis().iter().map(range).collect(),
        ..ApiVersionsResponse::default()
    };
    encoded(id, version, &response)
}

#[test]
fn a_listener_that_wants_sasl_is_recognized() {
    let address = broker(|api, version, id| match api {
        ApiKey::API_VERSIONS => all_versions(id, version),
        ApiKey::SASL_HANDSHAKE => encoded(
            id,
            version,
            &SaslHandshakeResponse {
                error_code: ErrorCode::UNSUPPORTED_SASL_MECHANISM,
                mechanisms: vec![Str::from_static("PLAIN"), Str::from_static("SCRAM-SHA-256")],
                ..SaslHandshakeResponse::default()
            },
        ),
        _ => None,
    });
    assert_eq!(
        findings(&address, &[], 1),
        [format!("{address}: problem sasl")]
    );
    let said = doctor(&address, &[]).expect(1).stdout();
    assert!(said.contains("SASL (PLAIN, SCRAM-SHA-256)"), "{said}");
}

#[test]
fn what_brokers_say_of_themselves_does_not_reach_the_terminal_as_it_is() {
    let address = broker(|api, version, id| match api {
        ApiKey::API_VERSIONS => all_versions(id, version),
        ApiKey::METADATA => {
            let mut response = cluster_with("orders", ErrorCode::NONE, &[1]);
            response.cluster_id = Some(Str::from_static("\u{1b}[2J"));
            response.brokers[0].host = Str::from_static("\u{1b}[2J");
            encoded(id, version, &response)
        }
        _ => None,
    });
    let said = doctor(&address, &[]).expect(1).stdout();
    assert!(!said.contains('\u{1b}'), "{said:?}");
    assert!(said.contains("which is no address"), "{said}");
}

#[test]
fn a_controller_is_told_from_a_broker() {
    const VOTE: i16 = 52;
    let address = broker(|_, version, id| {
        let vote = ApiVersion {
            api_key: VOTE,
            ..ApiVersion::default()
        };
        let response = ApiVersionsResponse {
            api_keys: vec![vote],
            ..ApiVersionsResponse::default()
        };
        encoded(id, version, &response)
    });
    let expected = [format!("{address}: problem controller")];
    assert_eq!(findings(&address, &[], 1), expected);
}

/// A topic of three replicas, of which only those are in sync.
fn cluster_with(topic: &str, code: ErrorCode, isr: &[i32]) -> MetadataResponse {
    let partition = MetadataResponsePartition {
        leader_id: 1,
        replica_nodes: vec![1, 2, 3],
        isr_nodes: isr.to_vec(),
        ..MetadataResponsePartition::default()
    };
    MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: 1,
            host: Str::from_static("127.0.0.1"),
            port: 1,
            ..MetadataResponseBroker::default()
        }],
        cluster_id: Some(Str::from_static("own")),
        topics: vec![MetadataResponseTopic {
            name: Some(Str::from(topic)),
            error_code: code,
            partitions: vec![partition],
            ..MetadataResponseTopic::default()
        }],
        ..MetadataResponse::default()
    }
}

#[test]
fn replicas_and_rights_of_a_topic_are_looked_at() {
    let address = broker(|api, version, id| match api {
        ApiKey::API_VERSIONS => all_versions(id, version),
        ApiKey::METADATA => encoded(id, version, &cluster_with("orders", ErrorCode::NONE, &[1])),
        ApiKey::DESCRIBE_CONFIGS => {
            let setting = DescribeConfigsResourceResult {
                name: Str::from_static("min.insync.replicas"),
                value: Some(Str::from_static("2")),
                ..DescribeConfigsResourceResult::default()
            };
            let result = DescribeConfigsResult {
                configs: vec![setting],
                ..DescribeConfigsResult::default()
            };
            let response = DescribeConfigsResponse {
                results: vec![result],
                ..DescribeConfigsResponse::default()
            };
            encoded(id, version, &response)
        }
        _ => None,
    });
    let found = findings(&address, &["-t", "orders"], 1);
    let place = "broker 1 (advertised at 127.0.0.1:1)";
    assert_eq!(
        found,
        [
            "cluster own: remark no-controller".to_owned(),
            format!("{place}: problem refused"),
            format!("{place}: problem advertised"),
            "topic orders: problem under-min-insync".to_owned(),
        ]
    );
    let address = broker(|api, version, id| match api {
        ApiKey::API_VERSIONS => all_versions(id, version),
        ApiKey::METADATA => {
            let code = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
            encoded(id, version, &cluster_with("orders", code, &[1, 2, 3]))
        }
        _ => None,
    });
    let found = findings(&address, &["-t", "orders"], 1);
    assert_eq!(
        found.last().unwrap(),
        "topic orders: problem topic-unauthorized"
    );
}
