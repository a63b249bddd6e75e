//! Which of a client's metrics the cluster wants to have (KIP-714).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api GetTelemetrySubscriptions = 71, versions 0-0, flexible 0+, GetTelemetrySubscriptionsRequest => GetTelemetrySubscriptionsResponse;

    /// Who asks.
    struct GetTelemetrySubscriptionsRequest {
        /// All zero when asking for the first time.
        0+  client_instance_id: Uuid;
    }

    /// What to push.
    struct GetTelemetrySubscriptionsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        /// The client's id from now on, if it had none; all zero otherwise.
        0+  client_instance_id: Uuid;
        /// To be sent along with the metrics; another one means that what is wanted has changed.
        0+  subscription_id: i32;
        /// By Kafka's numbers, the preferred one first: 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        0+  accepted_compression_types: Vec<i8>;
        /// How often to push, in milliseconds.
        0+  push_interval_ms: i32;
        /// How large `metrics` may be.
        0+  telemetry_max_bytes: i32;
        /// Whether counters are to be told as what was added, or else as totals.
        0+  delta_temporality: bool;
        /// What the names begin with; none is no metrics, one empty string all of them.
        0+  requested_metrics: Vec<Str>;
    }
}
