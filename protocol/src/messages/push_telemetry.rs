//! Sending a client's metrics to the cluster (KIP-714).

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::uuid::Uuid;

kafka! {
    api PushTelemetry = 72, versions 0-0, flexible 0+, PushTelemetryRequest => PushTelemetryResponse;

    /// Metrics.
    struct PushTelemetryRequest {
        /// As [`get_telemetry_subscriptions`](crate::get_telemetry_subscriptions) gave it.
        0+  client_instance_id: Uuid;
        /// As given there, too.
        0+  subscription_id: i32;
        /// Whether these are the last ones.
        0+  terminating: bool;
        /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        0+  compression_type: i8;
        /// A `MetricsData` of OpenTelemetry's protobuf, v1.
        0+  metrics: Bytes;
    }

    /// Whether they were taken.
    struct PushTelemetryResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
    }
}
