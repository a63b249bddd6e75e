//! Hands the corpus to the fuzzer, and takes it back.
//!
//! `cargo run -p milena-fuzz-targets --example corpus -- unpack DIR` fills `DIR/TARGET/` for every target: with the
//! committed inputs, and with seeds. Seeds are inputs that go deep, for the fuzzer to begin with: it does not find its
//! way past a length and a checksum alone. They are written anew each time, so a new API, or an operation that a target
//! has learned, is a matter of this program. `unpack DIR golden` adds what Kafka and other clients wrote, which takes a
//! minute.
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

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use milena_fuzz_targets::corpus::{self, Entry};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["unpack", dir] => unpack(dir.into()).map(drop),
        ["unpack", dir, "golden"] => golden::write(&unpack(dir.into())?),
        ["pack", target, dir] => pack(target, dir.as_ref()),
        _ => Err(io::Error::other("unpack DIR [golden], or pack TARGET DIR")),
    }
}

fn unpack(dir: PathBuf) -> io::Result<Inputs> {
    if dir.exists() {
        fs::remove_dir_all(&dir)?;
    }
    let inputs = Inputs(dir);
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus");
    for file in fs::read_dir(corpus)? {
        let path = file?.path();
        let target = path.file_stem().unwrap_or_default().to_string_lossy();
        for (n, entry) in corpus::read(&target)?.iter().enumerate() {
            inputs.add(&target, &n.to_string(), &entry.bytes)?;
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
struct Inputs(PathBuf);

impl Inputs {
    fn add(&self, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let dir = self.0.join(target);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(name), bytes)
    }
}
