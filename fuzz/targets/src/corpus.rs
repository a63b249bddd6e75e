//! The committed corpus: `fuzz/corpus/TARGET.hex`, an input on each line, in hexadecimal.
//!
//! Some targets have thousands of inputs of a few bytes, one for each version of each message. As lines they are one
//! file, and a change shows which came and which went. Behind an input there may be a `#` and what it once broke; such
//! inputs stay when the corpus is made smaller.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// An input of the corpus.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// What the target is given.
    pub bytes: Vec<u8>,
    /// What it once broke.
    pub note: Option<String>,
}

/// The file of a target's corpus.
#[must_use]
pub fn file(target: &str) -> PathBuf {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    fuzz.join("corpus").join(format!("{target}.hex"))
}

/// The corpus of a target; empty where it has none yet.
///
/// # Errors
/// When the file cannot be read, or a line is no input.
pub fn read(target: &str) -> io::Result<Vec<Entry>> {
    match fs::read_to_string(file(target)) {
        Ok(text) => text.lines().map(parse).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Writes the corpus of a target, in order and each input once.
///
/// # Errors
/// When the file cannot be written.
pub fn write(target: &str, mut entries: Vec<Entry>) -> io::Result<()> {
    // Of two that are alike, one with a note comes last.
    entries.sort_by(|a, b| (&b.bytes, &b.note).cmp(&(&a.bytes, &a.note)));
    entries.dedup_by(|a, b| a.bytes == b.bytes);
    let mut text = String::new();
    for entry in entries.iter().rev() {
        for byte in &entry.bytes {
            let _ = write!(text, "{byte:02x}");
        }
        if let Some(note) = &entry.note {
            let _ = write!(text, " # {note}");
        }
        text.push('\n');
    }
    fs::write(file(target), text)
}

fn parse(line: &str) -> io::Result<Entry> {
    let (hex, note) = match line.split_once(" # ") {
        Some((hex, note)) => (hex, Some(note.to_owned())),
        None => (line, None),
    };
    let byte = |pair: &[u8]| {
        let pair = str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    match bytes {
        Some(bytes) if hex.len().is_multiple_of(2) => Ok(Entry { bytes, note }),
        _ => Err(io::Error::other(format!("not an input: {line}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_inputs() {
        let entry = |bytes: &[u8], note: Option<&str>| Entry {
            bytes: bytes.to_vec(),
            note: note.map(str::to_owned),
        };
        assert_eq!(parse("00ff").unwrap(), entry(&[0, 255], None));
        assert_eq!(parse("").unwrap(), entry(&[], None));
        let noted = parse("0a # a count that lied").unwrap();
        assert_eq!(noted, entry(&[10], Some("a count that lied")));
        assert!(parse("0").is_err() && parse("0g").is_err());
    }
}
