//! Agreeing on a SASL mechanism (KIP-43).
//!
//! Version 1 has SaslAuthenticate requests follow (KIP-152); after version 0 the mechanism's messages are sent bare.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api SaslHandshake = 17, versions 0-1, flexible none, SaslHandshakeRequest => SaslHandshakeResponse;

    /// The mechanism.
    struct SaslHandshakeRequest {
        /// `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`, `OAUTHBEARER`, `GSSAPI`, …
        0+  mechanism: Str;
    }

    /// Whether the broker has it.
    struct SaslHandshakeResponse {
        0+  error_code: ErrorCode;
        /// All that the broker has.
        0+  mechanisms: Vec<Str>;
    }
}
