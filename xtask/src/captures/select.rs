//! Which recorded frames are kept, under which names, and the note beside them.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::clients::Client;
use super::golden;
use super::scenario::Scenario;

/// The client id that all programs use; what others ask in the meantime is not kept.
const CLIENT_ID: &[u8] = b"capture";
/// Where the correlation id of a request is, behind the length, the API and its version.
const CORRELATION_ID: std::ops::Range<usize> = 8..12;
/// Kafka's UNSUPPORTED_VERSION.
const UNSUPPORTED_VERSION: [u8; 2] = 35_i16.to_be_bytes();

/// What is kept of a client's recordings.
#[derive(Default)]
pub(crate) struct Selection {
    /// Names and bytes, in the order of sending.
    frames: Vec<(String, Vec<u8>)>,
    /// Requests seen, without their correlation ids.
    seen: BTreeSet<Vec<u8>>,
    scenarios: Vec<String>,
}

impl Selection {
    /// Keeps all produce requests of a scenario, and of the others those that were not seen before.
    pub(crate) fn add(&mut self, scenario: &Scenario, recording: &Path) -> Result<()> {
        self.scenarios.push(scenario.to_string());
        let mut number = 0;
        for path in requests(recording)? {
            let frame = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
            if client_id(&frame) != Some(CLIENT_ID) || is_unsupported(&path)? {
                continue;
            }
            let name = path.file_stem().and_then(|name| name.to_str());
            let (_, what) = name
                .and_then(|name| name.split_once("-request-"))
                .context("the name of a recorded request")?;
            let mut content = frame.clone();
            content.drain(CORRELATION_ID);
            if self.seen.insert(content) || what.starts_with("Produce-") {
                number += 1;
                self.frames
                    .push((format!("{}.{number:02}.{what}.bin", scenario.name), frame));
            }
        }
        if number == 0 {
            bail!("{} holds no request of the client", recording.display());
        }
        Ok(())
    }

    /// Puts a client's folder in place of the one that is there. Its size in bytes.
    pub(crate) fn write(&self, client: &Client) -> Result<usize> {
        let folder = golden().join(client.folder());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut size = 0;
        for (name, frame) in &self.frames {
            size += frame.len();
            fs::write(folder.join(name), frame)?;
        }
        let mut note = format!(
            "client: {} {}\nprogram: {}\nrecorded by: milena broker --record, cargo xtask captures\n\nscenarios:\n",
            client.name,
            client.version,
            client.origin()
        );
        for scenario in &self.scenarios {
            writeln!(note, "{scenario}")?;
        }
        fs::write(folder.join("note.txt"), note)?;
        Ok(size)
    }
}

/// The recorded requests, in the order of connections and then of sending.
fn requests(recording: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(recording)? {
        let path = entry?.path();
        if path.to_string_lossy().contains("-request-") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// What every request header has behind length, API, version and correlation id.
fn client_id(frame: &[u8]) -> Option<&[u8]> {
    let (length, rest) = frame.get(CORRELATION_ID.end..)?.split_first_chunk()?;
    rest.get(..usize::try_from(i16::from_be_bytes(*length)).ok()?)
}

/// Whether a client asked for ApiVersions in a version that is newer than the broker: it says so in the oldest one.
fn is_unsupported(request: &Path) -> Result<bool> {
    let name = request.to_string_lossy();
    if !name.contains("-ApiVersions-") {
        return Ok(false);
    }
    let response = fs::read(name.replace("-request-", "-response-"))?;
    Ok(response.get(8..10) == Some(&UNSUPPORTED_VERSION))
}
