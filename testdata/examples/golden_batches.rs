//! The Rust side of `cargo xtask golden-batches --fresh SEED`, which says how it goes.

use std::env;
use std::fs;
use std::io::{Error, Result};
use std::process::ExitCode;

use milena_testdata::batches::{self, RandomSet, Tally, describe, difference};
use serde_json::Value;

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["make", seed, cases, file] => {
            let sets = RandomSet::all(number(seed)?, number(cases)?);
            let lines: String = sets.map(|set| set.line()).collect();
            fs::write(file, lines)?;
            Ok(ExitCode::SUCCESS)
        }
        ["check", seed, cases, written_by_java, read_by_java] => {
            let (mut tally, mut mismatches) = batches::check(&fs::read_to_string(written_by_java)?);
            let read = fs::read_to_string(read_by_java)?;
            let mut read = read.lines();
            for set in RandomSet::all(number(seed)?, number(cases)?) {
                match compare(&set, read.next().unwrap_or_default()) {
                    Ok(more) => tally += more,
                    Err(mismatch) => mismatches.push(format!("{}: {mismatch}", set.name)),
                }
            }
            mismatches.extend(read.map(|line| format!("nobody asked Java for this: {line:.100}")));
            for mismatch in &mismatches {
                eprintln!("{mismatch}");
            }
            println!(
                "batches: {} batches, {} records, {} mismatches",
                tally.batches,
                tally.records,
                mismatches.len()
            );
            Ok(match mismatches.is_empty() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            })
        }
        _ => Err(Error::other(
            "make SEED CASES FILE | check SEED CASES WRITTEN_BY_JAVA READ_BY_JAVA",
        )),
    }
}

/// Compares what went into the set with what Java read, and with what we read.
fn compare(set: &RandomSet, line: &str) -> std::result::Result<Tally, String> {
    let java: Value =
        serde_json::from_str(line).map_err(|error| format!("Java's line: {error}"))?;
    let field = |name: &str| java.get(name).cloned().unwrap_or_default();
    if field("case") != set.name.as_str() {
        return Err(format!("Java speaks of {}", field("case")));
    }
    if let Some(error) = java.get("error") {
        return Err(format!("Java cannot read it: {error}"));
    }
    let ours = describe(&set.set)?;
    match difference(&field("batches"), &set.batches).or_else(|| difference(&ours, &set.batches)) {
        Some(difference) => Err(difference),
        None => Ok(Tally::of(&set.batches)),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| Error::other(format!("{text:?} is not a number")))
}
