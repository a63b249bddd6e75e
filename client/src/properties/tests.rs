use std::{collections::BTreeMap, time::Duration};

use super::{
    keys::{Class, KEYS, PREFIXES},
    *,
};

/// Keys of Kafka 4.3.1's producer that are applied, with their defaults; none for null.
const APPLIED: [(&str, Option<&str>); 40] = [
    ("acks", Some("all")),
    ("batch.size", Some("16384")),
    ("bootstrap.servers", None),
    ("buffer.memory", Some("33554432")),
    ("client.dns.lookup", Some("use_all_dns_ips")),
    ("client.id", Some("")),
    ("compression.gzip.level", Some("-1")),
    ("compression.lz4.level", Some("9")),
    ("compression.type", Some("none")),
    ("compression.zstd.level", Some("3")),
    ("config.providers", Some("")),
    ("connections.max.idle.ms", Some("540000")),
    ("delivery.timeout.ms", Some("120000")),
    ("enable.idempotence", Some("true")),
    ("linger.ms", Some("5")),
    ("max.block.ms", Some("60000")),
    ("max.in.flight.requests.per.connection", Some("5")),
    ("max.request.size", Some("1048576")),
    ("metadata.max.age.ms", Some("300000")),
    ("metadata.max.idle.ms", Some("300000")),
    ("metadata.recovery.rebootstrap.trigger.ms", Some("300000")),
    ("metadata.recovery.strategy", Some("rebootstrap")),
    ("partitioner.adaptive.partitioning.enable", Some("true")),
    ("partitioner.availability.timeout.ms", Some("0")),
    ("partitioner.class", None),
    ("partitioner.ignore.keys", Some("false")),
    ("receive.buffer.bytes", Some("32768")),
    ("reconnect.backoff.max.ms", Some("1000")),
    ("reconnect.backoff.ms", Some("50")),
    ("request.timeout.ms", Some("30000")),
    ("retries", Some("2147483647")),
    ("retry.backoff.max.ms", Some("1000")),
    ("retry.backoff.ms", Some("100")),
    ("security.protocol", Some("PLAINTEXT")),
    ("send.buffer.bytes", Some("131072")),
    ("socket.connection.setup.timeout.max.ms", Some("30000")),
    ("socket.connection.setup.timeout.ms", Some("10000")),
    ("transaction.timeout.ms", Some("60000")),
    ("transaction.two.phase.commit.enable", Some("false")),
    ("transactional.id", None),
];

const IGNORED: [&str; 9] = [
    "enable.metrics.push",
    "interceptor.classes",
    "key.serializer",
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "security.providers",
    "value.serializer",
];

