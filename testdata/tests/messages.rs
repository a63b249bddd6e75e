//! The committed messages of Apache Kafka: all there, and we agree on each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::LazyLock;

use milena_testdata::messages::{Coverage, Line, check, check_api, files};

/// Names and texts, unpacked once for all tests.
static FILES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| files().unwrap());

#[test]
fn every_committed_message_is_read_and_written_as_kafka_does() {
    let mut cases = 0;
    let mut wrong = Vec::new();
    for (file, text) in &*FILES {
        for line in text.lines() {
            match Line::parse(line).unwrap_or_else(|error| panic!("{file}: {error}")) {
                Line::Case(case) => {
                    cases += 1;
                    if let Err(difference) = check(&case) {
                        let (message, version, kind) = (case.message, case.version, case.kind);
                        wrong.push(format!("{message} v{version} {kind}: {difference}"));
                    }
                }
                Line::Api(api) => {
                    if let Err(difference) = check_api(&api) {
                        wrong.push(format!("{file}: {difference}"));
                    }
                }
                Line::Kafka(version) => assert_eq!(version, "4.3.1", "{file}"),
                Line::End => {}
            }
        }
        assert!(text.ends_with("\nend\n"), "{file} is cut short");
    }
    let (number, shown) = (wrong.len(), wrong.get(..20).unwrap_or(&wrong).join("\n"));
    assert_eq!(number, 0, "of {cases} cases:\n{shown}");
}

#[test]
fn every_state_of_every_field_is_in_the_corpus() {
    let cases = || {
        let lines = FILES.iter().flat_map(|(_, text)| text.lines());
        lines.filter_map(|line| match Line::parse(line) {
            Ok(Line::Case(case)) => Some(case),
            _ => None,
        })
    };
    let mut coverage = Coverage::default();
    cases().for_each(|case| coverage.add(&case));
    let missing = coverage.missing();
    let shown = missing.get(..40).unwrap_or(&missing).join("\n");
    assert_eq!(missing.len(), 0, "not in the corpus:\n{shown}");
}
