//! What a producer was configured to do, as the engine needs it.

use std::time::Duration;

use milena_codec::Compression;
use milena_protocol::Str;

use crate::backoff::Backoff;

/// Which acknowledgements a produce request asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acks {
    /// 0: no answer at all; a record counts as delivered once it is written to the connection.
    None,
    /// 1: the leader has appended the record to its log.
    Leader,
    /// -1 or `all`: every in-sync replica has it.
    #[default]
    All,
}

impl Acks {
    /// The number that stands on the wire.
    pub const fn wire(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Leader => 1,
            Self::All => -1,
        }
    }
}

/// The settings of one producer. Whoever makes it has checked that they fit together.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a request asks the broker to wait for.
    pub acks: Acks,
    /// Whether batches carry a producer id and sequence numbers, so that the broker drops repeats.
    pub idempotent: bool,
    /// The id under which a transaction coordinator knows the producer, if its records belong to transactions. Needs
    /// `idempotent`.
    pub transactional_id: Option<Str>,
    /// Bytes at which a batch is full, its header included. A record that is larger gets a batch of its own.
    pub batch_size: usize,
    /// How long an open batch waits for more records.
    pub linger: Duration,
    /// Requests on one connection, and unsettled batches of one partition, at a time.
    pub max_in_flight: usize,
    /// Bytes of record batches in one request; a single larger batch still goes, alone.
    pub max_request_size: usize,
    /// From the creation of a batch to its success or failure.
    pub delivery_timeout: Duration,
    /// How long an answer may take; the broker is told the same.
    pub request_timeout: Duration,
    /// Attempts after the first.
    pub retries: u32,
    /// Wait between attempts.
    pub retry_backoff: Backoff,
    /// How batches are compressed.
    pub compression: Compression,
}

impl Settings {
    /// Size of the buffers that batches are written into: no larger than a batch, so that many small batches do not
    /// hold memory they never fill, and no larger than 32 KiB, so that a buffer is still in cache when it is sent.
    pub fn chunk_size(&self) -> usize {
        self.batch_size.clamp(512, 32 * 1024)
    }
}
