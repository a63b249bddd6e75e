//! Forgetting a broker that will not come back.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api UnregisterBroker = 64, versions 0-0, flexible 0+, UnregisterBrokerRequest => UnregisterBrokerResponse;

    /// Which broker.
    struct UnregisterBrokerRequest {
        0+  broker_id: i32;
    }

    /// Whether it is forgotten.
    struct UnregisterBrokerResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
