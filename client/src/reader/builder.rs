//! What to read, and from where to where.

use std::{collections::BTreeMap, time::Duration};

use milena_codec::{Decompressor, Limits};
use milena_engine::cluster::TopicView;

use super::{
    FetchSettings, IsolationLevel, Reader,
    cursor::Cursor,
    offsets::{self, EARLIEST, LATEST},
};
use crate::{
    Client,
    error::{ConfigError, ReadError},
    setters::setters,
};

/// Settings of a [`Reader`]; made by [`Client::reader`]. By default it reads all partitions, from the end, for ever.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before `build`"]
pub struct ReaderBuilder {
    client: Client,
    topic: String,
    partitions: Option<Vec<i32>>,
    start: Start,
    to_end: bool,
    fetch: FetchSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    /// The offset at a time; -1 and -2 have the meanings of ListOffsets.
    Time(i64),
    Offset(i64),
}

impl ReaderBuilder {
    pub(crate) fn new(client: Client, topic: String) -> Self {
        Self {
            client,
            topic,
            partitions: None,
            start: Start::Time(LATEST),
            to_end: false,
            fetch: FetchSettings {
                max_wait: Duration::from_millis(500),
                min_bytes: 1,
                max_bytes: 50 << 20,
                partition_max_bytes: 1 << 20,
                max_decompressed: Limits::default().max_decompressed,
                isolation_level: IsolationLevel::default(),
            },
        }
    }

    /// Reads this partition only; called more than once, these.
    pub fn partition(mut self, partition: i32) -> Self {
        self.partitions.get_or_insert_default().push(partition);
        self
    }

    setters! {
        /// Starts with the first record there is.
        from_beginning() => start = Start::Time(EARLIEST);

        /// Starts with the first record that is written from now on.
        from_end() => start = Start::Time(LATEST);

        /// Starts with this offset, in each partition read. One that is not in the log is an error when reading.
        from_offset(offset: i64) => start = Start::Offset(offset);

        /// Starts with the first record that is not older: milliseconds since 1970.
        from_timestamp(millis: i64) => start = Start::Time(millis.max(0));

        /// Stops at what is the end when the reader is built.
        to_end() => to_end = true;

        /// Which records of transactions are read, and where the end is. Default: [`IsolationLevel::ReadUncommitted`].
        #[doc(alias = "isolation.level")]
        isolation_level(level: IsolationLevel) => fetch.isolation_level = level;

        /// How long a broker may wait for records before it answers that there are none. Default: 500 ms.
        #[doc(alias = "fetch.max.wait.ms")]
        fetch_max_wait(wait: Duration) => fetch.max_wait = wait;

        /// How many bytes a broker should wait for, within [`fetch_max_wait`](Self::fetch_max_wait). Default: 1.
        #[doc(alias = "fetch.min.bytes")]
        fetch_min_bytes(bytes: usize) => fetch.min_bytes = clamp(bytes);

        /// How many bytes one answer may have; a single larger batch is sent all the same. Default: 50 MiB.
        #[doc(alias = "fetch.max.bytes")]
        fetch_max_bytes(bytes: usize) => fetch.max_bytes = clamp(bytes);

        /// How many bytes of one partition an answer may have; a single larger batch is sent all the same. Default: 1 MiB.
        #[doc(alias = "max.partition.fetch.bytes")]
        max_partition_fetch_bytes(bytes: usize) => fetch.partition_max_bytes = clamp(bytes);

        /// How many bytes a batch may have once decompressed; a larger one is an error. Default: 128 MiB.
        max_decompressed(bytes: usize) => fetch.max_decompressed = bytes;
    }

    /// Finds the partitions and the offsets to start from.
    ///
    /// # Errors
    ///
    /// When the topic or a partition does not exist, or when it cannot be found out within the client's API timeout.
    pub async fn build(self) -> Result<Reader, ReadError> {
        self.check()?;
        let Self {
            client,
            topic,
            start,
            to_end,
            fetch,
            ..
        } = &self;
        let deadline = client.clock().after(client.config().api_timeout);
        let view = client.control().topic(topic, false, deadline).await?;
        let partitions = self.chosen(&view)?;
        let look_up = async |time, level| {
            offsets::look_up(client, topic, &partitions, time, level, deadline).await
        };
        let starts = match *start {
            Start::Time(time) => look_up(time, fetch.isolation_level).await?,
            Start::Offset(offset) => partitions.iter().map(|&p| (p, offset)).collect(),
        };
        let is_exact = matches!(self.start, Start::Offset(_));
        let is_missing = starts.values().any(|&offset| offset < 0);
        let ends = if *to_end || is_missing {
            look_up(LATEST, fetch.isolation_level).await?
        } else {
            BTreeMap::new()
        };
        // An offset that was named may lie behind the last stable one, and still be in the log.
        let is_committed = fetch.isolation_level == IsolationLevel::ReadCommitted;
        let log_ends = if *to_end && is_exact && is_committed {
            look_up(LATEST, IsolationLevel::ReadUncommitted).await?
        } else {
            ends.clone()
        };
        let cursor = |&partition: &i32| {
            let end = ends.get(&partition).copied();
            let start = starts
                .get(&partition)
                .copied()
                .filter(|&offset| offset >= 0);
            // No record is that young: start where the next one will be.
            let start = start.or(end).unwrap_or(0);
            let is_beyond = log_ends.get(&partition).is_some_and(|&end| start > end);
            // From beyond the end there is no way to it: the broker will say so.
            let end = end.filter(|_| *to_end && !(is_beyond && is_exact));
            Cursor::new(partition, start, end, fetch.partition_max_bytes, is_exact)
        };
        let cursors = partitions.iter().map(cursor).collect();
        let limits = Limits {
            max_decompressed: fetch.max_decompressed,
        };
        Ok(Reader::new(
            client.clone(),
            &view,
            *fetch,
            cursors,
            Decompressor::new(limits),
        ))
    }

    fn check(&self) -> Result<(), ConfigError> {
        if self.topic.is_empty() {
            return Err(ConfigError::new("topic", "is empty"));
        }
        if matches!(self.start, Start::Offset(..0)) {
            return Err(ConfigError::new("from_offset", "must not be negative"));
        }
        if self
            .partitions
            .as_ref()
            .is_some_and(|chosen| chosen.iter().any(|&p| p < 0))
        {
            return Err(ConfigError::new("partition", "must not be negative"));
        }
        // With the request timeout beside it, a broker that waits would look like one that hangs.
        if self.fetch.max_wait >= self.client.config().request_timeout {
            return Err(ConfigError::new(
                "fetch_max_wait",
                "must be less than the request timeout",
            ));
        }
        for (field, value) in [
            ("fetch_max_bytes", self.fetch.max_bytes),
            ("max_partition_fetch_bytes", self.fetch.partition_max_bytes),
        ] {
            if value == 0 {
                return Err(ConfigError::new(field, "must be more than nothing"));
            }
        }
        Ok(())
    }

    fn chosen(&self, view: &TopicView) -> Result<Vec<i32>, ReadError> {
        let count = view.partitions.len();
        let Some(chosen) = &self.partitions else {
            return Ok((0..).take(count).collect());
        };
        let mut chosen = chosen.clone();
        chosen.sort_unstable();
        chosen.dedup();
        match chosen
            .iter()
            .find(|&&partition| view.partition(partition).is_none())
        {
            Some(&partition) => Err(ReadError::NoPartition {
                topic: self.topic.clone(),
                partition,
                count,
            }),
            None => Ok(chosen),
        }
    }
}

fn clamp(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}
