//! Why a command failed, as far as its output says so: for the summary, which may be all that is read.

use std::collections::VecDeque;

/// So many lines at most are told of one command.
const TOLD: usize = 24;

/// So many of the last lines are told, where nothing else tells more.
const LAST: usize = 8;

/// Picks them out of the output.
#[derive(Default)]
pub(crate) struct Reasons {
    told: Vec<String>,
    /// The line before says where something panicked, so this one says why.
    why_follows: bool,
    last: VecDeque<String>,
}

impl Reasons {
    pub(crate) fn line(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() {
            return;
        }
        let panicked = line.starts_with("thread '") && line.contains(" panicked at ");
        let error = line.starts_with("error: ") || line.starts_with("error[");
        if (panicked || error || self.why_follows) && self.told.len() < TOLD {
            self.told.push(line.to_owned());
        }
        self.why_follows = panicked;
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(line.to_owned());
    }

    pub(crate) fn into_lines(self) -> Vec<String> {
        if self.told.is_empty() {
            self.last.into()
        } else {
            self.told
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LAST, Reasons, TOLD};

    fn of(lines: &[String]) -> Vec<String> {
        let mut reasons = Reasons::default();
        for line in lines {
            reasons.line(line);
        }
        reasons.into_lines()
    }

    #[test]
    fn a_panic_is_told_with_its_message() {
        let lines = [
            "test storms::one ... FAILED",
            "thread 'storms::one' (31930) panicked at client/tests/storms.rs:233:23:",
            "seed 5: begin takes longer than 20s",
            "stack backtrace:",
            "error: test failed, to rerun pass `--test storms`",
        ];
        let told = of(&lines.map(str::to_owned));
        assert_eq!(told, [lines[1], lines[2], lines[4]]);
    }

    #[test]
    fn where_nothing_is_told_the_end_is() {
        let lines: Vec<String> = (0..50).map(|i| format!("line {i}")).collect();
        assert_eq!(of(&lines), lines[50 - LAST..]);
    }

    #[test]
    fn much_is_told_in_part() {
        let lines: Vec<String> = (0..50).map(|i| format!("error: {i}")).collect();
        assert_eq!(of(&lines), lines[..TOLD]);
    }
}
