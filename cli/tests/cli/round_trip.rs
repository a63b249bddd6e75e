//! What goes in by `milena produce` comes out by `milena consume`.

use crate::support::Broker;
use serde_json::{Value, json};

fn values(records: &[Value]) -> Vec<&Value> {
    records.iter().map(|record| &record["value"]).collect()
}

#[test]
fn keys_headers_nulls_and_bytes_come_back_as_they_were() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let args = [
        "--topic",
        "t",
        "-K",
        "\\t",
        "--null-marker",
        "NULL",
        "-H",
        "trace=a=b",
        "-H",
        "trace=",
        "-H",
        "none",
    ];
    let sent = broker
        .run(
            "produce",
            &args,
            b"k\tv\nk\tNULL\nNULL\t\n\t\xff\x00\t\r\nlast\tone",
        )
        .expect(0);
    assert_eq!(sent.stderr(), "sent 5, failed 0\n");
    assert_eq!(sent.stdout(), "");

    let records = broker.read("t");
    let pairs: Vec<_> = records
        .iter()
        .map(|record| (record["key"].clone(), record["value"].clone()))
        .collect();
    assert_eq!(
        pairs,
        [
            (json!("k"), json!("v")),
            (json!("k"), Value::Null),
            (Value::Null, json!("")),
            (json!(""), json!({"base64": "/wAJDQ=="})),
            (json!("last"), json!("one")),
        ]
    );
    for (offset, record) in records.iter().enumerate() {
        assert_eq!(
            record["headers"],
            json!([["trace", "a=b"], ["trace", ""], ["none", null]])
        );
        assert_eq!(
            (&record["topic"], &record["partition"], &record["offset"]),
            (&json!("t"), &json!(0), &json!(offset))
        );
    }

    let text = [
        "--topic",
        "t",
        "--offset",
        "3",
        "--max-messages",
        "1",
        "--print",
        "offset,headers,key",
    ];
    let text = broker.run("consume", &text, b"").expect(0);
    assert_eq!(
        text.stdout_bytes(),
        b"Offset:3\ttrace:a=b,trace:,none:null\t\t\xff\0\t\r\n"
    );
    assert_eq!(text.stderr(), "Processed a total of 1 messages\n");
}

#[test]
fn every_codec_and_acks_level_delivers() {
    let broker = Broker::start(&["--nodes", "3", "--topic", "t:3"]);
    let line = "the same words again and again, ".repeat(20);
    let input = format!("{line}\n").repeat(50);
    let settings: [&[&str]; 7] = [
        &["-z", "none"],
        &["-z", "gzip:9"],
        &["-z", "snappy"],
        &["-z", "lz4"],
        &["-z", "zstd:1"],
        &["--acks", "1"],
        &["--acks", "0"],
    ];
    for settings in settings {
        let args = [&["--topic", "t"], settings].concat();
        let sent = broker.run("produce", &args, input.as_bytes()).expect(0);
        assert_eq!(sent.stderr(), "sent 50, failed 0\n", "{settings:?}");
    }
    let records = broker.wait_for("t", 350);
    assert_eq!(records.len(), 350);
    assert!(values(&records).iter().all(|value| **value == *line));
}

#[test]
fn a_partition_can_be_chosen_on_both_sides() {
    let broker = Broker::start(&["--topic", "t:3"]);
    broker
        .run("produce", &["--topic", "t", "--partition", "2"], b"two\n")
        .expect(0);
    broker
        .run("produce", &["--topic", "t", "--partition", "0"], b"zero\n")
        .expect(0);
    let args = [
        "--topic",
        "t",
        "--partition",
        "2",
        "--from-beginning",
        "--exit-at-end",
    ];
    let read = broker.run("consume", &args, b"").expect(0);
    assert_eq!(read.stdout(), "two\n");
}

#[test]
fn a_consumer_ends_by_time_and_by_count() {
    let broker = Broker::start(&[]);
    broker
        .run("produce", &["--topic", "t"], b"1\n2\n3\n")
        .expect(0);
    // The first record has to come within this time, too.
    let by_time = ["--topic", "t", "--from-beginning", "--timeout-ms", "5000"];
    assert_eq!(
        broker.run("consume", &by_time, b"").expect(0).stdout(),
        "1\n2\n3\n"
    );
    let by_count = ["--topic", "t", "--from-beginning", "-c", "2"];
    assert_eq!(
        broker.run("consume", &by_count, b"").expect(0).stdout(),
        "1\n2\n"
    );
}

#[test]
fn a_hundred_thousand_lines_keep_their_order() {
    let broker = Broker::start(&["--nodes", "3", "--topic", "t:1"]);
    let lines: Vec<_> = (0..100_000).map(|number| number.to_string()).collect();
    let sent = broker
        .run(
            "produce",
            &["--topic", "t", "-z", "lz4"],
            lines.join("\n").as_bytes(),
        )
        .expect(0);
    assert_eq!(sent.stderr(), "sent 100000, failed 0\n");
    let args = ["--topic", "t", "--from-beginning", "--exit-at-end"];
    let read = broker.run("consume", &args, b"").expect(0);
    assert!(read.stdout().lines().eq(lines.iter().map(String::as_str)));
}
