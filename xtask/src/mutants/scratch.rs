//! A copy of the sources, in which things are broken.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::breaks::Break;
use crate::{interrupt, paths};

/// The members of the workspace that the simulated world is made of.
const MEMBERS: [&str; 6] = [
    "protocol",
    "codec",
    "broker",
    "client/engine",
    "client/sim",
    // For the tests of others, which Cargo wants to know of.
    "testdata",
];
/// What each of them is made of.
const PARTS: [&str; 3] = ["Cargo.toml", "src", "examples"];

/// The copy. What is broken in it is whole again when the next one begins.
pub(super) struct Scratch {
    folder: PathBuf,
}

/// How a command ended.
pub(super) struct Ran {
    /// `None` if it did not come to an end.
    pub(super) success: Option<bool>,
    pub(super) output: String,
}

impl Scratch {
    /// Brings the copy up to date. Files that are the same are not written, so that Cargo builds only what is new.
    pub(super) fn new() -> Result<Self> {
        let folder = paths::target().join("mutants");
        let scratch = Self {
            folder: folder.clone(),
        };
        let root = paths::root();
        for member in MEMBERS {
            for part in PARTS {
                mirror(
                    &root.join(member).join(part),
                    &scratch.at(member).join(part),
                )?;
            }
        }
        put(
            &scratch.at("Cargo.lock"),
            &fs::read(root.join("Cargo.lock"))?,
        )?;
        let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
        let members = format!("members = {MEMBERS:?}");
        let lines = manifest.lines().map(|line| match line {
            line if line.starts_with("members = ") => members.as_str(),
            line => line,
        });
        let manifest = lines.collect::<Vec<_>>().join("\n");
        put(&scratch.at("Cargo.toml"), manifest.as_bytes())?;
        Ok(scratch)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.join("sources").join(path)
    }

    /// Breaks something as long as `f` runs.
    pub(super) fn broken<T>(&self, one: &Break, f: impl FnOnce() -> Result<T>) -> Result<T> {
        // Of what was copied: the sources may have been changed since.
        let broken = one.apply(&self.at(""))?;
        let mut whole = Vec::new();
        for (file, text) in &broken {
            let path = self.at(file);
            whole.push((path.clone(), fs::read(&path)?));
            put(&path, text.as_bytes())?;
        }
        let outcome = f();
        for (path, bytes) in whole {
            put(&path, &bytes)?;
        }
        outcome
    }

    /// Runs cargo there, for at most that long.
    pub(super) fn cargo(&self, arguments: &[&str], limit: Duration) -> Result<Ran> {
        let log = self.folder.join("output.log");
        let output = File::create(&log)?;
        let mut command = Command::new(paths::cargo());
        command
            .args(arguments)
            .current_dir(self.folder.join("sources"))
            .env("CARGO_TARGET_DIR", self.folder.join("target"))
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_INCREMENTAL", "1")
            .env("RUSTFLAGS", "-A warnings")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let started = Instant::now();
        let mut group = interrupt::spawn_group(&mut command).context("starting cargo")?;
        let success = loop {
            if let Some(status) = group.child.try_wait()? {
                break Some(status.success());
            }
            if started.elapsed() > limit {
                group.end();
                break None;
            }
            thread::sleep(Duration::from_millis(20));
        };
        let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        Ok(Ran { success, output })
    }
}

/// Makes `to` like `from`, a file or a folder; what there is not is left out.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        return put(to, &fs::read(from)?);
    }
    if !from.exists() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        mirror(&from.join(&name), &to.join(&name))?;
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            let path = entry.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}

fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let Some(folder) = path.parent() else {
        bail!("{} is no file", path.display());
    };
    fs::create_dir_all(folder)?;
    fs::write(path, bytes).with_context(|| path.display().to_string())
}
