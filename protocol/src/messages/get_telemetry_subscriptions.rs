//! `GetTelemetrySubscriptions`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api GetTelemetrySubscriptions = 71, versions 0-0, flexible 0+, GetTelemetrySubscriptionsRequest => GetTelemetrySubscriptionsResponse;

    /// The request.
    struct GetTelemetrySubscriptionsRequest {
        0+  client_instance_id: Uuid;
    }

    /// The response.
    struct GetTelemetrySubscriptionsResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  client_instance_id: Uuid;
        0+  subscription_id: i32;
        0+  accepted_compression_types: Vec<i8>;
        0+  push_interval_ms: i32;
        0+  telemetry_max_bytes: i32;
        0+  delta_temporality: bool;
        0+  requested_metrics: Vec<Str>;
    }
}
