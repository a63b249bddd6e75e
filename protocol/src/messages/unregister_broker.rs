//! `UnregisterBroker`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api UnregisterBroker = 64, versions 0-0, flexible 0+, UnregisterBrokerRequest => UnregisterBrokerResponse;

    /// The request.
    struct UnregisterBrokerRequest {
        0+  broker_id: i32;
    }

    /// The response.
    struct UnregisterBrokerResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
