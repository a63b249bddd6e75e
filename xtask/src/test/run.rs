//! Running one command: all of its output to a log, what matters to the terminal, and a limit on its time.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, PipeReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::libtest::{self, Event, Tally};
use super::reasons::Reasons;
use super::report::clock;
use crate::{interrupt, paths};

/// Longer than any step takes on a slow machine: something hangs.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// How often a step that prints nothing says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(20);

/// What a command did.
pub(crate) struct Ran {
    pub(crate) success: bool,
    /// All its tests together, if it runs tests.
    pub(crate) tally: Option<Tally>,
    /// What it says of why it failed.
    pub(crate) reasons: Vec<String>,
}

/// Where all output is kept.
pub(crate) fn log_folder() -> PathBuf {
    paths::target().join("xtask-test")
}

/// The test program whose ignored tests are another tier's work, not tests that were left out.
const OF_REAL_TIER: &str = "tests/real_kafka/main.rs";

/// Runs the command to its end. An error means that it could not be run at all.
pub(crate) fn run(command: &mut Command, log_name: &str) -> Result<Ran> {
    let folder = log_folder();
    fs::create_dir_all(&folder)?;
    let log_path = folder.join(format!("{log_name}.log"));
    let mut log = BufWriter::new(File::create(&log_path)?);

    // One pipe for both streams keeps them in order: which program runs is on one, its results on the other.
    let (reader, writer) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone()?)
        .stderr(writer);
    let started = Instant::now();
    let mut group = interrupt::spawn_group(command)
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    // The command holds the writing ends, and the pipe would never close.
    command.stdout(Stdio::null()).stderr(Stdio::null());

    let mut follower = Follower::new(started);
    let mut timed_out = false;
    let lines = lines(reader);
    let status = loop {
        match lines.recv_timeout(Duration::from_millis(500)) {
            Ok(line) => {
                writeln!(log, "{line}")?;
                follower.line(&line);
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break group.child.wait()?,
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Ended, and silent since: somebody it left behind holds the pipe.
        if let Some(status) = group.child.try_wait()? {
            break status;
        }
        if started.elapsed() > LIMIT {
            timed_out = true;
            group.end();
        }
        follower.heartbeat();
    };
    log.flush()?;
    let success = status.success() && !timed_out;
    let mut reasons = Vec::new();
    if !success {
        eprintln!("  all of its output: {}", log_path.display());
        reasons = follower.reasons.into_lines();
    }
    if timed_out {
        reasons.push(format!("no end after {}", clock(LIMIT)));
    }
    Ok(Ran {
        success,
        tally: follower.tally,
        reasons,
    })
}

fn lines(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = String::from_utf8_lossy(&line)
                .trim_end_matches(['\n', '\r'])
                .to_owned();
            line.clear();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Follows the output and shows what matters.
struct Follower {
    started: Instant,
    shown: Instant,
    busy: String,
    program: String,
    tally: Option<Tally>,
    reasons: Reasons,
}

impl Follower {
    fn new(started: Instant) -> Self {
        Self {
            started,
            shown: started,
            busy: String::new(),
            program: String::new(),
            tally: None,
            reasons: Reasons::default(),
        }
    }

    fn line(&mut self, line: &str) {
        self.reasons.line(line);
        match libtest::event(line) {
            Event::Progress(what) => what.clone_into(&mut self.busy),
            Event::Program(name) => {
                self.program = name.into_owned();
                self.program.clone_into(&mut self.busy);
            }
            Event::Result(result) => self.result(result),
            Event::Quiet => {}
            Event::Text => self.show(line),
        }
        self.heartbeat();
    }

    fn result(&mut self, mut result: Tally) {
        if self.program == OF_REAL_TIER {
            result.ignored = 0;
        }
        self.tally.get_or_insert_default().add(result);
        let Tally {
            passed,
            failed,
            ignored,
        } = result;
        if passed + failed + ignored > 0 {
            let failed = if failed > 0 {
                format!(", {failed} FAILED")
            } else {
                String::new()
            };
            let ignored = if ignored > 0 {
                format!(", {ignored} ignored")
            } else {
                String::new()
            };
            self.show(&format!(
                "  {:<40} {passed} passed{failed}{ignored}",
                self.program
            ));
        }
    }

    fn show(&mut self, text: &str) {
        eprintln!("{text}");
        self.shown = Instant::now();
    }

    fn heartbeat(&mut self) {
        if self.shown.elapsed() > HEARTBEAT {
            self.show(&format!(
                "  … {}: {}",
                clock(self.started.elapsed()),
                self.busy
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{Follower, Tally};

    #[test]
    fn a_run_is_added_up() {
        let mut follower = Follower::new(Instant::now());
        for line in [
            "     Running unittests src/lib.rs (target/debug/deps/a)",
            "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "     Running tests/real_kafka/main.rs (target/debug/deps/real_kafka-1)",
            "test result: ok. 0 passed; 0 failed; 9 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "   Doc-tests milena",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ] {
            follower.line(line);
        }
        assert_eq!(
            follower.tally,
            Some(Tally {
                passed: 5,
                failed: 1,
                ignored: 1
            })
        );
    }
}
