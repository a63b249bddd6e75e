//! The conversation with Kafka's side.

use std::error::Error;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::thread;

use milena_testdata::messages::{Line, hex, ours};

use super::{Ask, name};

/// How the kinds of our own cases begin.
const OURS: &str = "ours-";

/// Of our own cases those that could not be sent: message, version, kind, and why.
type Failed = Vec<(&'static str, i16, String, String)>;

/// Starts Kafka's side, has it read our cases if they are wanted, and hands on what it says, to the end.
pub(super) fn talk(
    java: &[&str],
    ask: &Ask,
    each: &mut dyn FnMut(&str, &Line<'_>),
) -> Result<Failed, Box<dyn Error>> {
    let (program, arguments) = java.split_first().ok_or("no command after --")?;
    let mut command = Command::new(program);
    command.args(arguments);
    command.args(["--seed", &ask.seed.to_string()]);
    command.args(["--random", &ask.cases.to_string()]);
    if let Some(only) = &ask.only {
        command.args(["--only", only]);
    }
    if ask.both {
        command.arg("--answer");
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let to = child.stdin.take().ok_or("no way to speak to Java")?;
    let from = BufReader::new(child.stdout.take().ok_or("no way to hear Java")?);

    // Written while what Java says is read, or both would wait for the other to read.
    let asked = ask.clone();
    let sender = thread::spawn(move || send(to, &asked));
    let (mut ended, mut answers) = (false, 0);
    for text in from.lines() {
        let text = text?;
        let line = Line::parse(&text)?;
        ended |= line == Line::End;
        answers += usize::from(matches!(&line, Line::Case(case) if case.kind.starts_with(OURS)));
        each(&text, &line);
    }
    let sent = sender.join().map_err(|_| "making our cases panicked")?;
    let status = child.wait()?;
    if !status.success() || !ended {
        return Err(format!("Java ended before its time, with {status}").into());
    }
    let (sent, failed) = sent?;
    if sent != answers {
        return Err(format!("Java answered {answers} of {sent} messages").into());
    }
    Ok(failed)
}

/// Sends our cases, and says how many they were.
fn send(to: ChildStdin, ask: &Ask) -> io::Result<(usize, Failed)> {
    let (mut sent, mut failed) = (0, Failed::new());
    if !ask.both {
        return Ok((sent, failed));
    }
    let mut to = BufWriter::new(to);
    for (message, version, kind, bytes) in ours(ask.seed, ask.cases) {
        if !ask.wants(&name(message, version, &kind)) {
            continue;
        }
        match bytes {
            Ok(bytes) => {
                writeln!(to, "{message} {version} {kind} {}", hex(&bytes))?;
                sent += 1;
            }
            Err(error) => failed.push((message, version, kind, error)),
        }
    }
    to.flush()?;
    Ok((sent, failed))
}
