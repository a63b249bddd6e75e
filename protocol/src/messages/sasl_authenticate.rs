//! A message of a SASL exchange (KIP-152), after SaslHandshake has agreed on the mechanism.
//!
//! It is sent again, with another SaslHandshake, when a session's lifetime is near its end (KIP-368).

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api SaslAuthenticate = 36, versions 0-2, flexible 2+, SaslAuthenticateRequest => SaslAuthenticateResponse;

    /// A message of the client.
    struct SaslAuthenticateRequest {
        /// As the mechanism has it.
        0+  auth_bytes: Bytes;
    }

    /// A message of the broker.
    struct SaslAuthenticateResponse {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        /// As the mechanism has it.
        0+  auth_bytes: Bytes;
        /// Milliseconds after which the client must have authenticated again; 0 is never.
        1+  session_lifetime_ms: i64 = 0, ignorable;
    }
}
