//! Ctrl-C.

use std::{
    io::{Read, Write},
    process::Stdio,
};

use crate::support::{Broker, Held, eventually, finish, guarded, milena, signal};
use milena_broker::{Cluster, Fault, protocol::ApiKey};
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
    let broker = Broker::start(&["--topic", "t:2"]);
    let args = broker.args(
        "produce",
        &[
            "--topic",
            "t",
            "-K",
            ":",
            "--linger-ms",
            "50000",
            "--delivery-timeout-ms",
            "90000",
        ],
    );
    let mut child = milena(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The last line has a partition of its own by its key, and fills a batch there, which goes at once: when it is stored,
    // the lines before it have been accepted.
    let full = "x".repeat(20_000);
    write!(stdin, "a:one\na:two\nd:{full}\n").unwrap();
    assert_eq!(broker.wait_for("t", 1).len(), 1, "the others linger");
    signal(child.id(), Signal::SIGINT);
    let ended = finish(child).expect(130);
    assert_eq!(ended.stderr(), "sent 3, failed 0\n");
    assert_eq!(broker.read("t").len(), 3);
}

#[test]
fn produce_says_what_it_had_to_leave() {
    let held = Held::start(Cluster::builder().topic("t", 1));
    let faults = held.cluster.faults();
    faults.push(Fault::hang().on(ApiKey::PRODUCE).after(1));
    let address = held.address(1);
    let mut args = vec!["produce", "-b", &address, "-t", "t"];
    args.extend(["--flush-timeout-ms", "500"]);
    // Each line is a request of its own, and waits for the answer to the one before it: when the second has come, the
    // first is acknowledged. The third is read with them.
    args.extend(["--batch-size", "1", "--max-in-flight", "1"]);
    let mut child = milena(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo\nthree\n").unwrap();
    eventually(|| match faults.pending() {
        0 => Ok(()),
        _ => Err("the second request does not come"),
    });
    signal(child.id(), Signal::SIGINT);
    let ended = finish(child).expect(130);
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
    let mut child = milena(&broker.args("consume", &["--topic", "t", "--from-beginning"]))
        .spawn()
        .unwrap();
    let mut lines = [0; 4];
    let pid = child.id();
    let stdout = child.stdout.as_mut().unwrap();
    guarded(pid, || stdout.read_exact(&mut lines)).unwrap();
    assert_eq!(&lines, b"1\n2\n");
    signal(pid, Signal::SIGTERM);
    let ended = finish(child).expect(130);
    assert_eq!(ended.stdout(), "", "nothing follows");
    assert_eq!(ended.stderr(), "Processed a total of 2 messages\n");
}
