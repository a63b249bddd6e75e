//! Hands the corpus to the fuzzer, and takes it back.
//!
//! `cargo run -p milena-fuzz-targets --example corpus -- unpack DIR TARGET…` makes `DIR/TARGET/` anew for each of these
//! targets, of the committed inputs and of seeds; a fuzzer that reads the folder of another is not disturbed. Seeds are
//! inputs that go deep, for the fuzzer to begin with: it does not find its way past a length and a checksum alone. They
//! are written anew each time, so a new API, or an operation that a target has learned, is a matter of this program.
//! `unpack-golden` adds what Kafka and other clients wrote, which takes a minute.
//!
//! `… -- pack TARGET DIR` makes the inputs in `DIR` the committed ones, and keeps those that have a note.
//!
//! `cargo xtask fuzz` does both.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a tool for whoever changes the targets"
)]

mod codecs;
mod frames;
mod golden;
mod messages;
mod operations;

use std::path::Path;
use std::{env, fs, io};

use milena_fuzz_targets::corpus::{self, Entry};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["unpack", dir, _, ..] => unpack(dir, &arguments[2..]).map(drop),
        ["unpack-golden", dir, _, ..] => golden::write(&unpack(dir, &arguments[2..])?),
        ["pack", target, dir] => pack(target, dir.as_ref()),
        _ => Err(io::Error::other(
            "unpack DIR TARGET…, unpack-golden DIR TARGET…, or pack TARGET DIR",
        )),
    }
}

fn unpack<'a>(dir: &'a str, targets: &'a [&'a str]) -> io::Result<Inputs<'a>> {
    let dir = Path::new(dir);
    let inputs = Inputs { dir, targets };
    for target in targets {
        let folder = dir.join(target);
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for (n, entry) in corpus::read(target)?.iter().enumerate() {
            inputs.add(target, &n.to_string(), &entry.bytes)?;
        }
    }
    messages::write(&inputs)?;
    frames::write(&inputs)?;
    codecs::write(&inputs)?;
    operations::write(&inputs)?;
    Ok(inputs)
}

fn pack(target: &str, dir: &Path) -> io::Result<()> {
    let mut entries = corpus::read(target)?;
    entries.retain(|entry| entry.note.is_some());
    for file in fs::read_dir(dir)? {
        entries.push(Entry {
            bytes: fs::read(file?.path())?,
            note: None,
        });
    }
    corpus::write(target, entries)
}

/// The folder that has one for each target.
struct Inputs<'a> {
    dir: &'a Path,
    /// For others nothing is written.
    targets: &'a [&'a str],
}

impl Inputs<'_> {
    fn add(&self, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        if !self.targets.contains(&target) {
            return Ok(());
        }
        let dir = self.dir.join(target);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(name), bytes)
    }
}
