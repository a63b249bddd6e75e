//! The event log: what happened when, in words.

use std::fmt;

use milena_engine::time::Instant;

/// What happened in a run, in order; empty unless it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLog {
    kept: bool,
    lines: Vec<(Instant, String)>,
}

impl EventLog {
    /// A log that keeps everything.
    pub const fn kept() -> Self {
        Self {
            kept: true,
            lines: Vec::new(),
        }
    }

    /// A log that keeps nothing.
    pub const fn silent() -> Self {
        Self {
            kept: false,
            lines: Vec::new(),
        }
    }

    /// Writes a line. The words are only made if somebody keeps them.
    pub(crate) fn note(&mut self, now: Instant, words: impl FnOnce() -> String) {
        if self.kept {
            self.lines.push((now, words()));
        }
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> &[(Instant, String)] {
        &self.lines
    }
}

impl fmt::Display for EventLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, line) in &self.lines {
            let micros = at.as_nanos() / 1000;
            writeln!(f, "{:>6}.{:03} ms  {line}", micros / 1000, micros % 1000)?;
        }
        Ok(())
    }
}
