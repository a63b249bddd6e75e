//! Builds the targets with what libFuzzer needs in them.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::wait;
use crate::paths;

/// The version that is installed.
const CARGO_FUZZ: &str = "0.13.2";

/// The names of the shells.
pub(super) fn targets() -> Result<Vec<String>> {
    let dir = paths::root().join("fuzz").join("fuzz_targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        let name = path.file_stem();
        names.extend(name.map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds one target, or all, and returns the folder of the programs. With `address` they watch the memory, which a
/// nightly toolchain is needed for.
pub(super) fn build(target: Option<&str>, address: bool) -> Result<PathBuf> {
    let host = host()?;
    let folder = paths::target().join(if address { "fuzz-address" } else { "fuzz" });
    let mut build = Command::new(tool()?);
    build
        .args(["fuzz", "build", "--sanitizer"])
        .arg(if address { "address" } else { "none" })
        .args(["--target", &host, "--target-dir"])
        .arg(&folder)
        .args(target)
        .current_dir(paths::root().join("fuzz"));
    if address {
        // The one that runs this would come first.
        build.env_remove("CARGO").env("RUSTUP_TOOLCHAIN", "nightly");
    }
    if !wait(&mut build)? {
        bail!("the targets do not build; libFuzzer needs a C++ compiler");
    }
    Ok(folder.join(host).join("release"))
}

/// The tool at its version, installed unless it is there.
fn tool() -> Result<PathBuf> {
    let root = paths::root().join("target").join("tools");
    let name = format!("cargo-fuzz{}", std::env::consts::EXE_SUFFIX);
    let tool = root.join("bin").join(name);
    let version = Command::new(&tool).args(["fuzz", "--version"]).output();
    if version.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(CARGO_FUZZ)) {
        return Ok(tool);
    }
    let mut install = Command::new(paths::cargo());
    install
        .args(["install", "cargo-fuzz", "--version", CARGO_FUZZ])
        .args(["--locked", "--force", "--root"])
        .arg(root);
    if !wait(&mut install)? {
        bail!("cargo-fuzz {CARGO_FUZZ} cannot be installed");
    }
    Ok(tool)
}

/// The machine's own target triple, which names a folder.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.context("starting rustc")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .context("rustc does not say for which host it is")
}

/// Writes the inputs to begin with, the committed ones and seeds, into a folder for each of these targets; returns the
/// folder of those. `golden` adds what Kafka and other clients wrote.
pub(super) fn unpack(targets: &[&String], golden: bool) -> Result<PathBuf> {
    let dir = paths::root().join("target").join("fuzz-inputs");
    let how = if golden { "unpack-golden" } else { "unpack" };
    let mut arguments: Vec<&OsStr> = vec![how.as_ref(), dir.as_os_str()];
    arguments.extend(targets.iter().map(OsStr::new));
    corpus(&arguments)?;
    Ok(dir)
}

/// Makes the files of a folder the committed corpus of a target.
pub(super) fn pack(target: &str, dir: &Path) -> Result<()> {
    corpus(&["pack".as_ref(), target.as_ref(), dir.as_os_str()])
}

fn corpus(arguments: &[&OsStr]) -> Result<()> {
    let mut cargo = Command::new(paths::cargo());
    cargo
        .args(["run", "--quiet", "-p", "milena-fuzz-targets"])
        .args(["--example", "corpus", "--"])
        .args(arguments)
        .current_dir(paths::root());
    if !wait(&mut cargo)? {
        bail!("the corpus cannot be read or written");
    }
    Ok(())
}

/// The dictionary of a target, if it has one.
pub(super) fn dictionary(target: &str) -> Option<PathBuf> {
    let dir: &Path = &paths::root().join("fuzz").join("dictionaries");
    let file = dir.join(format!("{target}.dict"));
    file.exists().then_some(file)
}
