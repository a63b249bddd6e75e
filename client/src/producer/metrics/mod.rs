//! What a producer tells of itself.

mod distribution;
#[cfg_attr(not(feature = "metrics"), path = "facade_off.rs")]
mod facade;
mod meter;

use std::time::Duration;

pub use self::distribution::Distribution;
pub(crate) use self::meter::Meter;
use super::{Core, ProduceErrorKind, Producer};

/// What a producer has done so far, and what it has before it; see [`Producer::metrics`].
///
/// Counts are from the producer's beginning; the [difference](Self::since) of two is what happened in between. At any moment at
/// which nothing changes,
/// `accepted_records` = `acknowledged_records` + `failed_records` + `waiting_records` + `in_flight_records`.
///
/// With the crate's feature `metrics`, the same goes to whatever recorder stands behind the `metrics` crate when a producer is made:
/// counters `milena_producer_acknowledged_records_total`, `_failed_records_total` by `error`, `_retries_total`,
/// `_sent_bytes_total`, `_requests_total` and `_unanswered_requests_total`; the gauge `_requests_in_flight`; histograms
/// `_batch_bytes`, `_batch_records`, `_request_records`, `_queue_seconds`, `_request_seconds`, `_delivery_seconds` and
/// `_buffer_wait_seconds`. All have the label `client_id`.
///
/// Each field says what the Java producer calls it (in its group `producer-metrics`). Java's averages, maxima and rates are of
/// the last 30 to 60 seconds; here they are of whatever time lies between two looks.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ProducerMetrics {
    /// Time since the producer was made, or between two looks.
    pub elapsed: Duration,

    /// Records that were accepted.
    pub accepted_records: u64,
    /// Records that are acknowledged.
    pub acknowledged_records: u64,
    /// Records that were accepted and then failed. Java: `record-error-total`.
    pub failed_records: u64,
    /// Records that are to be sent, for the first time or again.
    pub waiting_records: u64,
    /// Records in requests whose answer is due.
    pub in_flight_records: u64,
    /// Records that failed, by kind of error.
    pub errors: Vec<(ProduceErrorKind, u64)>,
    /// Batches that were sent again. Java counts their records: `record-retry-total`.
    pub retries: u64,

    /// Bytes of each batch, as it was first sent. Java: `batch-size-avg`, `batch-size-max`; the sum is `outgoing-byte-total`
    /// without what comes around batches.
    pub batch_bytes: Distribution<u64>,
    /// Records of each batch. The sum is Java's `record-send-total`.
    pub batch_records: Distribution<u64>,
    /// Bytes of the batches in each request. Java: `request-size-avg`, `request-size-max`, which have some more in them. The
    /// count is `request-total`.
    pub request_bytes: Distribution<u64>,
    /// Records of each request. Java: `records-per-request-avg`.
    pub request_records: Distribution<u64>,
    /// Bytes that batches had before they were compressed; see [`compression_ratio`](Self::compression_ratio).
    pub uncompressed_bytes: u64,

    /// Requests whose answer is due. Java: `requests-in-flight`.
    pub requests_in_flight: u64,
    /// Requests whose answer never came, or was of no use.
    pub unanswered_requests: u64,

    /// Time from the first record of a batch to the batch's first request. Java: `record-queue-time-avg`,
    /// `record-queue-time-max`.
    pub queue_time: Distribution<Duration>,
    /// Time from a request to its answer. Java: `request-latency-avg`, `request-latency-max`.
    pub request_latency: Distribution<Duration>,
    /// Time from the first record of a batch to its acknowledgement, retries included.
    pub delivery_time: Distribution<Duration>,

    /// The setting. Java: `buffer-total-bytes`.
    pub buffer_memory: usize,
    /// Bytes that are held. Java tells of the rest: `buffer-available-bytes`.
    pub buffer_used: usize,
    /// Callers that wait for memory. Java: `waiting-threads`.
    pub buffer_waiters: usize,
    /// How often a caller had to wait for memory.
    pub buffer_waits: u64,
    /// How long callers have waited for memory, all of them together. Java: `bufferpool-wait-time-ns-total`.
    pub buffer_wait_time: Duration,
}

