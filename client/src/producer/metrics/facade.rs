//! The same counts and times for the recorder that a program has installed behind the `metrics` crate.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram};
use milena_engine::produce::Measured;

use crate::producer::ProduceErrorKind;

/// Handles into the recorder that was installed when the producer was made. Without one they do nothing.
pub(super) struct Facade {
    acknowledged: Counter,
    failed: Vec<(ProduceErrorKind, Counter)>,
    retries: Counter,
    sent_bytes: Counter,
    requests: Counter,
    unanswered: Counter,
    in_flight: Gauge,
    batch_bytes: Histogram,
    batch_records: Histogram,
    request_records: Histogram,
    queued: Histogram,
    latency: Histogram,
    delivery: Histogram,
    waits: Histogram,
}

impl Facade {
    pub(super) fn new(client_id: &str) -> Self {
        let id = || client_id.to_owned();
        let failed = |kind: ProduceErrorKind| {
            let name = "milena_producer_failed_records_total";
            let error = format!("{kind:?}");
            (
                kind,
                metrics::counter!(name, "client_id" => id(), "error" => error),
            )
        };
        macro_rules! handle {
            ($kind:ident, $name:literal) => {
                metrics::$kind!(concat!("milena_producer_", $name), "client_id" => id())
            };
        }
        Self {
            acknowledged: handle!(counter, "acknowledged_records_total"),
            failed: ProduceErrorKind::ALL.into_iter().map(failed).collect(),
            retries: handle!(counter, "retries_total"),
            sent_bytes: handle!(counter, "sent_bytes_total"),
            requests: handle!(counter, "requests_total"),
            unanswered: handle!(counter, "unanswered_requests_total"),
            in_flight: handle!(gauge, "requests_in_flight"),
            batch_bytes: handle!(histogram, "batch_bytes"),
            batch_records: handle!(histogram, "batch_records"),
            request_records: handle!(histogram, "request_records"),
            queued: handle!(histogram, "queue_seconds"),
            latency: handle!(histogram, "request_seconds"),
            delivery: handle!(histogram, "delivery_seconds"),
            waits: handle!(histogram, "buffer_wait_seconds"),
        }
    }

    pub(super) fn measured(&self, measured: Measured) {
        match measured {
            Measured::Batch {
                records,
                bytes,
                queued,
                ..
            } => {
                self.batch_records.record(records);
                self.batch_bytes.record(bytes as f64);
                self.queued.record(queued);
            }
            Measured::Request { records, bytes } => {
                self.requests.increment(1);
                self.in_flight.increment(1);
                self.sent_bytes.increment(bytes as u64);
                self.request_records.record(records as f64);
            }
            Measured::Answered { after } => {
                self.in_flight.decrement(1);
                self.latency.record(after);
            }
            Measured::Unanswered => {
                self.in_flight.decrement(1);
                self.unanswered.increment(1);
            }
        }
    }

    pub(super) fn retried(&self) {
        self.retries.increment(1);
    }

    pub(super) fn acknowledged(&self, records: u32, after: Duration) {
        self.acknowledged.increment(records.into());
        self.delivery.record(after);
    }

    pub(super) fn failed(&self, kind: ProduceErrorKind, records: u64) {
        if let Some((_, counter)) = self.failed.iter().find(|(known, _)| *known == kind) {
            counter.increment(records);
        }
    }

    pub(super) fn waited(&self, time: Duration) {
        self.waits.record(time);
    }
}
