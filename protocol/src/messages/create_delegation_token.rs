//! Getting a token that stands for a principal (KIP-48), also for somebody else (version 3).

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api CreateDelegationToken = 38, versions 1-3, flexible 2+, CreateDelegationTokenRequest => CreateDelegationTokenResponse;

    /// Whose token it is to be.
    struct CreateDelegationTokenRequest {
        /// Null is whoever asks.
        3+  owner_principal_type: Option<Str>, null 3+;
        /// Null is whoever asks.
        3+  owner_principal_name: Option<Str>, null 3+;
        0+  renewers: Vec<CreatableRenewers>;
        /// Milliseconds after which it can be renewed no more; -1 is the broker's setting.
        0+  max_lifetime_ms: i64;
    }

    /// Who may renew it, besides its owner.
    struct CreatableRenewers {
        0+  principal_type: Str;
        0+  principal_name: Str;
    }

    /// The token.
    struct CreateDelegationTokenResponse {
        0+  error_code: ErrorCode;
        0+  principal_type: Str;
        0+  principal_name: Str;
        3+  token_requester_principal_type: Str;
        3+  token_requester_principal_name: Str;
        /// Milliseconds since 1970, as the two below.
        0+  issue_timestamp_ms: i64;
        /// When it ends unless it is renewed.
        0+  expiry_timestamp_ms: i64;
        /// When it ends in any case.
        0+  max_timestamp_ms: i64;
        /// The user name of SCRAM with this token.
        0+  token_id: Str;
        /// Its secret, base64 of which is the password.
        0+  hmac: Bytes;
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
    }
}
