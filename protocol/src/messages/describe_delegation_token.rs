//! `DescribeDelegationToken`.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeDelegationToken = 41, versions 1-3, flexible 2+, DescribeDelegationTokenRequest => DescribeDelegationTokenResponse;

    /// The request.
    struct DescribeDelegationTokenRequest {
        0+  owners: Option<Vec<DescribeDelegationTokenOwner>>, null 0+;
    }

    /// One of the `owners` of [`DescribeDelegationTokenRequest`].
    struct DescribeDelegationTokenOwner {
        0+  principal_type: Str;
        0+  principal_name: Str;
    }

    /// The response.
    struct DescribeDelegationTokenResponse {
        0+  error_code: ErrorCode;
        0+  tokens: Vec<DescribedDelegationToken>;
        0+  throttle_time_ms: i32;
    }

    /// One of the `tokens` of [`DescribeDelegationTokenResponse`].
    struct DescribedDelegationToken {
        0+  principal_type: Str;
        0+  principal_name: Str;
        3+  token_requester_principal_type: Str;
        3+  token_requester_principal_name: Str;
        0+  issue_timestamp: i64;
        0+  expiry_timestamp: i64;
        0+  max_timestamp: i64;
        0+  token_id: Str;
        0+  hmac: Bytes;
        0+  renewers: Vec<DescribedDelegationTokenRenewer>;
    }

    /// One of the `renewers` of [`DescribedDelegationToken`].
    struct DescribedDelegationTokenRenewer {
        0+  principal_type: Str;
        0+  principal_name: Str;
    }
}
