//! What has come of it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use milena_protocol::apis;
use milena_testdata::messages::{Line, check, check_api};

use super::name;

/// Mismatches that are shown of each version of each message: where one field is wrong, every case is.
const SHOWN: usize = 2;

/// The figures, and the mismatches by message and version.
#[derive(Default)]
pub(super) struct Tally {
    apis: BTreeSet<i16>,
    api_versions: usize,
    cases: usize,
    mismatches: BTreeMap<(String, Option<i16>), Vec<Mismatch>>,
}

struct Mismatch {
    /// For `--only`, if a case is meant.
    case: Option<String>,
    what: String,
}

impl Tally {
    /// Checks what a line says.
    pub(super) fn line(&mut self, line: &Line<'_>) {
        match line {
            Line::Api(api) => {
                self.apis.insert(api.key);
                self.api_versions += usize::from(api.versions.0.abs_diff(api.versions.1)) + 1;
                if let Err(difference) = check_api(api) {
                    self.mismatch(api.name, None, &difference);
                }
            }
            Line::Case(case) => {
                self.cases += 1;
                if let Err(difference) = check(case) {
                    self.mismatch(case.message, Some((case.version, case.kind)), &difference);
                }
            }
            Line::End => {
                let mut ours = apis().iter();
                while let Some(api) = ours.find(|api| !self.apis.contains(&api.key.0)) {
                    self.mismatch(api.name, None, "Kafka's brokers do not have it");
                }
            }
            Line::Kafka(_) => {}
        }
    }

    /// Whether there was no case.
    pub(super) fn is_empty(&self) -> bool {
        self.cases == 0
    }

    /// Adds what differs in an API, or in a case of one of its messages.
    pub(super) fn mismatch(&mut self, name_of: &str, case: Option<(i16, &str)>, what: &str) {
        let key = (name_of.to_owned(), case.map(|(version, _)| version));
        self.mismatches.entry(key).or_default().push(Mismatch {
            case: case.map(|(version, kind)| name(name_of, version, kind)),
            what: what.to_owned(),
        });
    }

    /// Prints all of it. `replay` and the name of a case are the command that shows the case.
    pub(super) fn verdict(&self, replay: &str) -> ExitCode {
        for ((name, version), mismatches) in &self.mismatches {
            let version = version.map_or_else(String::new, |version| format!(" v{version}"));
            let count = mismatches.len();
            println!("{name}{version}: {count} mismatches");
            for Mismatch { case, what } in mismatches.iter().take(SHOWN) {
                println!("  {what}");
                if let Some(case) = case {
                    println!("    {replay} {case}");
                }
            }
        }
        let mismatches: usize = self.mismatches.values().map(Vec::len).sum();
        println!(
            "golden: {} apis, {} api-versions, {} cases, {mismatches} mismatches",
            self.apis.len(),
            self.api_versions,
            self.cases
        );
        ExitCode::from(u8::from(mismatches > 0))
    }
}
