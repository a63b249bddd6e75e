//! Ending a delegation token, at once or later (KIP-48).

use bytes::Bytes;

use crate::error_code::ErrorCode;

kafka! {
    api ExpireDelegationToken = 40, versions 1-2, flexible 2+, ExpireDelegationTokenRequest => ExpireDelegationTokenResponse;

    /// Which token, and when.
    struct ExpireDelegationTokenRequest {
        /// The token's secret.
        0+  hmac: Bytes;
        /// In so many milliseconds from now; negative is at once.
        0+  expiry_time_period_ms: i64;
    }

    /// When it ends.
    struct ExpireDelegationTokenResponse {
        0+  error_code: ErrorCode;
        /// Milliseconds since 1970.
        0+  expiry_timestamp_ms: i64;
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
    }
}
