//! `milena broker --record`.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Child,
};

use bytes::Bytes;
use milena_codec::{Batches, Decompressor};
use milena_protocol::{
    ApiKey, Message, decode_request_header, decode_response_header,
    fetch::FetchRequest,
    produce::{ProduceRequest, ProduceResponse},
};
use nix::sys::signal::Signal;

use crate::support::{Broker, finish, milena, run, signal};

/// A directory that is not there yet, and goes when it is dropped.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = format!("milena-record-{name}-{}", std::process::id());
        let dir = std::env::temp_dir().join(dir);
        let _ = fs::remove_dir_all(&dir);
        Self(dir.join("new"))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    /// Files whose names hold this, in their order.
    fn files(&self, part: &str) -> Vec<PathBuf> {
        let mut paths: Vec<_> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_str().unwrap().contains(part))
            .collect();
        paths.sort();
        paths
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

/// What follows the length, which has to be right.
fn frame(path: &Path) -> Bytes {
    let mut bytes = Bytes::from(fs::read(path).unwrap());
    let length = bytes.split_to(4);
    assert_eq!(length[..], (bytes.len() as u32).to_be_bytes());
    bytes
}

/// A broker whose stderr can be read at its end, and its address.
fn start(args: &[&str]) -> (Child, String) {
    let mut child = milena(&[&["broker"], args].concat()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut address)
        .unwrap();
    (child, address.trim().to_owned())
}

#[test]
fn committed_records_are_asked_for_by_name() {
    for (level, isolation) in [("read_uncommitted", 0), ("read_committed", 1)] {
        let dir = Dir::new(level);
        let broker = Broker::start(&["--topic", "t:1", "--record", dir.path()]);
        broker.run("produce", &["--topic", "t"], b"one\n").expect(0);
        let args = ["-t", "t", "--from-beginning", "--exit-at-end"];
        let args = [&args[..], &["--isolation-level", level]].concat();
        let read = broker.run("consume", &args, b"").expect(0);
        assert_eq!(read.stdout(), "one\n");
        assert!(broker.interrupt().success());

        let requests = dir.files("-request-Fetch-v");
        let (header, body) = decode_request_header(&frame(&requests[0])).unwrap();
        let request = FetchRequest::decode(&body, header.api_version).unwrap();
        assert_eq!(request.isolation_level, isolation);
    }
}

#[test]
fn a_recorded_produce_request_decodes_to_what_was_sent() {
    let dir = Dir::new("produce");
    let args = ["--nodes", "2", "--topic", "t:1", "--record", dir.path()];
    let broker = Broker::start(&args);
    let args = ["--topic", "t", "-K", ":", "-z", "lz4", "-H", "trace=7f"];
    // However slowly the lines are taken, they are one batch, which the end of the input sends.
    let args = [&args[..], &["--linger-ms", "50000"]].concat();
    broker
        .run("produce", &args, b"a:one\nb:two\n:three\n")
        .expect(0);
    assert!(broker.interrupt().success());

    let requests = dir.files("-request-Produce-v");
    assert_eq!(requests.len(), 1, "{requests:?}");
    let (header, body) = decode_request_header(&frame(&requests[0])).unwrap();
    let version = header.api_version;
    assert_eq!(header.api_key, ApiKey::PRODUCE);
    let mut request = ProduceRequest::decode(&body, version).unwrap();
    let data = request.topic_data[0].partition_data.remove(0);
    let mut records = Vec::new();
    for batch in Batches::exact(data.records.unwrap().into_bytes()) {
        let mut decompressor = Decompressor::default();
        for record in batch.unwrap().records(&mut decompressor).unwrap() {
            let record = record.unwrap();
            let [header] = &record.headers.iter().collect::<Vec<_>>()[..] else {
                panic!("{record:?}");
            };
            assert_eq!(
                (header.key(), header.value.as_deref()),
                ("trace".into(), Some(&b"7f"[..]))
            );
            records.push((record.key.unwrap(), record.value.unwrap()));
        }
    }
    let sent = [("a", "one"), ("b", "two"), ("", "three")];
    assert_eq!(records, sent.map(|(key, value)| (key.into(), value.into())));

    // The response has the number of its request.
    let response = requests[0].to_str().unwrap().replace("request", "response");
    let (answer, body) =
        decode_response_header(&frame(response.as_ref()), ApiKey::PRODUCE, version).unwrap();
    assert_eq!(answer.correlation_id, header.correlation_id);
    let stored = ProduceResponse::decode(&body, version).unwrap();
    assert_eq!(stored.responses[0].partition_responses[0].base_offset, 0);

    // A recorded frame is what `milena decode` takes.
    let decoded = run(&["decode", requests[0].to_str().unwrap()], b"").expect(0);
    assert!(
        decoded.stdout().contains("\"three\""),
        "{}",
        decoded.stdout()
    );

    // Everything was answered.
    for request in dir.files("request") {
        let response = request.to_str().unwrap().replace("request", "response");
        frame(&request);
        frame(response.as_ref());
    }
}

#[test]
fn a_recording_that_cannot_go_on_is_told_and_the_cluster_goes_on() {
    let dir = Dir::new("gone");
    let (child, address) = start(&["--topic", "t:1", "--record", dir.path()]);
    fs::remove_dir_all(&dir.0).unwrap();
    let produce = ["produce", "-b", &address, "-t", "t"];
    let sent = run(&produce, b"1\n2\n").expect(0);
    assert_eq!(sent.stderr(), "sent 2, failed 0\n");
    signal(child.id(), Signal::SIGINT);
    let ended = finish(child).expect(1);
    let said = ended.stderr();
    assert!(
        said.starts_with("milena: the recording in ") && said.contains("cannot be written: "),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn an_older_recording_is_not_overwritten() {
    let dir = Dir::new("older");
    let (child, address) = start(&["--record", dir.path()]);
    run(&["topics", "list", "-b", &address], b"").expect(0);
    signal(child.id(), Signal::SIGTERM);
    let said = finish(child).expect(0).stderr();
    let files = dir.files("");
    let told = format!("recorded {} frames in {}\n", files.len(), dir.path());
    assert_eq!(said, told);
    let before: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();

    let told = run(&["broker", "--record", dir.path()], b"").expect(1);
    assert!(told.stderr().contains("is not empty"), "{}", told.stderr());
    assert_eq!(dir.files(""), files);
    let after: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(after, before);
}
