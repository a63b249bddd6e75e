//! What a client is asked to send, and how.

use std::fmt;
use std::fs;

use anyhow::{Context, Result};

use super::golden;

/// What every client can send.
pub(crate) const PLAIN: &[&str] = &["records.txt"];
/// And more than a block of any codec.
pub(crate) const LARGE: &[&str] = &["records.txt", "large.txt"];

/// One run of a client.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    compression: &'static str,
    acks: &'static str,
    /// none, idempotent or transactional.
    identity: &'static str,
    /// The version of Kafka to talk as to, or newest.
    speaks: &'static str,
    /// The files of records.
    files: Vec<&'static str>,
}

impl Scenario {
    /// Records with a producer id, acknowledged by all replicas.
    pub(crate) fn idempotent(name: &'static str, compression: &'static str) -> Self {
        let files = if compression == "none" { PLAIN } else { LARGE };
        Self {
            name,
            compression,
            acks: "all",
            identity: "idempotent",
            speaks: "newest",
            files: files.to_vec(),
        }
    }

    /// The same without a producer id.
    pub(crate) fn plain(name: &'static str, compression: &'static str, acks: &'static str) -> Self {
        Self {
            acks,
            identity: "none",
            ..Self::idempotent(name, compression)
        }
    }

    /// The beginning of a transactional producer, which the broker refuses. No record is sent.
    pub(crate) fn transactional() -> Self {
        Self {
            identity: "transactional",
            files: Vec::new(),
            ..Self::idempotent("transactional", "none")
        }
    }

    /// Every codec, every kind of acknowledgement, and the beginning of a transaction.
    pub(crate) fn every() -> Vec<Self> {
        let mut every = Self::codecs();
        every.extend([
            Self::plain("acks-all", "none", "all"),
            Self::plain("acks-1", "none", "1"),
            Self::plain("acks-0", "none", "0"),
            Self::transactional(),
        ]);
        every
    }

    /// Every codec, with a producer id.
    pub(crate) fn codecs() -> Vec<Self> {
        ["none", "gzip", "snappy", "lz4", "zstd"]
            .map(|codec| Self::idempotent(codec, codec))
            .into()
    }

    /// The same to a client that talks as to this version of Kafka.
    pub(crate) fn speaking(self, speaks: &'static str) -> Self {
        Self { speaks, ..self }
    }

    /// The same with one more file of records, if it sends any.
    pub(crate) fn and(mut self, file: &'static str) -> Self {
        if !self.files.is_empty() {
            self.files.push(file);
        }
        self
    }

    /// Whether it must fail.
    pub(crate) fn is_refused(&self) -> bool {
        self.identity == "transactional"
    }

    /// What the client's program takes, behind the address and the topic.
    pub(crate) fn arguments(&self) -> Vec<&'static str> {
        let mut arguments = vec![self.compression, self.acks, self.identity, self.speaks];
        arguments.extend(&self.files);
        arguments
    }

    /// How many records it sends.
    pub(crate) fn records(&self) -> Result<usize> {
        let mut records = 0;
        for file in &self.files {
            let path = golden().join(file);
            let text = fs::read_to_string(&path);
            let text = text.with_context(|| format!("reading {}", path.display()))?;
            records += text.lines().filter(|line| !line.starts_with('#')).count();
        }
        Ok(records)
    }
}

/// The line that stands for it in a note.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            compression,
            acks,
            identity,
            speaks,
            files,
        } = self;
        write!(
            f,
            "{name}: compression {compression}, acks {acks}, identity {identity}, speaks {speaks}, records {}",
            if files.is_empty() {
                "none".to_owned()
            } else {
                files.join(" ")
            }
        )
    }
}
