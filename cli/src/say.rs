//! Lines on standard output and standard error, whatever has become of these.

use std::{
    fmt::Display,
    io::{self, Write, stderr, stdout},
};

use anyhow::Context;

/// A line on standard output; whoever does not read it does not mind.
///
/// # Errors
///
/// When it cannot be written, unless that is because its reader has gone.
pub(crate) fn say(line: impl Display) -> anyhow::Result<()> {
    match writeln!(stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("standard output cannot be written")
        }
        _ => Ok(()),
    }
}

/// A line on standard error, as it is. There is nobody to tell when it cannot be written.
pub(crate) fn note(line: impl Display) {
    // In one piece, so that lines of several threads do not mix.
    let _ = stderr().write_all(format!("{line}\n").as_bytes());
}

/// A line on standard error about something that went wrong.
pub(crate) fn warn(line: impl Display) {
    note(format_args!("milena: {line}"));
}
