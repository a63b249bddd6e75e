//! Writes the seeds of every target: `cargo run -p milena-fuzz-targets --example seeds -- DIR` fills `DIR/TARGET/`.
//!
//! Seeds are inputs that go deep, for the fuzzer to begin with: it does not find its way past a length and a checksum
//! alone. `cargo xtask fuzz` writes them anew before it runs, so a new API, or an operation that a target has learned,
//! is a matter of this program.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    reason = "run by hand, by whoever has changed the targets"
)]

mod codecs;
mod frames;
mod messages;
mod operations;

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let dir = env::args_os().nth(1);
    let dir = dir.ok_or_else(|| io::Error::other("the folder for the seeds is missing"))?;
    let seeds = Seeds(dir.into());
    messages::write(&seeds)?;
    frames::write(&seeds)?;
    codecs::write(&seeds)?;
    operations::write(&seeds)
}

/// The folder that has one for each target.
struct Seeds(PathBuf);

impl Seeds {
    fn add(&self, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let dir = self.0.join(target);
        fs::create_dir_all(&dir)?;
        fs::write(dir.join(name), bytes)
    }
}
