//! The logs, as Apache Kafka's own consumer reads them.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

/// A record of the log.
pub(crate) struct Stored {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) value: Vec<u8>,
}

/// Reads topics whole, without what is not committed: by topic, partition and offset.
pub(crate) fn read_back(
    classpath: &str,
    bootstrap: &str,
    topics: &[String],
    mut see: impl FnMut(Stored),
) -> Result<()> {
    let mut java = Command::new("java");
    java.args([
        "-XX:TieredStopAtLevel=1",
        "-XX:+UseSerialGC",
        "-Xshare:auto",
        "-cp",
        classpath,
        "milena.ReadBack",
    ]);
    java.args(["--bootstrap", bootstrap, "--topic", &topics.join(",")]);
    java.args(["--isolation", "read_committed"]);
    let mut child = java
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting java")?;
    let lines = BufReader::new(child.stdout.take().context("java has an output")?).lines();
    let read = lines.into_iter().try_for_each(|line| {
        let line = line?;
        see(stored(&line).with_context(|| format!("the consumer printed: {line}"))?);
        anyhow::Ok(())
    });
    if read.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    read?;
    ensure!(status.success(), "Kafka's consumer ended with {status}");
    Ok(())
}

fn stored(line: &str) -> Option<Stored> {
    let record: Value = serde_json::from_str(line).ok()?;
    Some(Stored {
        topic: record.get("topic")?.as_str()?.to_owned(),
        partition: record.get("partition")?.as_i64()?.try_into().ok()?,
        offset: record.get("offset")?.as_i64()?,
        value: STANDARD.decode(record.get("value")?.as_str()?).ok()?,
    })
}
