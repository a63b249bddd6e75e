//! `SaslAuthenticate`.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api SaslAuthenticate = 36, versions 0-2, flexible 2+, SaslAuthenticateRequest => SaslAuthenticateResponse;

    /// The request.
    struct SaslAuthenticateRequest {
        0+  auth_bytes: Bytes;
    }

    /// The response.
    struct SaslAuthenticateResponse {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  auth_bytes: Bytes;
        1+  session_lifetime_ms: i64 = 0, ignorable;
    }
}
