//! What the producer measured itself, by the names that the Java producer has for it.

use std::{fmt::Write, time::Duration};

use milena::ProducerMetrics;

/// Names and values, in the order of names; times are in milliseconds.
pub(super) fn by_name(metrics: &ProducerMetrics) -> Vec<(&'static str, f64)> {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let free = metrics.buffer_memory.saturating_sub(metrics.buffer_used);
    let requests = metrics.request_bytes.count() as f64;
    vec![
        ("batch-size-avg", metrics.batch_bytes.mean()),
        ("batch-size-max", metrics.batch_bytes.max() as f64),
        ("buffer-available-bytes", free as f64),
        ("buffer-total-bytes", metrics.buffer_memory as f64),
        ("bufferpool-wait-ratio", metrics.buffer_wait_ratio()),
        ("compression-rate-avg", metrics.compression_ratio()),
        ("record-error-total", metrics.failed_records as f64),
        ("record-queue-time-avg", ms(metrics.queue_time.mean())),
        ("record-queue-time-max", ms(metrics.queue_time.max())),
        ("record-send-rate", metrics.record_rate()),
        ("record-send-total", metrics.batch_records.sum() as f64),
        ("records-per-request-avg", metrics.request_records.mean()),
        ("request-latency-avg", ms(metrics.request_latency.mean())),
        ("request-latency-max", ms(metrics.request_latency.max())),
        (
            "request-rate",
            requests / metrics.elapsed.as_secs_f64().max(f64::MIN_POSITIVE),
        ),
        ("request-size-avg", metrics.request_bytes.mean()),
        ("request-size-max", metrics.request_bytes.max() as f64),
        ("request-total", requests),
    ]
}

/// A table in the format of kafka-producer-perf-test.
pub(super) fn table(metrics: &ProducerMetrics) -> String {
    let rows = by_name(metrics).into_iter();
    let rows: Vec<_> = rows
        .map(|(name, value)| (format!("producer-metrics:{name}:{{}}"), value))
        .collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut table = format!("\n{:width$}   Value", "Metric Name");
    for (name, value) in rows {
        // Writing to a text does not fail.
        let _ = write!(table, "\n{name:width$} : {value:.3}");
    }
    table
}
