//! Where reading stands in one partition.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use bytes::Bytes;
use milena_codec::{Batch, Batches, Decompressor, RecordIter};
use tokio::time::Instant;

use super::{ReceivedRecord, aborted::Aborted};
use crate::error::{Cause, ReadError};

/// Fetched batches may add up to this many bytes, in one partition, before no more is fetched.
const ENOUGH: usize = 1 << 20;

/// A batch that came.
#[derive(Debug)]
enum Fetched {
    Records(Batch),
    /// It is not for the user; the next one begins here.
    Passed(i64),
}

#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) partition: i32,
    /// Offset of the record that comes next.
    position: i64,
    /// Offset of the first record that is neither here nor on its way.
    pub(super) fetch_from: i64,
    /// The offset to stop before.
    end: Option<i64>,
    batches: VecDeque<Fetched>,
    buffered: usize,
    /// Bytes of all batches that came.
    fetched: u64,
    records: Option<RecordIter>,
    /// The batch after `records`.
    next_batch: i64,
    /// To be told once the records before it are taken.
    error: Option<ReadError>,
    /// A fetch is under way for it.
    pub(super) asked: bool,
    /// The offset is out of range, and what the log has is being looked up.
    awaits_bounds: bool,
    /// Nothing will be fetched any more.
    is_dead: bool,
    /// Nothing is to be fetched before.
    not_before: Option<Instant>,
    /// Fetches that failed in a row, and since when.
    pub(super) failures: u32,
    failing_since: Option<Instant>,
    /// Bytes to ask for; more than the setting when a batch did not fit.
    pub(super) max_bytes: i32,
    /// The user named the offset to start from, and nothing has been read yet.
    pub(super) is_exact: bool,
}

impl Cursor {
    pub(super) fn new(
        partition: i32,
        start: i64,
        end: Option<i64>,
        max_bytes: i32,
        is_exact: bool,
    ) -> Self {
        Self {
            partition,
            position: start,
            fetch_from: start,
            end,
            batches: VecDeque::new(),
            buffered: 0,
            fetched: 0,
            records: None,
            next_batch: start,
            error: None,
            asked: false,
            awaits_bounds: false,
            is_dead: false,
            not_before: None,
            failures: 0,
            failing_since: None,
            max_bytes,
            is_exact,
        }
    }

    pub(super) fn position(&self) -> i64 {
        self.position
    }

    pub(super) fn fetched(&self) -> u64 {
        self.fetched
    }

    /// Whether nothing will come any more.
    pub(super) fn is_finished(&self) -> bool {
        let is_drained = self.records.is_none() && self.batches.is_empty() && self.error.is_none();
        is_drained && (self.is_dead || self.has_all())
    }

    pub(super) fn is_dead(&self) -> bool {
        self.is_dead
    }

    pub(super) fn has_error(&self) -> bool {
        self.error.is_some()
    }

    pub(super) fn awaits_bounds(&self) -> bool {
        self.awaits_bounds
    }

    fn has_all(&self) -> bool {
        self.end.is_some_and(|end| self.fetch_from >= end)
    }

    /// Whether to fetch for it now.
    pub(super) fn wants_fetch(&self, now: Instant) -> bool {
        !self.asked
            && !self.is_dead
            && !self.has_all()
            && self.error.is_none()
            && self.buffered < ENOUGH
            && self.not_before.is_none_or(|at| at <= now)
    }

    /// When a pause ends that stands in the way of fetching. One that is over stands in nobody's way: what is waited for
    /// then is the leader's answer to another fetch.
    pub(super) fn paused_until(&self, now: Instant) -> Option<Instant> {
        let wants = !self.asked && !self.is_dead && !self.has_all();
        self.not_before.filter(|&until| wants && until > now)
    }

    /// The next record or error that is here, and whether a batch was opened for it.
    pub(super) fn next(
        &mut self,
        topic: &Arc<str>,
        decompressor: &mut Decompressor,
    ) -> (Option<Result<ReceivedRecord, ReadError>>, bool) {
        let mut opened = false;
        loop {
            match self.records.as_mut().map(Iterator::next) {
                Some(Some(Ok(record))) if record.offset < self.position => {}
                Some(Some(Ok(record))) if self.end.is_some_and(|end| record.offset >= end) => {
                    self.stop();
                }
                Some(Some(Ok(record))) => {
                    self.position = record.offset.saturating_add(1);
                    let received = ReceivedRecord {
                        topic: topic.clone(),
                        partition: self.partition,
                        offset: record.offset,
                        timestamp: record.timestamp,
                        key: record.key,
                        value: record.value,
                        headers: record.headers,
                    };
                    return (Some(Ok(received)), opened);
                }
                Some(Some(Err(error))) => {
                    let offset = self.position;
                    self.leave_batch();
                    return (
                        Some(Err(self.corrupt(topic, offset, error.to_string()))),
                        opened,
                    );
                }
                Some(None) => self.leave_batch(),
                None => {
                    let batch = match self.batches.pop_front() {
                        Some(Fetched::Records(batch)) => batch,
                        Some(Fetched::Passed(next)) => {
                            self.next_batch = next;
                            self.leave_batch();
                            continue;
                        }
                        None => return (self.error.take().map(Err), opened),
                    };
                    opened = true;
                    self.buffered = self.buffered.saturating_sub(batch.len());
                    self.next_batch = batch.next_offset();
                    match batch.records(decompressor) {
                        Ok(records) => self.records = Some(records),
                        Err(error) => {
                            self.leave_batch();
                            let offset = error.base_offset.unwrap_or(self.position);
                            let error = self.corrupt(topic, offset, error.to_string());
                            return (Some(Err(error)), opened);
                        }
                    }
                }
            }
        }
    }

