//! The error codes, which a Java program reads from Kafka's own enumeration.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use milena_protocol::ErrorCode;

use super::difference::{Difference, Sheet};
use crate::java;

/// Compares the codes of the release whose jars lie in that folder.
pub(crate) fn compare(jars: &Path) -> Result<Vec<Difference>> {
    java::build()?;
    let classpath = java::classpath(&java::classes(), jars);
    let output = Command::new("java")
        .args(java::SHORT_LIVED)
        .args(["-cp", &classpath, "milena.ErrorCodes"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("starting java")?;
    if !output.status.success() {
        bail!("ErrorCodes ended with {}", output.status);
    }
    differences(&String::from_utf8(output.stdout)?)
}

/// What is said of a code: its name, then `retriable` and `metadata` where they hold.
fn differences(listing: &str) -> Result<Vec<Difference>> {
    let mut kafka = BTreeMap::new();
    for line in listing.lines() {
        let (code, what) = line
            .split_once(' ')
            .context("a line of ErrorCodes without a code")?;
        kafka.insert(code.parse::<i16>()?, what.to_owned());
    }
    let here: BTreeMap<i16, String> = ErrorCode::ALL
        .iter()
        .map(|code| (code.0, describe(*code)))
        .collect();
    let mut codes: Vec<i16> = kafka.keys().chain(here.keys()).copied().collect();
    codes.sort_unstable();
    codes.dedup();
    let mut sheet = Sheet::new("error codes".to_owned());
    for code in codes {
        let place = format!("ErrorCode {code}");
        sheet.equal(&place, "code", kafka.get(&code), here.get(&code));
    }
    Ok(sheet.differences)
}

fn describe(code: ErrorCode) -> String {
    let mut text = code.name().unwrap_or_default().to_owned();
    for (is, word) in [
        (code.is_retriable(), " retriable"),
        (code.refreshes_metadata(), " metadata"),
    ] {
        if is {
            text += word;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use milena_protocol::ErrorCode;

    use super::{describe, differences};

    #[test]
    fn codes_that_are_added_renamed_or_changed_are_noticed() {
        let line = |code: &ErrorCode| format!("{} {}\n", code.0, describe(*code));
        let all: String = ErrorCode::ALL.iter().map(line).collect();
        assert_eq!(differences(&all).unwrap(), []);
        for (from, to, expected) in [
            (
                "0 NONE\n",
                "0 NOTHING\n",
                "ErrorCode 0: code: Kafka NOTHING, here NONE",
            ),
            ("0 NONE\n", "", "ErrorCode 0: code: Kafka none, here NONE"),
            (
                "0 NONE\n",
                "0 NONE\n9999 NEW\n",
                "ErrorCode 9999: code: Kafka NEW, here none",
            ),
            (
                "7 REQUEST_TIMED_OUT retriable",
                "7 REQUEST_TIMED_OUT",
                "ErrorCode 7: code: Kafka REQUEST_TIMED_OUT, here REQUEST_TIMED_OUT retriable",
            ),
        ] {
            let changed = all.replacen(from, to, 1);
            let lines: Vec<String> = differences(&changed)
                .unwrap()
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(lines, [expected]);
        }
        assert!(differences("nonsense").is_err());
    }
}