impl ProducerMetrics {
    /// Acknowledged records per second. Java's `record-send-rate` counts them when they are sent.
    pub fn record_rate(&self) -> f64 {
        self.acknowledged_records as f64 / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// What part of their bytes batches had left after compression; 1 if there were none. Java: `compression-rate-avg`.
    pub fn compression_ratio(&self) -> f64 {
        match self.uncompressed_bytes {
            0 => 1.0,
            bytes => self.batch_bytes.sum() as f64 / bytes as f64,
        }
    }

    /// What part of the time was waited for memory; above 1 if several callers did at once. Java: `bufferpool-wait-ratio`.
    pub fn buffer_wait_ratio(&self) -> f64 {
        self.buffer_wait_time.as_secs_f64() / self.elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
    }

    /// What happened since an earlier look at the same producer. What is a state and not a count stays as it is here.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = |kind| {
            let known = earlier.errors.iter().find(|(known, _)| *known == kind);
            known.map_or(0, |(_, records)| *records)
        };
        let errors = self.errors.iter();
        let errors = errors.map(|(kind, records)| (*kind, records.saturating_sub(before(*kind))));
        Self {
            elapsed: self.elapsed.saturating_sub(earlier.elapsed),
            accepted_records: self
                .accepted_records
                .saturating_sub(earlier.accepted_records),
            acknowledged_records: self
                .acknowledged_records
                .saturating_sub(earlier.acknowledged_records),
            failed_records: self.failed_records.saturating_sub(earlier.failed_records),
            errors: errors.filter(|(_, records)| *records > 0).collect(),
            retries: self.retries.saturating_sub(earlier.retries),
            batch_bytes: self.batch_bytes.since(&earlier.batch_bytes),
            batch_records: self.batch_records.since(&earlier.batch_records),
            request_bytes: self.request_bytes.since(&earlier.request_bytes),
            request_records: self.request_records.since(&earlier.request_records),
            uncompressed_bytes: self
                .uncompressed_bytes
                .saturating_sub(earlier.uncompressed_bytes),
            unanswered_requests: self
                .unanswered_requests
                .saturating_sub(earlier.unanswered_requests),
            queue_time: self.queue_time.since(&earlier.queue_time),
            request_latency: self.request_latency.since(&earlier.request_latency),
            delivery_time: self.delivery_time.since(&earlier.delivery_time),
            buffer_waits: self.buffer_waits.saturating_sub(earlier.buffer_waits),
            buffer_wait_time: self
                .buffer_wait_time
                .saturating_sub(earlier.buffer_wait_time),
            ..*self
        }
    }
}

impl Producer {
    /// What the producer has done so far, and what it has before it.
    ///
    /// It is counted by batch and by request while the producer works, at no cost per record. Looking takes the lock of each
    /// partition in turn.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use milena::{Producer, Record};
    ///
    /// # let cluster = milena_broker::Cluster::builder().start().await?;
    /// let producer = Producer::connect(&cluster.bootstrap()).await?;
    /// let before = producer.metrics();
    /// producer.send(Record::to("orders").value("twelve apples")).await?.await?;
    /// let metrics = producer.metrics().since(&before);
    /// assert_eq!((metrics.accepted_records, metrics.acknowledged_records), (1, 1));
    /// println!("{:?} of 99 % of all requests", metrics.request_latency.percentile(99.0));
    /// # Ok(())
    /// # }
    /// ```
    pub fn metrics(&self) -> ProducerMetrics {
        self.handle.core.metrics()
    }
}

impl Core {
    fn metrics(&self) -> ProducerMetrics {
        let (mut accepted, mut unsettled) = (0, milena_engine::produce::Unsettled::default());
        for topic in self.topics().values() {
            for partition in topic.partitions().iter() {
                let queue = partition.lock();
                let records = queue.unsettled_records();
                accepted += queue.accepted();
                unsettled.waiting += records.waiting;
                unsettled.in_flight += records.in_flight;
            }
        }
        self.meter.read(accepted, unsettled, &self.memory)
    }
}