    /// Takes over a record set that begins at or before the offset asked for, without what was aborted in it. Says whether
    /// there was anything in it.
    pub(super) fn handle_records(
        &mut self,
        topic: &str,
        records: Bytes,
        mut aborted: Aborted,
        decompressor: &mut Decompressor,
    ) -> bool {
        self.asked = false;
        self.failures = 0;
        self.failing_since = None;
        self.not_before = None;
        let before = self.fetch_from;
        let is_empty = records.is_empty();
        for batch in Batches::new(records) {
            let batch = batch.and_then(|batch| {
                let is_aborted = match batch.as_current() {
                    Some(current) => aborted.covers(current, decompressor)?,
                    None => false,
                };
                Ok((batch, is_aborted))
            });
            match batch {
                // From before the offset asked for, or going backwards, which no log does.
                Ok((batch, _)) if batch.next_offset() <= self.fetch_from => {}
                Ok((batch, is_aborted)) => {
                    self.is_exact = false;
                    self.fetch_from = batch.next_offset();
                    self.fetched += batch.len() as u64;
                    self.batches.push_back(if is_aborted || batch.is_control() {
                        Fetched::Passed(batch.next_offset())
                    } else {
                        self.buffered += batch.len();
                        Fetched::Records(batch)
                    });
                }
                Err(error) => {
                    // Where the next batch begins is not known: there is no going on.
                    let error = self.corrupt(topic, self.fetch_from, error.to_string());
                    self.fail(error);
                    return true;
                }
            }
        }
        let progress = self.fetch_from > before;
        if !progress && !is_empty {
            // Not even one batch fitted.
            self.max_bytes = self.max_bytes.saturating_mul(2);
        }
        progress
    }

    /// A fetch failed in a way that time may mend. After `patience` an error says so.
    pub(super) fn handle_failure(
        &mut self,
        topic: &str,
        cause: Cause,
        pause: Duration,
        patience: Duration,
    ) {
        let now = Instant::now();
        self.asked = false;
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(now + pause);
        let since = *self.failing_since.get_or_insert(now);
        let waited = now - since;
        if waited >= patience {
            self.failing_since = None;
            self.error = Some(ReadError::TimedOut {
                topic: topic.to_owned(),
                partition: self.partition,
                waited,
                cause: Some(cause),
            });
        }
    }

    /// The offset asked for is not in the log.
    pub(super) fn await_bounds(&mut self) {
        self.awaits_bounds = true;
    }

    /// A fetch ended without a word.
    pub(super) fn handle_vanished(&mut self) {
        self.asked = false;
        self.awaits_bounds = false;
        self.failures = self.failures.saturating_add(1);
        self.not_before = Some(Instant::now() + Duration::from_secs(1));
    }

    /// Goes on from another offset.
    pub(super) fn seek(&mut self, offset: i64) {
        self.asked = false;
        self.awaits_bounds = false;
        self.position = offset;
        self.fetch_from = offset;
        self.failures = 0;
        self.failing_since = None;
        self.not_before = None;
    }

    /// There is no going on in this partition.
    pub(super) fn fail(&mut self, error: ReadError) {
        self.asked = false;
        self.awaits_bounds = false;
        self.is_dead = true;
        self.error = Some(error);
    }

    fn stop(&mut self) {
        self.records = None;
        self.batches.clear();
        self.buffered = 0;
        self.is_dead = true;
    }

    fn leave_batch(&mut self) {
        self.records = None;
        self.position = self.position.max(self.next_batch);
    }

    fn corrupt(&self, topic: &str, offset: i64, reason: String) -> ReadError {
        ReadError::Corrupt {
            topic: topic.to_owned(),
            partition: self.partition,
            offset,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offset 5 and "old" in format 0, offset 7 and "newer" in format 1.
    const OLD_LOG: &[u8] =
        b"\0\0\0\0\0\0\0\x05\0\0\0\x11I\xa5\xaa\x88\0\0\xff\xff\xff\xff\0\0\0\x03old\
        \0\0\0\0\0\0\0\x07\0\0\0\x1b:\x06&$\x01\0\0\0\0\0\0\0\0\x09\xff\xff\xff\xff\0\0\0\x05newer";

    #[test]
    fn records_of_older_formats_are_read() {
        let mut cursor = Cursor::new(0, 5, None, 1 << 20, true);
        let (topic, mut decompressor) = ("log".into(), Decompressor::default());
        let records = Bytes::from_static(OLD_LOG);
        assert!(cursor.handle_records("log", records, Aborted::default(), &mut decompressor));
        assert_eq!(cursor.fetch_from, 8);
        let mut next = || cursor.next(&topic, &mut decompressor).0;
        let old = next().unwrap().unwrap();
        assert_eq!((old.offset, old.timestamp), (5, -1));
        assert_eq!(old.value.as_deref(), Some(&b"old"[..]));
        let newer = next().unwrap().unwrap();
        assert_eq!((newer.offset, newer.timestamp), (7, 9));
        assert!(newer.headers.is_empty());
        assert!(next().is_none());
    }
}
