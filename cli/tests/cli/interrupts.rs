//! Ctrl-C.

use std::{
    io::Write,
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{Broker, finish, milena, signal};
use nix::sys::signal::Signal;

#[test]
fn lines_are_sent_as_they_come_while_the_input_stays_open() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let mut child = milena(&broker.args("produce", &["--topic", "t"]))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"first\nsec").unwrap();
    assert_eq!(
        broker.wait_for("t", 1).len(),
        1,
        "an incomplete line waits for its end"
    );
    stdin.write_all(b"ond\n").unwrap();
    assert_eq!(broker.wait_for("t", 2)[1]["value"], "second");
    drop(stdin);
    assert_eq!(finish(child).expect(0).stderr(), "sent 2, failed 0\n");
}

#[test]
fn produce_flushes_what_lingers() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let args = broker.args(
        "produce",
        &[
            "--topic",
            "t",
            "--linger-ms",
            "50000",
            "--delivery-timeout-ms",
            "90000",
        ],
    );
    let mut child = milena(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo\n").unwrap();
    // Nothing shows from outside that the lines have been read.
    std::thread::sleep(Duration::from_millis(500));
    assert!(broker.read("t").is_empty(), "they linger");
    signal(child.id(), Signal::SIGINT);
    let ended = finish(child).expect(130);
    assert_eq!(ended.stderr(), "sent 2, failed 0\n");
    assert_eq!(broker.read("t").len(), 2);
}

#[test]
fn produce_says_what_it_had_to_leave() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let args = broker.args("produce", &["--topic", "t", "--flush-timeout-ms", "500"]);
    let mut child = milena(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\n").unwrap();
    broker.wait_for("t", 1);
    assert!(
        broker.interrupt().success(),
        "a broker that was told to stop has done its work"
    );
    stdin.write_all(b"two\nthree\n").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    signal(child.id(), Signal::SIGINT);
    let start = Instant::now();
    let ended = finish(child).expect(130);
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(
        ended
            .stderr()
            .contains("sent 1, failed 0, 2 left unacknowledged"),
        "{}",
        ended.stderr()
    );
}

#[test]
fn perf_prints_what_it_has() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let args = [
        "--topic",
        "t",
        "--num-records",
        "1000000",
        "--throughput",
        "100",
        "--reporting-interval",
        "200",
    ];
    let mut child = milena(&broker.args("perf", &args)).spawn().unwrap();
    broker.wait_for("t", 10);
    signal(child.id(), Signal::SIGINT);
    assert!(child.try_wait().is_ok());
    let ended = finish(child).expect(130);
    let last = ended.stdout().lines().last().unwrap().to_owned();
    let sent: usize = last.split(' ').next().unwrap().parse().unwrap();
    assert!(last.contains(" 99.9th."), "{last}");
    assert_eq!(broker.read("t").len(), sent);
}

#[test]
fn consume_ends_with_its_count() {
    let broker = Broker::start(&["--topic", "t:1"]);
    broker
        .run("produce", &["--topic", "t"], b"1\n2\n")
        .expect(0);
    let child = milena(&broker.args("consume", &["--topic", "t", "--from-beginning"]))
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(700));
    signal(child.id(), Signal::SIGTERM);
    let ended = finish(child).expect(130);
    assert_eq!(ended.stdout(), "1\n2\n");
    assert_eq!(ended.stderr(), "Processed a total of 2 messages\n");
}
