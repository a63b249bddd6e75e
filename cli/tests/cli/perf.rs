//! `milena perf`: its lines and its JSON.

use milena_broker::{Cluster, Fault, protocol::ApiKey};

use crate::support::{Broker, Held, run};

#[test]
fn the_result_line_is_kafkas_and_every_record_is_there() {
    let broker = Broker::start(&["--nodes", "3", "--partitions", "6"]);
    let args = [
        "--topic",
        "t",
        "--num-records",
        "20000",
        "--record-size",
        "50",
        "--batch-size",
        "65536",
    ];
    let ran = broker.run("perf", &args, b"").expect(0);
    let line = ran.stdout();
    let words: Vec<_> = line.trim_end().split(' ').collect();
    let number = |at: usize| words[at].trim_start_matches('(').parse::<f64>().unwrap();
    assert_eq!(&words[1..3], ["records", "sent,"], "{line}");
    assert_eq!(number(0), 20_000.0);
    assert_eq!((words[4], words[6]), ("records/sec", "MB/sec),"), "{line}");
    assert!(
        (number(5) - number(3) * 50.0 / 1048576.0).abs() < 0.02,
        "{line}"
    );
    assert_eq!(&words[8..11], ["ms", "avg", "latency,"], "{line}");
    assert!(line.ends_with(" ms 99.9th.\n"), "{line}");

    let records = broker.read("t");
    assert_eq!(records.len(), 20_000);
    let values: std::collections::HashSet<_> = records
        .iter()
        .map(|record| record["value"].as_str().unwrap())
        .collect();
    assert_eq!(values.len(), 4096, "values differ");
    assert!(values.iter().all(|value| value.len() == 50));
    assert!(records.iter().all(|record| record["key"].is_null()));
}

#[test]
fn json_has_the_same_figures_and_what_they_cost() {
    let broker = Broker::start(&[]);
    let args = [
        "--topic",
        "t",
        "--num-records",
        "5000",
        "--keys",
        "7",
        "--partitions",
        "3",
        "--json",
        "-z",
        "lz4",
    ];
    let ran = broker.run("perf", &args, b"").expect(0);
    let [result] = &ran.json()[..] else {
        panic!("{}", ran.stdout())
    };
    assert_eq!(result["records"], 5000);
    assert_eq!(result["failed"], 0);
    let latency = |name: &str| result["latency_ms"][name].as_f64().unwrap();
    let in_order = ["p50", "p95", "p99", "p99.9", "max"].map(latency);
    assert!(in_order.is_sorted() && latency("avg") > 0.0, "{result}");
    let cpu = &result["cpu"];
    let seconds = cpu["user_seconds"].as_f64().unwrap() + cpu["system_seconds"].as_f64().unwrap();
    let per_record = cpu["micros_per_record"].as_f64().unwrap();
    assert!(
        (seconds * 1e6 / 5000.0 - per_record).abs() < 0.001 && per_record > 0.0,
        "{result}"
    );
    assert!(result["peak_rss_bytes"].as_u64().unwrap() > 1 << 20);

    let keys: std::collections::BTreeMap<_, _> = broker
        .read("t")
        .iter()
        .map(|record| {
            (
                record["key"].as_str().unwrap().to_owned(),
                record["partition"].as_i64(),
            )
        })
        .collect();
    assert_eq!(keys.len(), 7);
    let described = broker
        .run("topics describe", &["--topic", "t"], b"")
        .expect(0);
    assert!(
        described.stdout().contains("PartitionCount: 3"),
        "{}",
        described.stdout()
    );
}

#[test]
fn a_warm_up_is_left_out_of_a_second_result() {
    let broker = Broker::start(&[]);
    let args = [
        "--topic",
        "t",
        "--num-records",
        "3000",
        "--warmup-records",
        "1000",
    ];
    let ran = broker.run("perf", &args, b"").expect(0);
    let lines: Vec<_> = ran.stdout().lines().map(str::to_owned).collect();
    assert_eq!(
        lines[..2],
        [
            "Warmup first 1000 records. Steady state results will print after the complete test summary.",
            "In steady state.",
        ]
    );
    assert!(lines[2].starts_with("3000 records sent, "), "{}", lines[2]);
    assert!(
        lines[3].starts_with("2000 steady state records sent, "),
        "{}",
        lines[3]
    );
}

