//! `SaslHandshake`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api SaslHandshake = 17, versions 0-1, flexible none, SaslHandshakeRequest => SaslHandshakeResponse;

    /// The request.
    struct SaslHandshakeRequest {
        0+  mechanism: Str;
    }

    /// The response.
    struct SaslHandshakeResponse {
        0+  error_code: ErrorCode;
        0+  mechanisms: Vec<Str>;
    }
}
