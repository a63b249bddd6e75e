//! What was asked of the cluster: a count by API, and the latest requests one by one.

use std::collections::{BTreeMap, VecDeque};

use milena_protocol::ApiKey;

/// One request, as the cluster saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestEntry {
    /// When it came, in ms on the cluster's clock.
    pub at: i64,
    /// The node it came to.
    pub node: i32,
    /// The number of its connection.
    pub connection: u64,
    /// Its API.
    pub api: ApiKey,
    /// Its version.
    pub version: i16,
    /// Its correlation id.
    pub correlation_id: i32,
    /// The client id in its header.
    pub client_id: Option<String>,
    /// Its size in bytes, without the length prefix.
    pub bytes: usize,
    /// It came before the time was over for which the connection was throttled.
    pub while_throttled: bool,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// Answered, or waiting for records to answer with.
    Answered,
    /// Applied; no answer was asked for.
    Silent,
    /// A fault kept it from being applied.
    Lost,
    /// Applied, but a fault kept back or spoilt the answer.
    AnswerLost,
    /// Not understood or not served: the connection was closed.
    Refused,
}

#[derive(Debug)]
pub(crate) struct Journal {
    latest: VecDeque<RequestEntry>,
    capacity: usize,
    counts: BTreeMap<i16, u64>,
}

impl Journal {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            latest: VecDeque::new(),
            capacity,
            counts: BTreeMap::new(),
        }
    }

    pub(crate) fn write(&mut self, entry: RequestEntry) {
        *self.counts.entry(entry.api.0).or_default() += 1;
        if self.capacity == 0 {
            return;
        }
        if self.latest.len() == self.capacity {
            self.latest.pop_front();
        }
        self.latest.push_back(entry);
    }

    /// Corrects the fate of the latest entry.
    pub(crate) fn settle(&mut self, fate: Fate) {
        if let Some(entry) = self.latest.back_mut() {
            entry.fate = fate;
        }
    }

    pub(crate) fn latest(&self) -> impl Iterator<Item = &RequestEntry> {
        self.latest.iter()
    }

    pub(crate) fn count(&self, api: ApiKey) -> u64 {
        self.counts.get(&api.0).copied().unwrap_or(0)
    }
}
