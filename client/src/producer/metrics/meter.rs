//! What is counted while a producer works: by batch and by request, never by record.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use milena_engine::{
    produce::{Failure, Measured, Unsettled},
    time::Instant,
};

use super::{ProducerMetrics, distribution::Recorder, facade::Facade};
use crate::{
    io::{clock::Clock, memory::Memory},
    lock::Lock,
    producer::ProduceErrorKind,
};

pub(crate) struct Meter {
    clock: Clock,
    started: Instant,
    acknowledged: AtomicU64,
    failed: Lock<Vec<(ProduceErrorKind, u64)>>,
    retries: AtomicU64,
    answered: AtomicU64,
    unanswered: AtomicU64,
    uncompressed: AtomicU64,
    waits: AtomicU64,
    waited: AtomicU64,
    batch_bytes: Recorder,
    batch_records: Recorder,
    request_bytes: Recorder,
    request_records: Recorder,
    queued: Recorder,
    latency: Recorder,
    delivery: Recorder,
    facade: Facade,
}

impl Meter {
    pub(crate) fn new(clock: Clock, client_id: &str) -> Self {
        Self {
            clock,
            started: clock.now(),
            acknowledged: AtomicU64::new(0),
            failed: Lock::default(),
            retries: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            unanswered: AtomicU64::new(0),
            uncompressed: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            batch_bytes: Recorder::new(),
            batch_records: Recorder::new(),
            request_bytes: Recorder::new(),
            request_records: Recorder::new(),
            queued: Recorder::new(),
            latency: Recorder::new(),
            delivery: Recorder::new(),
            facade: Facade::new(client_id),
        }
    }

    pub(crate) fn measured(&self, measured: Measured) {
        self.facade.measured(measured);
        match measured {
            Measured::Batch {
                records,
                bytes,
                uncompressed,
                queued,
            } => {
                self.batch_records.record(records.into());
                self.batch_bytes.record(bytes as u64);
                add(&self.uncompressed, uncompressed as u64);
                self.queued.record_time(queued);
            }
            Measured::Request { records, bytes } => {
                self.request_records.record(records);
                self.request_bytes.record(bytes as u64);
            }
            Measured::Answered { after } => {
                add(&self.answered, 1);
                self.latency.record_time(after);
            }
            Measured::Unanswered => add(&self.unanswered, 1),
        }
    }

    pub(crate) fn retried(&self) {
        add(&self.retries, 1);
        self.facade.retried();
    }

    /// Records are stored that were appended from `created` on.
    pub(crate) fn acknowledged(&self, records: u32, created: Instant) {
        add(&self.acknowledged, records.into());
        let after = self.clock.now().since(created);
        self.delivery.record_time(after);
        self.facade.acknowledged(records, after);
    }

    pub(crate) fn failed(&self, records: u32, failure: &Failure) {
        let named = failure.record_errors.first();
        let at_fault = u32::try_from(failure.record_errors.len()).unwrap_or(u32::MAX);
        let at_fault = at_fault.min(records);
        if let Some((index, _)) = named {
            self.add_failed(ProduceErrorKind::of(failure, *index), at_fault.into());
        }
        let others = u64::from(records - at_fault);
        self.add_failed(ProduceErrorKind::of(failure, u32::MAX), others);
    }

    fn add_failed(&self, kind: ProduceErrorKind, records: u64) {
        if records == 0 {
            return;
        }
        self.facade.failed(kind, records);
        let mut failed = self.failed.lock();
        match failed.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += records,
            None => failed.push((kind, records)),
        }
    }

    /// A caller begins to wait for memory, until what is returned is dropped.
    pub(crate) fn waits(&self) -> Waiting<'_> {
        add(&self.waits, 1);
        Waiting {
            meter: self,
            since: self.clock.now(),
        }
    }

    pub(crate) fn read(
        &self,
        accepted: u64,
        unsettled: Unsettled,
        memory: &Memory,
    ) -> ProducerMetrics {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let errors = self.failed.lock().clone();
        let (answered, unanswered) = (load(&self.answered), load(&self.unanswered));
        let request_bytes = self.request_bytes.read();
        let requests = request_bytes.count();
        ProducerMetrics {
            elapsed: self.clock.now().since(self.started),
            accepted_records: accepted,
            acknowledged_records: load(&self.acknowledged),
            failed_records: errors.iter().map(|(_, records)| records).sum(),
            waiting_records: unsettled.waiting,
            in_flight_records: unsettled.in_flight,
            errors,
            retries: load(&self.retries),
            requests_in_flight: requests.saturating_sub(answered + unanswered),
            unanswered_requests: unanswered,
            batch_bytes: self.batch_bytes.read(),
            batch_records: self.batch_records.read(),
            request_bytes,
            request_records: self.request_records.read(),
            uncompressed_bytes: load(&self.uncompressed),
            queue_time: self.queued.read(),
            request_latency: self.latency.read(),
            delivery_time: self.delivery.read(),
            buffer_memory: memory.total(),
            buffer_used: memory.reserved(),
            buffer_waiters: memory.waiters(),
            buffer_waits: load(&self.waits),
            buffer_wait_time: Duration::from_nanos(load(&self.waited)),
        }
    }
}

/// A caller that waits for memory.
pub(crate) struct Waiting<'a> {
    meter: &'a Meter,
    since: Instant,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = self.meter.clock.now().since(self.since);
        let nanos = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
        add(&self.meter.waited, nanos);
        self.meter.facade.waited(waited);
    }
}

fn add(count: &AtomicU64, more: u64) {
    count.fetch_add(more, Ordering::Relaxed);
}
