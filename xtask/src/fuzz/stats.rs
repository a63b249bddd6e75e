//! What libFuzzer says about a run.

/// What came of a run, or of several at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Stats {
    pub(super) executions: u64,
    pub(super) edges: u64,
    pub(super) features: u64,
}

impl Stats {
    /// Reads a log. What it does not say is 0.
    pub(super) fn of(log: &str) -> Self {
        let ran = log.lines().rev().find(|line| {
            line.starts_with('#') && line.contains(" cov: ") && line.contains(" ft: ")
        });
        let of_ran = |name| ran.map_or(0, |line| number_after(line, name));
        let executions = log
            .lines()
            .find(|line| line.starts_with(EXECUTIONS))
            .map_or_else(
                || ran.map_or(0, |line| number_after(&line.replacen('#', "# ", 1), "#")),
                |line| number_after(line, EXECUTIONS),
            );
        Self {
            executions,
            edges: of_ran("cov:"),
            features: of_ran("ft:"),
        }
    }

    /// Runs side by side share what they find, so the best of them stands for all.
    pub(super) fn beside(self, other: &Self) -> Self {
        Self {
            executions: self.executions + other.executions,
            edges: self.edges.max(other.edges),
            features: self.features.max(other.features),
        }
    }
}

const EXECUTIONS: &str = "stat::number_of_executed_units:";

fn number_after(line: &str, name: &str) -> u64 {
    let mut words = line.split_whitespace().skip_while(|word| *word != name);
    words.nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Whether a line of a failed run says what failed, or where the input is.
pub(super) fn tells(line: &str) -> bool {
    [
        "panicked at",
        "SUMMARY:",
        "ERROR:",
        "error:",
        "Test unit written to",
    ]
    .iter()
    .any(|sign| line.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_summed_up() {
        let log = "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 30Mb\n\
                   #8192\tDONE   cov: 120 ft: 340 corp: 17/210b lim: 80 exec/s: 400 rss: 31Mb\n\
                   stat::number_of_executed_units: 8200\n";
        let stats = Stats {
            executions: 8200,
            edges: 120,
            features: 340,
        };
        assert_eq!(Stats::of(log), stats);
        // One that crashed has no end.
        let cut = log.lines().take(2).collect::<Vec<_>>().join("\n");
        assert_eq!(Stats::of(&cut).executions, 8192);
        assert_eq!(Stats::of("nothing of that"), Stats::default());
        let both = stats.clone().beside(&Stats {
            edges: 130,
            ..stats
        });
        assert_eq!((both.executions, both.edges), (16400, 130));
    }
}
