//! Reading what cargo and libtest print.

use std::borrow::Cow;

/// The results of some tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) ignored: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// What one line of output means.
#[derive(Debug, PartialEq)]
pub(crate) enum Event<'a> {
    /// Cargo is busy with that (`Compiling tokio v1.54.0`).
    Progress(&'a str),
    /// A test program begins: `milena_codec unit tests`, `tests/golden.rs`, `Doc-tests milena`.
    Program(Cow<'a, str>),
    /// A test program has ended.
    Result(Tally),
    /// Success in plain: no need to show it.
    Quiet,
    /// Anything else: a warning, an error, what a failed test printed.
    Text,
}

/// Classifies a line.
pub(crate) fn event(line: &str) -> Event<'_> {
    let trimmed = line.trim();
    if let Some(results) = trimmed.strip_prefix("test result: ") {
        return tally(results).map_or(Event::Text, Event::Result);
    }
    // Cargo indents its words to the right of a column of twelve; a test's own output may begin with the same
    // words, but hardly with that indentation.
    if line.starts_with(' ') || line.starts_with("Doc-tests") {
        if let Some(program) = trimmed.strip_prefix("Running ") {
            return Event::Program(program_name(program));
        }
        if trimmed.starts_with("Doc-tests ") {
            return Event::Program(Cow::Borrowed(trimmed));
        }
        const BUSY: [&str; 9] = [
            "Compiling ",
            "Checking ",
            "Documenting ",
            "Downloading ",
            "Downloaded ",
            "Updating ",
            "Locking ",
            "Blocking ",
            "Adding ",
        ];
        if BUSY.iter().any(|word| trimmed.starts_with(word)) {
            return Event::Progress(trimmed);
        }
        if ["Finished ", "Generated ", "Executable "]
            .iter()
            .any(|word| trimmed.starts_with(word))
        {
            return Event::Quiet;
        }
    }
    let quiet_test = trimmed.starts_with("test ")
        && (trimmed.ends_with(" ... ok") || trimmed.contains(" ... ignored"));
    let count = trimmed
        .strip_prefix("running ")
        .is_some_and(|rest| rest.ends_with(" tests") || rest.ends_with(" test"));
    // Rustdoc reports how it merged doc tests and how long that took.
    let doc_times = trimmed.starts_with("all doctests ran in ");
    if trimmed.is_empty() || quiet_test || count || doc_times {
        Event::Quiet
    } else {
        Event::Text
    }
}

/// Of `unittests src/lib.rs (target/debug/deps/milena_codec-0123456789abcdef)` the crate, of `tests/golden.rs (…)`
/// the path.
fn program_name(running: &str) -> Cow<'_, str> {
    let (path, binary) = running.split_once(" (").unwrap_or((running, ""));
    let file = binary.rsplit(['/', '\\']).next().unwrap_or(binary);
    match file.rsplit_once('-') {
        Some((krate, _)) if path.starts_with("unittests ") => {
            Cow::Owned(format!("{krate} unit tests"))
        }
        _ => Cow::Borrowed(path),
    }
}

/// `ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
fn tally(results: &str) -> Option<Tally> {
    let (_, counts) = results.split_once(". ")?;
    let mut tally = Tally::default();
    for part in counts.split(';') {
        let mut words = part.split_whitespace();
        let (Some(Ok(count)), Some(kind)) = (words.next().map(str::parse), words.next()) else {
            continue;
        };
        match kind {
            "passed" => tally.passed = count,
            "failed" => tally.failed = count,
            "ignored" => tally.ignored = count,
            _ => {}
        }
    }
    Some(tally)
}

#[cfg(test)]
mod tests {
    use super::{Event, Tally, event};

    #[test]
    fn results_are_counted() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(
            event(line),
            Event::Result(Tally {
                passed: 12,
                failed: 0,
                ignored: 1
            })
        );
        let line = "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";
        assert_eq!(
            event(line),
            Event::Result(Tally {
                passed: 3,
                failed: 2,
                ignored: 0
            })
        );
    }

    #[test]
    fn programs_are_named() {
        let line =
            "     Running unittests src/lib.rs (target/debug/deps/milena_codec-0123456789abcdef)";
        assert_eq!(
            event(line),
            Event::Program("milena_codec unit tests".into())
        );
        let line =
            "     Running tests/real_kafka.rs (target/debug/deps/real_kafka-0123456789abcdef)";
        assert_eq!(event(line), Event::Program("tests/real_kafka.rs".into()));
        assert_eq!(
            event("   Doc-tests milena_codec"),
            Event::Program("Doc-tests milena_codec".into())
        );
    }

    #[test]
    fn success_is_quiet_and_the_rest_is_not() {
        for line in [
            "",
            "running 12 tests",
            "running 1 test",
            "test frame::round_trip ... ok",
            "test real ... ignored, needs Apache Kafka",
            "    Finished `dev` profile in 0.5s",
        ] {
            assert_eq!(event(line), Event::Quiet, "{line:?}");
        }
        for line in [
            "test frame::round_trip ... FAILED",
            "error: test failed, to rerun pass `-p milena`",
            "warning: unused variable",
            "thread 'x' panicked at src/lib.rs:1:1:",
            "running late",
            "test result: strange",
            "Running like the wind",
        ] {
            assert_eq!(event(line), Event::Text, "{line:?}");
        }
        assert_eq!(
            event("   Compiling tokio v1.54.0"),
            Event::Progress("Compiling tokio v1.54.0")
        );
    }
}
