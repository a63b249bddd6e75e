//! `ExpireDelegationToken`.

use bytes::Bytes;

use crate::error_code::ErrorCode;

kafka! {
    api ExpireDelegationToken = 40, versions 1-2, flexible 2+, ExpireDelegationTokenRequest => ExpireDelegationTokenResponse;

    /// The request.
    struct ExpireDelegationTokenRequest {
        0+  hmac: Bytes;
        0+  expiry_time_period_ms: i64;
    }

    /// The response.
    struct ExpireDelegationTokenResponse {
        0+  error_code: ErrorCode;
        0+  expiry_timestamp_ms: i64;
        0+  throttle_time_ms: i32;
    }
}
