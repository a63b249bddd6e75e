//! Our side of `cargo xtask golden`; Kafka's side is the Java program `milena.Golden`.
//!
//! ```text
//! golden rewrite -- JAVA…                     writes the committed corpus anew
//! golden fresh SEED CASES [ONLY] -- JAVA…     has both sides make cases that nobody has seen
//! ```
//!
//! `JAVA…` is the command that starts the program. Both sides talk through pipes, and nothing but the corpus is
//! written. The last line has the figures; the status is 1 if there is a mismatch.

mod kafka;
mod tally;

use std::error::Error;
use std::process::ExitCode;

use milena_testdata::messages::{self, Line};

use tally::Tally;

/// What to make cases of.
#[derive(Clone)]
struct Ask {
    seed: u64,
    /// Random cases of each version of each message, of either side.
    cases: u32,
    only: Option<String>,
    /// Whether we make cases too.
    both: bool,
}

impl Ask {
    fn wants(&self, case: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == case)
    }
}

/// A case as `--only` takes it.
fn name(message: &str, version: i16, kind: &str) -> String {
    format!("{message}:{version}:{kind}")
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut parts = arguments.splitn(2, |argument| *argument == "--");
    match (parts.next(), parts.next()) {
        (Some(["rewrite"]), Some(java)) => rewrite(java),
        (Some(["fresh", seed, cases, only @ ..]), Some(java)) => {
            let ask = Ask {
                seed: seed.parse()?,
                cases: cases.parse()?,
                only: only.first().map(ToString::to_string),
                both: true,
            };
            fresh(java, &ask)
        }
        _ => Err("golden rewrite -- JAVA… | golden fresh SEED CASES [ONLY] -- JAVA…".into()),
    }
}

/// Keeps what Kafka writes, a file for each API.
fn rewrite(java: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
    let ask = Ask {
        seed: 0,
        cases: 4,
        only: None,
        both: false,
    };
    let mut tally = Tally::default();
    let mut kafka = String::new();
    let mut files: Vec<(String, String)> = Vec::new();
    kafka::talk(java, &ask, &mut |text, line| {
        if let (Line::Api(_) | Line::End, Some((_, file))) = (line, files.last_mut()) {
            file.push_str("end\n");
        }
        match line {
            Line::Kafka(_) => kafka = format!("{text}\n"),
            Line::Api(api) => files.push((api.name.to_owned(), format!("{kafka}{text}\n"))),
            Line::Case(_) => files.iter_mut().last().into_iter().for_each(|(_, file)| {
                file.extend([text, "\n"]);
            }),
            Line::End => {}
        }
        tally.line(line);
    })?;
    let bytes = messages::write(&files)?;
    println!(
        "{} files of {bytes} bytes in testdata/messages",
        files.len()
    );
    Ok(tally.verdict("cargo xtask golden --fresh 0 --cases 4 --only"))
}

fn fresh(java: &[&str], ask: &Ask) -> Result<ExitCode, Box<dyn Error>> {
    let Ask { seed, cases, .. } = ask;
    println!("seed {seed}, and {cases} random cases of each side for each version of each message");
    let mut tally = Tally::default();
    let failed = kafka::talk(java, ask, &mut |text, line| {
        if ask.only.is_some() && matches!(line, Line::Case(_)) {
            println!("{text}");
        }
        tally.line(line);
    })?;
    if let (Some(only), true) = (&ask.only, tally.is_empty() && failed.is_empty()) {
        return Err(format!("there is no case {only}").into());
    }
    for (message, version, kind, error) in failed {
        tally.mismatch(message, Some((version, &kind)), &error);
    }
    Ok(tally.verdict(&format!(
        "cargo xtask golden --fresh {seed} --cases {cases} --only"
    )))
}
