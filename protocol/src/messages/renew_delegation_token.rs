//! Keeping a delegation token for longer (KIP-48).

use bytes::Bytes;

use crate::error_code::ErrorCode;

kafka! {
    api RenewDelegationToken = 39, versions 1-2, flexible 2+, RenewDelegationTokenRequest => RenewDelegationTokenResponse;

    /// Which token, and for how long.
    struct RenewDelegationTokenRequest {
        /// The token's secret.
        0+  hmac: Bytes;
        /// For so many milliseconds from now; negative is the broker's setting.
        0+  renew_period_ms: i64;
    }

    /// When it ends.
    struct RenewDelegationTokenResponse {
        0+  error_code: ErrorCode;
        /// Milliseconds since 1970.
        0+  expiry_timestamp_ms: i64;
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
    }
}