#[test]
fn a_rate_is_kept() {
    let broker = Broker::start(&[]);
    let args = [
        "--topic",
        "t",
        "--num-records",
        "1500",
        "--throughput",
        "1000",
        "--json",
        "--reporting-interval",
        "300",
    ];
    let ran = broker.run("perf", &args, b"").expect(0);
    let seconds = ran.json()[0]["elapsed_seconds"].as_f64().unwrap();
    assert!((1.4..60.0).contains(&seconds), "{seconds}");
}

#[test]
fn records_that_fail_are_counted_and_the_status_says_so() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let args = [
        "--topic",
        "t",
        "--num-records",
        "20",
        "--record-size",
        "5000",
        "--max-request-size",
        "2000",
        "--json",
    ];
    let ran = broker.run("perf", &args, b"").expect(1);
    assert_eq!(
        (&ran.json()[0]["records"], &ran.json()[0]["failed"]),
        (&0.into(), &20.into())
    );
    assert!(
        ran.stderr().contains("20 records failed"),
        "{}",
        ran.stderr()
    );
}

#[test]
fn latencies_are_those_of_acknowledged_records() {
    let held = Held::start(Cluster::builder().topic("t", 1));
    let hang = Fault::hang().on(ApiKey::PRODUCE);
    // The records are too many for one request, and only the first is answered.
    held.cluster.faults().push(hang.after(1).always());
    let address = held.address(1);
    let args = [
        "perf",
        "-b",
        &address,
        "--topic",
        "t",
        "--num-records",
        "400",
        "--delivery-timeout-ms",
        "5000",
        "--request-timeout-ms",
        "1000",
        "--json",
    ];
    let ran = run(&args, b"").expect(1);
    let result = &ran.json()[0];
    assert!(result["failed"].as_u64().unwrap() > 0, "{result}");
    // Those that failed took all the time they had.
    let longest = result["latency_ms"]["max"].as_f64().unwrap();
    assert!(longest < 5000.0, "{result}");
    assert!(
        result["elapsed_seconds"].as_f64().unwrap() > 5.0,
        "{result}"
    );
}

#[test]
fn what_the_producer_measured_is_told_by_javas_names() {
    let broker = Broker::start(&["--topic", "t:1"]);
    let args = [
        "--topic",
        "t",
        "--num-records",
        "3000",
        "-z",
        "lz4",
        "--print-metrics",
    ];
    let told = broker
        .run("perf", &[&args[..], &["--json"]].concat(), b"")
        .expect(0)
        .json();
    let metrics = &told.first().unwrap()["metrics"];
    let number = |name: &str| metrics[name].as_f64().unwrap();
    assert_eq!(number("record-send-total"), 3000.0);
    assert_eq!(number("record-error-total"), 0.0);
    assert_eq!(
        number("buffer-available-bytes"),
        number("buffer-total-bytes")
    );
    assert!(number("compression-rate-avg") < 1.0 && number("compression-rate-avg") > 0.1);
    assert!(number("request-latency-max") >= number("request-latency-avg"));
    assert!(number("request-latency-avg") > 0.0);
    let records = number("records-per-request-avg") * number("request-total");
    assert!((records - 3000.0).abs() < 0.01, "{records}");

    let said = broker.run("perf", &args, b"").expect(0).stdout();
    let (result, table) = said.split_once("\n\n").unwrap();
    assert!(result.ends_with(" ms 99.9th."), "{said}");
    let lines: Vec<_> = table.lines().collect();
    assert!(
        lines[0].starts_with("Metric Name ") && lines[0].ends_with("   Value"),
        "{said}"
    );
    let sent = lines
        .iter()
        .find(|line| line.contains(":record-send-total:"));
    assert!(sent.unwrap().ends_with(" : 3000.000"), "{said}");
    assert!(lines[1..].is_sorted(), "{said}");
}
