//! What the commands say, and return, when something is wrong.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::Stdio,
    time::{Duration, Instant},
};

use crate::support::{Broker, finish, milena, refusing, run};

#[test]
fn a_missing_separator_names_the_line_and_what_came_before_is_sent() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let sent = broker
        .run(
            "produce",
            &["--topic", "t", "--key-separator", ":"],
            b"a:1\nb:2\nc3\nd:4\n",
        )
        .expect(1);
    assert!(
        sent.stderr().contains("sent 2, failed 0\n"),
        "{}",
        sent.stderr()
    );
    assert!(
        sent.stderr()
            .contains("milena: line 3 has no key separator \":\": \"c3\""),
        "{}",
        sent.stderr()
    );
    assert!(
        sent.stderr()
            .contains("milena: stopped at line 3: neither it nor what follows was sent\n"),
        "{}",
        sent.stderr()
    );
    assert_eq!(broker.read("t").len(), 2);
}

#[test]
fn a_record_that_fails_is_named_and_counted_and_the_others_go_on() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let input = [
        b"small\n".to_vec(),
        vec![b'x'; 3000],
        b"\nsmall too\n".to_vec(),
    ]
    .concat();
    let args = [
        "--topic",
        "t",
        "--max-request-size",
        "2000",
        "--batch-size",
        "1000",
    ];
    let sent = broker.run("produce", &args, &input).expect(1);
    assert!(
        sent.stderr().contains("line 2: record for t"),
        "{}",
        sent.stderr()
    );
    assert!(
        sent.stderr().ends_with("sent 2, failed 1\n"),
        "{}",
        sent.stderr()
    );
    assert_eq!(broker.read("t").len(), 2);
}

#[test]
fn an_unknown_topic_is_an_error_within_its_time() {
    let broker = Broker::start(&["--no-auto-create"]);
    let start = Instant::now();
    let sent = broker
        .run(
            "produce",
            &["--topic", "nowhere", "--max-block-ms", "1000"],
            b"1\n2\n",
        )
        .expect(1);
    let said = sent.stderr();
    assert!(
        said.contains("nowhere") && said.contains("stopped at line 1:"),
        "{said}"
    );
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn an_unreachable_cluster_is_an_error_within_its_time() {
    let (_kept, address) = refusing();
    let commands: [&[&str]; 4] = [
        &["produce", "--topic", "t"],
        &["consume", "--topic", "t"],
        &["topics", "list"],
        &["perf", "--topic", "t", "--num-records", "10"],
    ];
    for command in commands {
        let start = Instant::now();
        let args = [
            command,
            &[
                "--bootstrap-server",
                &address,
                "--connect-timeout-ms",
                "500",
            ],
        ]
        .concat();
        let failed = run(&args, b"1\n").expect(1);
        assert!(start.elapsed() < Duration::from_secs(30), "{command:?}");
        let said = failed.stderr();
        assert!(
            said.contains(&format!("milena: cannot connect to {address}")),
            "{said}"
        );
        assert!(
            said.contains("because: ") && said.contains("refused"),
            "{said}"
        );
    }
}

#[test]
fn wrong_usage_is_status_2() {
    run(&["produce"], b"").expect(2);
    run(
        &[
            "consume",
            "-b",
            "localhost:1",
            "-t",
            "t",
            "--offset",
            "some",
        ],
        b"",
    )
    .expect(2);
    let told = run(
        &["perf", "-b", "localhost:1", "-t", "t", "--num-records", "0"],
        b"",
    )
    .expect(2);
    assert!(told.stderr().contains("--num-records"), "{}", told.stderr());
    let perf = ["perf", "-b", "localhost:1", "-t", "t", "--num-records", "5"];
    for (option, value) in [("--warmup-records", "5"), ("--threads", "65")] {
        let told = run(&[&perf[..], &[option, value]].concat(), b"").expect(2);
        assert!(told.stderr().contains(option), "{}", told.stderr());
    }
    let produce = ["produce", "-b", "localhost:1", "-t", "t", "-K", ""];
    let told = run(&produce, b"").expect(2);
    assert!(
        told.stderr().contains("--key-separator"),
        "{}",
        told.stderr()
    );
    // What only the client can tell is wrong usage too, and needs no cluster to be told.
    let told = run(&["topics", "list", "-b", "localhost"], b"").expect(2);
    assert!(told.stderr().contains("bootstrap"), "{}", told.stderr());
}

#[test]
fn settings_that_do_not_go_together_are_wrong_usage() {
    let broker = Broker::start(&[]);
    let args = ["--topic", "t", "--max-in-flight", "6"];
    let told = broker.run("produce", &args, b"").expect(2);
    assert_eq!(
        told.stderr(),
        "milena: max.in.flight.requests.per.connection=6: 6 must be at most 5 with idempotence; \
         switch idempotence off to allow more\n"
    );
}

#[test]
fn whoever_reads_the_output_may_have_enough() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let input = "a line of some length, so that pipes fill up\n".repeat(20_000);
    broker
        .run("produce", &["--topic", "t"], input.as_bytes())
        .expect(0);
    let args = broker.args("consume", &["--topic", "t", "--from-beginning"]);
    let mut child = milena(&args).stdin(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let finished = finish(child);
    let mut said = String::new();
    stderr.read_to_string(&mut said).unwrap();
    finished.expect(0);
    assert_eq!(said, "");
}

#[test]
fn nobody_needs_to_read_what_is_said_on_stderr() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let mut input = "line\n".repeat(1000);
    input += &"x".repeat(3000);
    let args = broker.args(
        "produce",
        &[
            "-vv",
            "--topic",
            "t",
            "--max-request-size",
            "2000",
            "--batch-size",
            "1000",
        ],
    );
    let mut child = milena(&args).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    // The last line is too large, which is told to nobody.
    finish(child).expect(1);
    assert_eq!(broker.read("t").len(), 1000);

    let args = broker.args("produce", &["-vv", "--topic", "t"]);
    let mut child = milena(&args).stdin(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    child.stdin.take().unwrap().write_all(b"1\n2\n").unwrap();
    finish(child).expect(0);
    assert_eq!(broker.read("t").len(), 1002);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_is_an_error() {
    let broker = Broker::start(&["--topic", "t:1"]);
    broker.run("produce", &["--topic", "t"], b"1\n").expect(0);
    let commands: [(&str, &[&str]); 4] = [
        ("perf", &["--topic", "t", "--num-records", "100"]),
        ("perf", &["--topic", "t", "--num-records", "100", "--json"]),
        ("topics list", &[]),
        (
            "consume",
            &["--topic", "t", "--from-beginning", "--exit-at-end"],
        ),
    ];
    for (command, args) in commands {
        let full = std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let child = milena(&broker.args(command, args))
            .stdout(full)
            .spawn()
            .unwrap();
        let said = finish(child).expect(1).stderr();
        assert!(
            said.contains("milena: standard output cannot be written\n  because: "),
            "{command}: {said}"
        );
    }
}

#[test]
fn help_has_examples_and_the_version_is_told() {
    for command in ["broker", "produce", "consume", "topics", "perf"] {
        let help = run(&[command, "--help"], b"").expect(0).stdout();
        assert!(
            help.contains("Examples:\n") && help.contains(&format!("milena {command}")),
            "{help}"
        );
        // A terminal of the usual width does not break them, so that they can be copied.
        let (_, examples) = help.split_once("Examples:\n").unwrap();
        for line in examples.lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }
    let version = run(&["--version"], b"").expect(0).stdout();
    assert_eq!(version, format!("milena {}\n", env!("CARGO_PKG_VERSION")));
}
