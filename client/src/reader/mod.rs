//! Reading a topic without a consumer group.

mod aborted;
mod builder;
mod cursor;
mod fetch;
mod isolation;
mod offsets;

use std::{
    collections::BTreeSet,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use milena_codec::{Decompressor, Headers};
use milena_engine::{
    backoff::Rng,
    cluster::{NodeId, TopicView},
};
use milena_protocol::Uuid;
use tokio::{task::JoinSet, time::Instant};
use tracing::warn;

pub use self::{builder::ReaderBuilder, isolation::IsolationLevel};
use self::{cursor::Cursor, fetch::Fetched};
use crate::{Client, error::ReadError, io::pool::Purpose};

/// How often the topic is reported as used, so that it is not forgotten.
const IN_USE: Duration = Duration::from_secs(60);

/// Reads records from one or all partitions of a topic; made by [`Client::reader`].
///
/// Records of one partition come in the order of their offsets; partitions take turns. What has been fetched is shared
/// with the records, not copied. Records of open and aborted transactions are among them unless
/// [`isolation_level`](ReaderBuilder::isolation_level) says otherwise; the markers that end transactions never are.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let cluster = milena_broker::Cluster::builder().topic("orders", 3).start().await?;
/// # let client = milena::Client::builder(cluster.bootstrap()).connect().await?;
/// let mut reader = client.reader("orders").from_beginning().to_end().build().await?;
/// while let Some(record) = reader.next().await {
///     let record = record?;
///     println!("{}-{}: {:?}", record.partition, record.offset, record.value);
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reader {
    client: Client,
    topic: Arc<str>,
    topic_id: Uuid,
    settings: FetchSettings,
    cursors: Vec<Cursor>,
    /// The cursor whose turn it is.
    turn: usize,
    fetches: JoinSet<Fetched>,
    /// Brokers that a fetch is under way to.
    busy: BTreeSet<NodeId>,
    decompressor: Decompressor,
    purpose: Purpose,
    rng: Rng,
    reported: Instant,
}

/// How much is fetched at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchSettings {
    max_wait: Duration,
    min_bytes: i32,
    max_bytes: i32,
    partition_max_bytes: i32,
    max_decompressed: usize,
    isolation_level: IsolationLevel,
}

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds since 1970, by the producer's clock or the broker's, as the topic is set up.
    pub timestamp: i64,
    /// The key; `None` is null, which is not empty.
    pub key: Option<Bytes>,
    /// The value; `None` is null, a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// Headers, in order; names may repeat.
    pub headers: Headers,
}

impl Reader {
    /// The next record; `None` when the end was reached and reading [stops there](ReaderBuilder::to_end).
    ///
    /// An error is about one partition. After one that time may mend, the next call goes on where this one failed; after
    /// another, that partition is left out. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<ReceivedRecord, ReadError>> {
        loop {
            while let Some(done) = self.fetches.try_join_next() {
                self.handle_fetched(done);
            }
            if let Some(record) = self.take() {
                return Some(record);
            }
            if self.cursors.iter().all(Cursor::is_finished) {
                return None;
            }
            let now = Instant::now();
            self.start_fetches(now);
            // There may be something to tell without anything being fetched.
            if !self.cursors.iter().any(Cursor::has_error) {
                self.wait(now).await;
            }
        }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// For each partition being read: its number and the offset of the record that comes next.
    pub fn positions(&self) -> Vec<(i32, i64)> {
        self.cursors
            .iter()
            .map(|cursor| (cursor.partition, cursor.position()))
            .collect()
    }

    /// For each partition being read: its number and the bytes of its batches so far, as they are stored, which is
    /// compressed.
    pub fn fetched_bytes(&self) -> Vec<(i32, u64)> {
        self.cursors
            .iter()
            .map(|cursor| (cursor.partition, cursor.fetched()))
            .collect()
    }

    fn new(
        client: Client,
        view: &TopicView,
        settings: FetchSettings,
        cursors: Vec<Cursor>,
        decompressor: Decompressor,
    ) -> Self {
        static READERS: AtomicU32 = AtomicU32::new(0);
        Self {
            client,
            topic: view.name.clone(),
            topic_id: view.id,
            settings,
            cursors,
            turn: 0,
            fetches: JoinSet::new(),
            busy: BTreeSet::new(),
            decompressor,
            purpose: Purpose::Fetch(READERS.fetch_add(1, Ordering::Relaxed)),
            rng: Rng::new(fastrand::u64(..)),
            reported: Instant::now(),
        }
    }

    /// A record or an error that is here already, from the partition whose turn it is.
    fn take(&mut self) -> Option<Result<ReceivedRecord, ReadError>> {
        for _ in 0..self.cursors.len() {
            let cursor = self.cursors.get_mut(self.turn)?;
            let (item, opened) = cursor.next(&self.topic, &mut self.decompressor);
            if opened {
                // Some memory has become free: fetch what comes after while this is being used.
                self.start_fetches(Instant::now());
            }
            if item.is_some() {
                return item;
            }
            self.turn = (self.turn + 1) % self.cursors.len().max(1);
        }
        None
    }

    /// Waits until there is something to look at: a fetch is answered, or a pause is over that was not at `now`.
    async fn wait(&mut self, now: Instant) {
        let pauses = self
            .cursors
            .iter()
            .filter_map(|cursor| cursor.paused_until(now));
        let mut pause = pauses.min().map(tokio::time::sleep_until).map(Box::pin);
        let done = poll_fn(|cx| {
            if let Poll::Ready(Some(done)) = self.fetches.poll_join_next(cx) {
                return Poll::Ready(Some(done));
            }
            match &mut pause {
                Some(pause) => pin!(pause).poll(cx).map(|()| None),
                None => Poll::Pending,
            }
        });
        if let Some(done) = done.await {
            self.handle_fetched(done);
        }
    }

    fn handle_fetched(&mut self, done: Result<Fetched, tokio::task::JoinError>) {
        match done {
            Ok(Fetched::Records {
                node,
                partitions,
                outcome,
            }) => {
                self.busy.remove(&node);
                self.handle_records(node, &partitions, outcome);
            }
            Ok(Fetched::Bounds { partition, outcome }) => self.handle_bounds(partition, outcome),
            Err(error) => {
                // Only a panic or the end of the runtime gets here; which fetch it was is not known.
                warn!(%error, "a fetch failed");
                self.busy.clear();
                for cursor in &mut self.cursors {
                    cursor.handle_vanished();
                }
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.client.pool().forget(self.purpose);
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("topic", &self.topic)
            .field("positions", &self.positions())
            .finish_non_exhaustive()
    }
}
