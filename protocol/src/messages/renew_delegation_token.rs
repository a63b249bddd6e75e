//! `RenewDelegationToken`.

use bytes::Bytes;

use crate::error_code::ErrorCode;

kafka! {
    api RenewDelegationToken = 39, versions 1-2, flexible 2+, RenewDelegationTokenRequest => RenewDelegationTokenResponse;

    /// The request.
    struct RenewDelegationTokenRequest {
        0+  hmac: Bytes;
        0+  renew_period_ms: i64;
    }

    /// The response.
    struct RenewDelegationTokenResponse {
        0+  error_code: ErrorCode;
        0+  expiry_timestamp_ms: i64;
        0+  throttle_time_ms: i32;
    }
}
