//! `fuzz/LEDGER.md`: how long each target has run in all sittings, and what came of it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::stats::Stats;

const HEAD: &str = "\
# Fuzzing, over all sittings

`cargo xtask fuzz --ledger` adds its run to this table. CPU time, executions and failures are sums over all runs that
were entered; edges and features are what the last run reached, which every change of the code changes; the corpus is
the committed one, and the bytes are those of its file, which is text. What failed has been settled: see [FINDINGS.md](FINDINGS.md).

| target | CPU seconds | executions | edges | features | inputs | bytes | failures |
|---|---:|---:|---:|---:|---:|---:|---:|
";

/// A run to be entered.
pub(super) struct Run<'a> {
    pub(super) target: &'a str,
    pub(super) cpu: Duration,
    pub(super) stats: Stats,
    /// Inputs of the committed corpus, and the bytes of its file.
    pub(super) corpus: (u64, u64),
    pub(super) failures: u64,
}

/// The numbers of a row, in its order.
type Row = [u64; 7];

/// Adds a run to the file.
pub(super) fn enter(file: &Path, run: &Run<'_>) -> Result<()> {
    let text = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, with(&text, run)).with_context(|| format!("writing {}", file.display()))
}

fn with(text: &str, run: &Run<'_>) -> String {
    let mut rows: BTreeMap<String, Row> = text.lines().filter_map(row).collect();
    let row = rows.entry(run.target.to_owned()).or_default();
    let Stats {
        executions,
        edges,
        features,
    } = run.stats;
    let (inputs, bytes) = run.corpus;
    let [cpu_before, executions_before, .., failures_before] = *row;
    *row = [
        cpu_before + run.cpu.as_secs(),
        executions_before + executions,
        edges,
        features,
        inputs,
        bytes,
        failures_before + run.failures,
    ];
    let mut out = HEAD.to_owned();
    for (target, row) in rows {
        let numbers = row.map(|number| number.to_string()).join(" | ");
        out.push_str(&format!("| `{target}` | {numbers} |\n"));
    }
    out
}

fn row(line: &str) -> Option<(String, Row)> {
    let cells: Vec<_> = line.split('|').map(str::trim).collect();
    let [_, target, numbers @ .., _] = &cells[..] else {
        return None;
    };
    let target = target.strip_prefix('`')?.strip_suffix('`')?;
    let numbers: Option<Vec<u64>> = numbers.iter().map(|cell| cell.parse().ok()).collect();
    Some((target.to_owned(), numbers?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(target: &str, failures: u64) -> Run<'_> {
        let stats = Stats {
            executions: 1000,
            edges: 20 + failures,
            features: 30,
        };
        Run {
            target,
            cpu: Duration::from_millis(59_900),
            stats,
            corpus: (4, 567),
            failures,
        }
    }

    #[test]
    fn runs_add_up() {
        let once = with("", &run("message", 0));
        let other = with(&once, &run("batch", 0));
        let twice = with(&other, &run("message", 1));
        let rows: Vec<_> = twice.lines().filter_map(row).collect();
        assert_eq!(
            rows,
            [
                ("batch".to_owned(), [59, 1000, 20, 30, 4, 567, 0]),
                ("message".to_owned(), [118, 2000, 21, 30, 4, 567, 1]),
            ]
        );
        assert!(twice.starts_with(HEAD));
    }
}
