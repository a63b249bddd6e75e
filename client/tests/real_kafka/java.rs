//! Apache's own client, as the programs under `testdata/java`.

use std::process::{Command, Stdio};

use crate::place::{Place, variable_or_hint};

/// Every record of these topics as Apache's consumer sees it, one line each: by topic as given, partition, offset.
pub(crate) async fn read_back(place: Place, topics: &[&str]) -> Vec<String> {
    read_back_at(&place.bootstrap(), topics, "read_uncommitted").await
}

/// The same of any cluster, at an isolation level.
pub(crate) async fn read_back_at(bootstrap: &str, topics: &[&str], isolation: &str) -> Vec<String> {
    let topics = topics.join(",");
    let arguments = ["--bootstrap", bootstrap, "--topic", &topics, "--isolation"];
    run("ReadBack", owned(&[&arguments, &[isolation][..]].concat())).await
}

/// Has Apache's producer go through transactions of every kind; returns what became of them, one line each.
pub(crate) async fn transact(bootstrap: &str, topic: &str, group: &str) -> Vec<String> {
    let arguments = ["--bootstrap", bootstrap, "--topic", topic, "--group", group];
    run("Transact", owned(&arguments)).await
}

/// As [`read_back`], without the records of transactions that were not committed.
pub(crate) async fn read_committed(place: Place, topics: &[&str]) -> Vec<String> {
    read_back_at(&place.bootstrap(), topics, "read_committed").await
}

/// The offsets that a group has committed, one line each: topic, partition, offset, metadata.
pub(crate) async fn group_offsets(place: Place, group: &str) -> Vec<String> {
    let arguments = ["--group", group, "--bootstrap", &place.bootstrap()];
    run("GroupOffsets", arguments.map(str::to_owned).into()).await
}

/// Has Apache's producer write to a topic; returns its acknowledgements, one line each.
pub(crate) async fn write(place: Place, topic: &str, options: &[&str]) -> Vec<String> {
    let mut arguments = vec![
        "--bootstrap".into(),
        place.bootstrap(),
        "--topic".into(),
        topic.to_owned(),
    ];
    arguments.extend(options.iter().map(|option| (*option).to_owned()));
    run("Write", arguments).await
}

/// The keys of Apache's producer, and what it makes of the texts in a file.
pub(crate) async fn producer_keys(texts: &str) -> Vec<String> {
    run("ProducerKeys", owned(&["--texts", texts])).await
}

fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|&argument| argument.into()).collect()
}

async fn run(program: &'static str, arguments: Vec<String>) -> Vec<String> {
    tokio::task::spawn_blocking(move || {
        let output = Command::new("java")
            .args([
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-Xshare:auto",
                "-cp",
            ])
            .arg(variable_or_hint("MILENA_JAVA_CLASSPATH"))
            .arg(format!("milena.{program}"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("java runs");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{program} ended with {}:\n{complaints}",
            output.status
        );
        let text = String::from_utf8(output.stdout).expect("Java prints UTF-8");
        text.lines().map(str::to_owned).collect()
    })
    .await
    .unwrap()
}