const UNAVAILABLE: [&str; 64] = [
    "sasl.client.callback.handler.class",
    "sasl.jaas.config",
    "sasl.kerberos.kinit.cmd",
    "sasl.kerberos.min.time.before.relogin",
    "sasl.kerberos.service.name",
    "sasl.kerberos.ticket.renew.jitter",
    "sasl.kerberos.ticket.renew.window.factor",
    "sasl.login.callback.handler.class",
    "sasl.login.class",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.login.refresh.buffer.seconds",
    "sasl.login.refresh.min.period.seconds",
    "sasl.login.refresh.window.factor",
    "sasl.login.refresh.window.jitter",
    "sasl.login.retry.backoff.max.ms",
    "sasl.login.retry.backoff.ms",
    "sasl.mechanism",
    "sasl.oauthbearer.assertion.algorithm",
    "sasl.oauthbearer.assertion.claim.aud",
    "sasl.oauthbearer.assertion.claim.exp.seconds",
    "sasl.oauthbearer.assertion.claim.iss",
    "sasl.oauthbearer.assertion.claim.jti.include",
    "sasl.oauthbearer.assertion.claim.nbf.seconds",
    "sasl.oauthbearer.assertion.claim.sub",
    "sasl.oauthbearer.assertion.file",
    "sasl.oauthbearer.assertion.private.key.file",
    "sasl.oauthbearer.assertion.private.key.passphrase",
    "sasl.oauthbearer.assertion.template.file",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.clock.skew.seconds",
    "sasl.oauthbearer.expected.audience",
    "sasl.oauthbearer.expected.issuer",
    "sasl.oauthbearer.header.urlencode",
    "sasl.oauthbearer.jwks.endpoint.refresh.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms",
    "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms",
    "sasl.oauthbearer.jwks.endpoint.url",
    "sasl.oauthbearer.jwt.retriever.class",
    "sasl.oauthbearer.jwt.validator.class",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.scope.claim.name",
    "sasl.oauthbearer.sub.claim.name",
    "sasl.oauthbearer.token.endpoint.url",
    "ssl.cipher.suites",
    "ssl.enabled.protocols",
    "ssl.endpoint.identification.algorithm",
    "ssl.engine.factory.class",
    "ssl.key.password",
    "ssl.keymanager.algorithm",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.protocol",
    "ssl.provider",
    "ssl.secure.random.implementation",
    "ssl.trustmanager.algorithm",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

fn read(lines: &str) -> Result<ProducerConfig, PropertiesError> {
    ProducerConfig::from_properties(format!("bootstrap.servers=kafka:9092\n{lines}").as_str())
}

/// All that is wrong, in one text.
fn told(lines: &str) -> String {
    read(lines).unwrap_err().to_string()
}

#[track_caller]
fn warned(lines: &str) -> Vec<String> {
    let config = read(lines).unwrap();
    config.warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn each_key_of_kafkas_producer_is_in_one_class() {
    let default = format!("{:?}", read("").unwrap());
    for (key, value) in APPLIED {
        let Some(value) = value else { continue };
        let mut config = read(&format!("{key}={value}")).unwrap();
        assert_eq!(config.warnings, [], "{key}");
        // What is left to the system, to the other settings, or a matter of asking by name, if it is not given.
        let free = ["send.buffer.bytes", "receive.buffer.bytes"];
        if free.contains(&key) {
            assert!(format!("{:?}", config.tcp).contains(&format!("Some({value})")));
            config.tcp = TcpConnector::default();
        }
        let producer = &mut config.producer;
        match key {
            "delivery.timeout.ms" => assert!(producer.delivery_timeout.take().is_some()),
            "enable.idempotence" => assert_eq!(producer.idempotence.take(), Some(true)),
            _ => {}
        }
        // A first wait that is given alone is the longest too, as in Java.
        if key == "reconnect.backoff.ms" {
            let max = config.client.reconnect_backoff_max.as_mut().unwrap();
            assert_eq!(*max, Duration::from_millis(50));
            *max = Duration::from_secs(1);
        }
        assert_eq!(format!("{config:?}"), default, "{key}={value}");
    }
    for key in IGNORED {
        let warnings = warned(&format!("{key}=x"));
        assert_eq!(warnings.len(), 1, "{key}");
        assert!(
            warnings[0].starts_with(&format!("line 2: {key}: is ignored: ")),
            "{}",
            warnings[0]
        );
    }
    for key in UNAVAILABLE {
        let error = read(&format!("{key}=x")).unwrap_err();
        assert_eq!(error.errors().len(), 1, "{error}");
        assert_eq!(error.errors()[0].kind(), PropertyErrorKind::Unavailable);
        assert_eq!(error.errors()[0].key(), key);
    }
}

#[test]
fn the_table_names_each_key_once() {
    let mut names: Vec<_> = KEYS.iter().map(|(name, ..)| *name).collect();
    assert!(names.is_sorted());
    names.dedup();
    assert_eq!(names.len(), KEYS.len());
    for (prefix, _) in &PREFIXES {
        assert!(!names.iter().any(|name| name.starts_with(prefix)));
    }
    // Those of later releases that are applied too.
    let newer = ["client.rack", "partitioner.rack.aware"];
    let known: Vec<_> = APPLIED.iter().map(|(key, _)| *key).collect();
    for (name, _, class) in &KEYS {
        let known = match class {
            Class::Applied(_) => known.contains(name) || newer.contains(name),
            Class::Ignored(_) => IGNORED.contains(name),
            Class::Unavailable(_) => UNAVAILABLE.contains(name),
        };
        assert!(known, "{name}");
    }
}

#[test]
fn what_is_applied_arrives_where_it_belongs() {
    // Text after the field's name in the debug output.
    for (line, field, value) in [
        ("acks=1", "acks", "Leader"),
        ("acks=-1", "acks", "All"),
        ("acks=0", "acks", "None"),
        ("batch.size= 7 ", "batch_size", "7,"),
        (
            "bootstrap.servers=a:1 , b:2",
            "bootstrap",
            "[\"a:1\", \"b:2\"]",
        ),
        ("buffer.memory=65536", "buffer_memory", "65536"),
        ("client.id=shop", "client_id", "Some(\"shop\")"),
        ("compression.type=snappy", "kind", "Snappy"),
        ("connections.max.idle.ms=7", "connections_max_idle", "7ms"),
        (
            "delivery.timeout.ms=30005",
            "delivery_timeout",
            "Some(30.005s)",
        ),
        ("enable.idempotence=FALSE", "idempotence", "Some(false)"),
        ("linger.ms=7", "linger", "7ms"),
        (
            "max.block.ms=9223372036854775807",
            "max_block",
            "9223372036854775.807s",
        ),
        (
            "max.in.flight.requests.per.connection=3",
            "max_in_flight",
            "3",
        ),
        ("max.request.size=70000", "max_request_size", "70000"),
        ("metadata.max.age.ms=7", "metadata_max_age", "7ms"),
        ("metadata.max.idle.ms=5001", "metadata_max_idle", "5.001s"),
        (
            "metadata.recovery.rebootstrap.trigger.ms=7",
            "rebootstrap_trigger",
            "7ms",
        ),
        (
            "partitioner.adaptive.partitioning.enable=false",
            "is_adaptive",
            "false",
        ),
        (
            "partitioner.availability.timeout.ms=7",
            "availability_timeout",
            "7ms",
        ),
        (
            "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner",
            "partitioner",
            "Some(RoundRobin",
        ),
        ("partitioner.ignore.keys=true", "ignores_keys", "true"),
        (
            "partitioner.rack.aware=true\nclient.rack=a",
            "rack",
            "Some(\"a\")",
        ),
        (
            "partitioner.rack.aware=false\nclient.rack=a",
            "rack",
            "None",
        ),
        ("receive.buffer.bytes=7", "receive_buffer", "Some(7)"),
        (
            "reconnect.backoff.max.ms=7000",
            "reconnect_backoff_max",
            "Some(7s)",
        ),
        ("reconnect.backoff.ms=7", "reconnect_backoff", "7ms"),
        ("request.timeout.ms=7", "request_timeout", "7ms"),
        ("retries=7", "retries", "7"),
        ("retry.backoff.max.ms=7000", "retry_backoff_max", "Some(7s)"),
        ("retry.backoff.ms=7", "retry_backoff", "7ms"),
        ("send.buffer.bytes=7", "send_buffer", "Some(7)"),
        ("send.buffer.bytes=-1", "send_buffer", "None"),
        (
            "socket.connection.setup.timeout.max.ms=20000",
            "setup_timeout_max",
            "Some(20s)",
        ),
        (
            "socket.connection.setup.timeout.ms=7",
            "setup_timeout",
            "7ms",
        ),
        ("transaction.timeout.ms=7", "transaction_timeout", "7ms"),
        (
            "transactional.id=shop-1",
            "transactional_id",
            "Some(\"shop-1\")",
        ),
    ] {
        let debug = format!("{:?}", read(line).unwrap());
        assert!(
            debug.contains(&format!(" {field}: {value}")),
            "{line}: {debug}"
        );
    }
    // Of both the client and the producer.
    let config = read("request.timeout.ms=7\nretry.backoff.ms=8\nretry.backoff.max.ms=9").unwrap();
    assert_eq!(config.producer.request_timeout, Duration::from_millis(7));
    assert_eq!(config.producer.retry_backoff, Duration::from_millis(8));
    assert_eq!(config.producer.retry_backoff_max, Duration::from_millis(9));
    // Never closed.
    let config = read("connections.max.idle.ms=-1").unwrap();
    assert_eq!(config.client.connections_max_idle, Duration::MAX);
}

#[test]
fn each_codec_has_a_level_of_its_own() {
    let levels = "compression.gzip.level=1\ncompression.lz4.level=2\ncompression.zstd.level=-5";
    for (codec, compression) in [
        ("none", "none"),
        ("gzip", "gzip:1"),
        ("snappy", "snappy"),
        ("lz4", "lz4:2"),
        ("zstd", "zstd:-5"),
    ] {
        let config = read(&format!("{levels}\ncompression.type={codec}")).unwrap();
        assert_eq!(config.producer.compression.to_string(), compression);
    }
}

#[test]
fn values_are_held_to_kafkas_limits() {
    for (line, why) in [
        ("acks=2", "must be all, -1, 1 or 0"),
        ("acks=ALL", "must be all, -1, 1 or 0"),
        ("batch.size=-1", "must be 0 or more"),
        (
            "batch.size=2147483648",
            "must be a whole number, and not too large",
        ),
        ("batch.size=1k", "must be a whole number, and not too large"),
        ("batch.size=", "must be a whole number, and not too large"),
        ("bootstrap.servers=kafka", "\"kafka\" is not host:port"),
        ("bootstrap.servers=", "no address is given"),
        ("buffer.memory=-1", "must be 0 or more"),
        (
            "buffer.memory=1000",
            "1000 must be at least batch_size, and 1 KiB",
        ),
        ("client.dns.lookup=default", "must be use_all_dns_ips"),
        (
            "compression.gzip.level=0",
            "gzip has no level 0: allowed is -1 or 1 to 9",
        ),
        (
            "compression.lz4.level=18",
            "lz4 has no level 18: allowed is 1 to 17",
        ),
        (
            "compression.type=brotli",
            "must be none, gzip, snappy, lz4 or zstd",
        ),
        (
            "compression.zstd.level=23",
            "zstd has no level 23: allowed is -131072 to 22",
        ),
        (
            "delivery.timeout.ms=10",
            "10ms must be at least linger + request_timeout, which is 30.005s",
        ),
        ("enable.idempotence=yes", "must be true or false"),
        ("linger.ms=-1", "must be 0 or more"),
        ("linger.ms=0.5", "must be a whole number, and not too large"),
        (
            "max.block.ms=9223372036854775808",
            "must be a whole number, and not too large",
        ),
        (
            "max.in.flight.requests.per.connection=0",
            "must be 1 or more",
        ),
        (
            "max.in.flight.requests.per.connection=6",
            "6 must be at most 5 with idempotence; switch idempotence off to allow more",
        ),
        ("max.request.size=0", "0 must be at least 1"),
        ("metadata.max.age.ms=0", "must be more than nothing"),
        ("metadata.max.idle.ms=4999", "must be 5000 or more"),
        ("metadata.recovery.strategy=some", "must be rebootstrap"),
        ("receive.buffer.bytes=-2", "must be -1 or more"),
        ("request.timeout.ms=0", "must be more than nothing"),
        (
            "request.timeout.ms=2147483648",
            "must be a whole number, and not too large",
        ),
        ("retries=-1", "must be 0 or more"),
        ("security.protocol=TLS", "must be PLAINTEXT"),
        ("transaction.timeout.ms=0", "must be 1 or more"),
        ("transactional.id=", "must not be empty"),
    ] {
        assert_eq!(told(line), format!("line 2: {line}: {why}"));
        let errors = read(line).unwrap_err();
        assert_eq!(errors.errors()[0].kind(), PropertyErrorKind::Invalid);
    }
}

#[test]
fn what_does_not_go_together_names_the_keys() {
    for (lines, why) in [
        (
            "enable.idempotence=true\nacks=1",
            "line 3: acks=1: Leader does not go with idempotence, which needs All",
        ),
        (
            "retries=0\nenable.idempotence=true",
            "line 2: retries=0: must be at least 1 with idempotence",
        ),
        (
            "transactional.id=a\nenable.idempotence=false",
            "line 3: enable.idempotence=false: false does not go with transactions",
        ),
        (
            "transactional.id=a\nacks=1",
            "line 3: acks=1: Leader does not go with idempotence, which needs All",
        ),
        (
            "partitioner.rack.aware=true",
            "line 2: partitioner.rack.aware=true: needs a client.rack",
        ),
    ] {
        assert_eq!(told(lines), why);
    }
    // Idempotence that was not asked for by name gives way.
    assert!(read("acks=1").is_ok());
    assert!(read("enable.idempotence=false\nmax.in.flight.requests.per.connection=6").is_ok());
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_lines() {
    let error = ProducerConfig::from_properties(
        "transactional.id=\\u12\n\
         retries=many\n\
         linger_ms=5\n\
         max.request.size=0\n\
         acks=1\n\
         sasl.mechanism=PLAIN\n\
         enable.idempotence=true\n\
         delivery.timeout.ms=1\n\
         metadata.max.age.ms=0\n\
         key.serializer=x",
    );
    assert_eq!(
        error.unwrap_err().to_string(),
        "bootstrap.servers: must be there: host:port, or several with commas between\n\
         line 1: \\u is not followed by four hexadecimal digits\n\
         line 2: retries=many: must be a whole number, and not too large\n\
         line 3: linger_ms: is not a setting of producers; did you mean linger.ms?\n\
         line 4: max.request.size=0: 0 must be at least 1\n\
         line 5: acks=1: Leader does not go with idempotence, which needs All\n\
         line 6: sasl.mechanism: SASL is not available, and without it the connection would be of somebody unknown\n\
         line 8: delivery.timeout.ms=1: 1ms must be at least linger + request_timeout, which is 30.005s\n\
         line 9: metadata.max.age.ms=0: must be more than nothing"
    );
}

#[test]
fn what_is_not_available_is_never_left_out_silently() {
    for (line, why) in [
        ("security.protocol=SSL", "TLS is not available"),
        ("security.protocol=ssl", "TLS is not available"),
        ("security.protocol=SASL_SSL", "SASL is not available"),
        ("security.protocol=sasl_plaintext", "SASL is not available"),
        ("ssl.truststore.locaton=x", "TLS is not available"),
        ("sasl.login.some.thing=x", "SASL is not available"),
        ("config.providers=file", "values cannot come from elsewhere"),
        (
            "config.providers.file.class=x",
            "values cannot come from elsewhere",
        ),
        ("transaction.two.phase.commit.enable=true", "two phases"),
        ("metadata.recovery.strategy=NONE", "always used again"),
        (
            "client.dns.lookup=resolve_canonical_bootstrap_servers_only",
            "canonical",
        ),
        (
            "partitioner.class=com.example.Mine",
            "cannot be chosen by a Java class",
        ),
    ] {
        let error = read(line).unwrap_err();
        assert_eq!(error.errors().len(), 1, "{error}");
        assert_eq!(
            error.errors()[0].kind(),
            PropertyErrorKind::Unavailable,
            "{error}"
        );
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn values_that_may_be_secret_are_shown_nowhere() {
    let lines = "sasl.jaas.config=hidden\n\
                 sasl.jass.config=hidden\n\
                 ssl.key.password=hidden\n\
                 sals.jaas.config=hidden\n\
                 key.serializer=hidden\n\
                 linger.ms=-1";
    let error = read(lines).unwrap_err();
    assert_eq!(error.errors().len(), 5);
    assert!(
        !format!("{error} {error:?}").contains("hidden"),
        "{error:?}"
    );
    let config = read("key.serializer=hidden\ninterceptor.classes=hidden").unwrap();
    assert!(!format!("{config:?}").contains("hidden"));
}

#[test]
fn what_is_not_taken_as_it_stands_is_warned_of() {
    for (lines, warnings) in [
        ("linger.ms=1", vec![]),
        (
            "linger.ms=-1\nacks=all\nlinger.ms=2",
            vec!["line 4: linger.ms: is given in line 2 too; the last counts, as in Java"],
        ),
        (
            "retry.backoff.ms=0",
            vec!["line 2: retry.backoff.ms: is taken as 1ms"],
        ),
        (
            "retry.backoff.ms=5000",
            vec!["line 2: retry.backoff.ms: is taken as 1s, the longest that it may become"],
        ),
        (
            "reconnect.backoff.ms=0",
            vec!["line 2: reconnect.backoff.ms: is taken as 1ms, the longest that it may become"],
        ),
        (
            "socket.connection.setup.timeout.ms=60000",
            vec![
                "line 2: socket.connection.setup.timeout.ms: is taken as 30s, the longest that it may become",
            ],
        ),
        ("reconnect.backoff.ms=5000", vec![]),
    ] {
        assert_eq!(warned(lines), warnings, "{lines}");
    }
    let config = read("reconnect.backoff.ms=5000").unwrap();
    assert_eq!(
        config.client.reconnect_backoff_max,
        Some(Duration::from_secs(5))
    );
}

#[test]
fn what_is_set_by_the_program_replaces_what_the_text_says() {
    let mut properties = Properties::from("bootstrap.servers=a:1\nlinger.ms=-1");
    properties.set("linger.ms", "20");
    let config = ProducerConfig::from_properties(properties.clone()).unwrap();
    assert_eq!(config.producer.linger, Duration::from_millis(20));
    assert_eq!(config.warnings, []);
    properties.set("linger.ms", "-20");
    let error = ProducerConfig::from_properties(properties).unwrap_err();
    assert_eq!(error.to_string(), "linger.ms=-20: must be 0 or more");
    let map = BTreeMap::from([("bootstrap.servers", "a:1"), ("acks", "0")]);
    assert!(ProducerConfig::from_properties(Properties::from_iter(map)).is_ok());
}
