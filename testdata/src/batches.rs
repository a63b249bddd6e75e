//! Record sets: those that Apache's classes wrote, with what these read out of them, and ours for them to read.
//!
//! A case is a line of JSON; the head of `java/src/main/java/milena/GoldenBatches.java` describes it. The committed
//! cases are in `batches/cases.jsonl.gz`, which `zcat` shows and `cargo xtask golden-batches` rewrites.

mod describe;
mod random;
mod rebuild;

use std::fs;
use std::io;
use std::ops::AddAssign;
use std::path::Path;

use bytes::Bytes;
use milena_codec::{Batch, Batches, CompressionType, Decompressor};
use serde_json::Value;

pub use describe::{describe, difference};
pub use random::RandomSet;

/// A record set, and what Java read out of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// Each batch is of format 2 and one that a producer can make.
    pub built: bool,
    /// The bytes.
    pub set: Bytes,
    /// What Java read.
    pub batches: Value,
}

/// What was found to be alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Batches; each message of an older format is one.
    pub batches: usize,
    /// Records.
    pub records: usize,
    /// Batches that our builder made anew from their records, byte for byte up to their compression.
    pub rebuilt: usize,
}

impl Tally {
    /// Counts the batches of a description.
    #[must_use]
    pub fn of(batches: &Value) -> Self {
        let batches = batches.as_array().map(Vec::as_slice).unwrap_or_default();
        let records = batches
            .iter()
            .filter_map(|batch| batch.get("records")?.as_array());
        Self {
            batches: batches.len(),
            records: records.map(Vec::len).sum(),
            rebuilt: 0,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.batches += other.batches;
        self.records += other.records;
        self.rebuilt += other.rebuilt;
    }
}

/// The committed cases, as lines.
///
/// # Errors
/// When the file is not there, or is no gzip file.
pub fn corpus() -> io::Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("batches/cases.jsonl.gz");
    let packed = Bytes::from(fs::read(file)?);
    let text = Decompressor::default().decompress(CompressionType::Gzip, &packed);
    String::from_utf8(text.map_err(io::Error::other)?.into()).map_err(io::Error::other)
}

impl Case {
    /// Reads a line.
    ///
    /// # Errors
    /// In words what is wrong with it.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut case: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let text = |name: &str| match case.get(name) {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(format!("a line without {name:?}")),
        };
        Ok(Self {
            name: text("case")?,
            built: case.get("built") == Some(&Value::from(1)),
            set: from_hex(&text("set")?)?,
            batches: case.get_mut("batches").map(Value::take).unwrap_or_default(),
        })
    }

    /// Reads the set and compares with what Java read; makes its batches anew from what was read, and compares with
    /// what Java wrote.
    ///
    /// # Errors
    /// In words the first difference.
    pub fn check(&self) -> Result<Tally, String> {
        let ours = describe(&self.set)?;
        if let Some(difference) = difference(&self.batches, &ours) {
            return Err(difference);
        }
        let mut tally = Tally::of(&ours);
        for batch in Batches::exact(self.set.clone()) {
            let batch = batch.map_err(|error| error.to_string())?;
            match &batch {
                Batch::Current(batch) if self.built => {
                    rebuild::batch(batch)?;
                    tally.rebuilt += 1;
                }
                Batch::Current(batch) => rebuild::header(batch)?,
                Batch::Legacy(_) if self.built => return Err("nobody builds these".to_owned()),
                Batch::Legacy(_) => {}
            }
        }
        Ok(tally)
    }
}

/// Checks the cases, one in a line, and gives the mismatches with the case's name in front.
pub fn check(lines: &str) -> (Tally, Vec<String>) {
    let (mut tally, mut mismatches) = (Tally::default(), Vec::new());
    for line in lines.lines() {
        match Case::parse(line).and_then(|case| {
            case.check()
                .map_err(|mismatch| format!("{}: {mismatch}", case.name))
        }) {
            Ok(more) => tally += more,
            Err(mismatch) => mismatches.push(mismatch),
        }
    }
    (tally, mismatches)
}

fn from_hex(text: &str) -> Result<Bytes, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(byte).collect();
    bytes
        .map(Bytes::from)
        .ok_or_else(|| format!("{text:.40} is not hexadecimal"))
}

fn to_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .filter_map(|digit| DIGITS.get(usize::from(digit)))
        .map(|&digit| char::from(digit))
        .collect()
}
