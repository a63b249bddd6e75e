//! Where things are: the workspace, its target folders, and what Kafka leaves behind.

use std::env;
use std::path::{Path, PathBuf};

/// The folder of the root `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Cargo's target folder, which `CARGO_TARGET_DIR` may move.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program of the workspace, where the dev profile puts it.
pub(crate) fn program(name: &str) -> PathBuf {
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    target().join("debug").join(name)
}

/// Jars, clusters and Java classes: always `target/kafka` in this checkout. `CARGO_TARGET_DIR` does not
/// move it, because several projects may share that folder, and clusters are found by their place.
pub(crate) fn kafka() -> PathBuf {
    root().join("target").join("kafka")
}

/// The `cargo` that runs this.
pub(crate) fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}
