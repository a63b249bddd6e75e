//! Whether `docs/GUARANTEES.md` names tests that exist.
//!
//! A row of its tables names tests as `[name][file]`, with the files listed below them, or a command of this program, or
//! says `not done, because`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Everything that is wrong with the page, which links relative to `folder`.
fn problems(page: &str, folder: &Path) -> Result<Vec<String>> {
    let files: BTreeMap<&str, &str> = page
        .lines()
        .filter_map(|line| line.strip_prefix('[')?.split_once("]: "))
        .collect();
    let mut problems = Vec::new();
    let mut used = Vec::new();
    for row in rows(page) {
        let tests = named(row);
        if tests.is_empty() && !row.contains("`cargo xtask ") && !row.contains("not done, because ")
        {
            problems.push(format!("names no test and no reason: {row}"));
        }
        for (test, file) in tests {
            let Some(path) = files.get(file) else {
                problems.push(format!("{file} is no file: {row}"));
                continue;
            };
            used.push(file);
            let path = folder.join(path);
            let source = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            if !is_test(&source, test) {
                problems.push(format!("{} has no test {test}", path.display()));
            }
        }
    }
    let idle = files.keys().filter(|file| !used.contains(*file));
    problems.extend(idle.map(|file| format!("no row names a test of {file}")));
    Ok(problems)
}

/// The rows of the tables, without their heads.
fn rows(page: &str) -> impl Iterator<Item = &str> {
    let lines = page.lines().zip(page.lines().skip(1));
    lines
        .filter(|(line, next)| {
            line.starts_with('|') && !line.starts_with("|-") && !next.starts_with("|-")
        })
        .map(|(line, _)| line)
}

/// Tests and files of `[test][file]`.
fn named(row: &str) -> Vec<(&str, &str)> {
    let links = row.match_indices("][");
    links
        .filter_map(|(at, mark)| {
            let (before, after) = (row.get(..at)?, row.get(at + mark.len()..)?);
            Some((before.rsplit_once('[')?.1, after.split_once(']')?.0))
        })
        .collect()
}

/// Whether the source has a function of that name that is a test, or that is made one of by `everywhere!`.
fn is_test(source: &str, name: &str) -> bool {
    let heads = [format!("fn {name}("), format!("async fn {name}(")];
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let is_head = |line: &&str| heads.iter().any(|head| line.starts_with(head.as_str()));
    let marked = lines.iter().enumerate().any(|(at, line)| {
        let attributes = lines
            .iter()
            .take(at)
            .rev()
            .take_while(|line| line.starts_with("#["));
        is_head(line) && attributes.into_iter().any(|line| is_mark(line))
    });
    let spread = source.split("everywhere! {").skip(1);
    marked
        || spread
            .filter_map(|rest| rest.split('}').next())
            .any(|block| block.split_whitespace().any(|word| word == name))
}

fn is_mark(attribute: &str) -> bool {
    ["#[test]", "#[tokio::test"]
        .iter()
        .any(|mark| attribute.starts_with(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;

    #[test]
    fn every_test_that_the_page_names_exists() {
        let docs = paths::root().join("docs");
        let page = fs::read_to_string(docs.join("GUARANTEES.md")).unwrap();
        assert!(rows(&page).count() > 120, "the tables are not found");
        let problems = problems(&page, &docs).unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    #[test]
    fn what_does_not_exist_is_noticed() {
        let page = "| promise | held by |\n|---|---|\n\
            | one | [what_does_not_exist_is_noticed][this] |\n\
            | two | [made_up][this] |\n\
            | three | [is_test][this] |\n\
            | four | |\n\
            | five | not done, because of the example |\n\
            | six | [anything][nowhere] |\n\
            | seven | `cargo xtask test` |\n\n\
            [this]: xtask/src/guarantees.rs\n[idle]: xtask/src/main.rs\n";
        let problems = problems(page, &paths::root()).unwrap();
        let about = |text: &str| {
            problems
                .iter()
                .filter(|problem| problem.contains(text))
                .count()
        };
        assert_eq!(about("made_up"), 1, "{problems:?}");
        assert_eq!(
            about("no test is_test"),
            1,
            "a function is no test: {problems:?}"
        );
        assert_eq!(about("four"), 1, "{problems:?}");
        assert_eq!(about("nowhere is no file"), 1, "{problems:?}");
        assert_eq!(about("test of idle"), 1, "{problems:?}");
        assert_eq!(problems.len(), 5, "{problems:?}");
    }
}
