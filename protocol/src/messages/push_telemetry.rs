//! `PushTelemetry`.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::uuid::Uuid;

kafka! {
    api PushTelemetry = 72, versions 0-0, flexible 0+, PushTelemetryRequest => PushTelemetryResponse;

    /// The request.
    struct PushTelemetryRequest {
        0+  client_instance_id: Uuid;
        0+  subscription_id: i32;
        0+  terminating: bool;
        0+  compression_type: i8;
        0+  metrics: Bytes;
    }

    /// The response.
    struct PushTelemetryResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
    }
}
