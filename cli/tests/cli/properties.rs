//! Settings from Java properties files.

use std::{fs, path::PathBuf};

use crate::support::{Broker, run};

/// A file that is gone when this is dropped.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &[u8]) -> Self {
        let name = format!("milena-{name}-{}.properties", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn a_producer_is_as_its_file_says() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let text = format!(
        "# As for Java\n\
         bootstrap.servers: {}\n\
         key.serializer = org.apache.kafka.common.serialization.StringSerializer\n\
         compression.type = \\\n    gzip\n\
         max.request.size = 2000\n\
         batch.size = 1000\n",
        broker.bootstrap
    );
    let file = File::new("as-it-says", text.as_bytes());
    let long = [b"short\n", &[b'x'; 3000][..], b"\nshort too\n"].concat();
    let args = ["produce", "-t", "t", "--command-config", file.path()];
    let sent = run(&args, &long).expect(1);
    let said = sent.stderr();
    assert!(
        said.contains("line 3: key.serializer: is ignored"),
        "{said}"
    );
    assert!(
        said.contains("line 2: record for t") && said.ends_with("sent 2, failed 1\n"),
        "{said}"
    );

    // What the command line says counts before it.
    let larger = ["--producer-property", "max.request.size=5000"];
    let sent = run(&[&args[..], &larger].concat(), &long).expect(0);
    assert!(
        sent.stderr().ends_with("sent 3, failed 0\n"),
        "{}",
        sent.stderr()
    );
    let refused = [
        "--producer-property",
        "max.request.size=5000",
        "--max-request-size",
        "2000",
    ];
    run(&[&args[..], &refused].concat(), &long).expect(1);

    let args = [
        "perf",
        "-t",
        "t",
        "--num-records",
        "10",
        "--producer.config",
        file.path(),
        "--json",
    ];
    let result = run(&args, b"").expect(0).json();
    assert_eq!(result[0]["records"], 10, "{}", result[0]);
}

#[test]
fn what_is_wrong_with_a_file_is_wrong_usage() {
    let file = File::new(
        "wrong",
        b"bootstrap.servers=localhost:9\nlingr.ms=5\nacks=some\nsasl.jaas.config=hidden\n",
    );
    for command in [
        &["produce", "-t", "t"][..],
        &["perf", "-t", "t", "--num-records", "1"],
    ] {
        let args = [command, &["--command-config", file.path()]].concat();
        let told = run(&args, b"").expect(2);
        assert_eq!(
            told.stderr(),
            "milena: line 2: lingr.ms: is not a setting of producers; did you mean linger.ms?\n\
             line 3: acks=some: must be all, -1, 1 or 0\n\
             line 4: sasl.jaas.config: SASL is not available, and without it the connection would be of somebody unknown\n"
        );
    }
    let told = run(&["produce", "-t", "t", "--command-config", "/no/such"], b"").expect(1);
    assert!(
        told.stderr().contains("/no/such cannot be read"),
        "{}",
        told.stderr()
    );
    let args = [
        "produce",
        "-t",
        "t",
        "-b",
        "localhost:9",
        "--command-property",
    ];
    let told = run(&[&args[..], &["transactional.id=a"]].concat(), b"").expect(2);
    assert!(
        told.stderr().contains("no transactions"),
        "{}",
        told.stderr()
    );
    let told = run(&[&args[..], &["acks"]].concat(), b"").expect(2);
    assert!(told.stderr().contains("KEY=VALUE"), "{}", told.stderr());
    let told = run(&["produce", "-t", "t"], b"").expect(2);
    assert!(
        told.stderr().contains("bootstrap.servers: must be there"),
        "{}",
        told.stderr()
    );
    let told = run(&["topics", "list"], b"").expect(2);
    assert!(
        told.stderr().contains("--bootstrap-server is missing"),
        "{}",
        told.stderr()
    );
}
