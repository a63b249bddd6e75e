//! `cargo xtask simulate`: builds the simulated world for speed, and plays it.

use std::ffi::OsString;

use anyhow::{Context, Result};

use crate::{interrupt, test::plan};

/// True when every promise was kept.
pub(crate) fn command(arguments: &[OsString]) -> Result<bool> {
    let mut command = plan::cargo(&["run", "--quiet", "--release", "-p", "milena-sim", "--"]);
    command.args(arguments);
    let mut group = interrupt::spawn_group(&mut command).context("starting cargo")?;
    Ok(group.child.wait()?.success())
}
