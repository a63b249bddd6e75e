//! Listing delegation tokens (KIP-48).

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeDelegationToken = 41, versions 1-3, flexible 2+, DescribeDelegationTokenRequest => DescribeDelegationTokenResponse;

    /// Whose tokens.
    struct DescribeDelegationTokenRequest {
        /// Null is everybody.
        0+  owners: Option<Vec<DescribeDelegationTokenOwner>>, null 0+;
    }

    /// An owner.
    struct DescribeDelegationTokenOwner {
        0+  principal_type: Str;
        0+  principal_name: Str;
    }

    /// The tokens.
    struct DescribeDelegationTokenResponse {
        0+  error_code: ErrorCode;
        0+  tokens: Vec<DescribedDelegationToken>;
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
    }

    /// A token.
    struct DescribedDelegationToken {
        0+  principal_type: Str;
        0+  principal_name: Str;
        3+  token_requester_principal_type: Str;
        3+  token_requester_principal_name: Str;
        /// Milliseconds since 1970, as the two below.
        0+  issue_timestamp: i64;
        /// When it ends unless it is renewed.
        0+  expiry_timestamp: i64;
        /// When it ends in any case.
        0+  max_timestamp: i64;
        0+  token_id: Str;
        0+  hmac: Bytes;
        0+  renewers: Vec<DescribedDelegationTokenRenewer>;
    }

    /// Who may renew it, besides its owner.
    struct DescribedDelegationTokenRenewer {
        0+  principal_type: Str;
        0+  principal_name: Str;
    }
}
