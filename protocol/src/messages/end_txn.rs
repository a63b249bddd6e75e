//! `EndTxn`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api EndTxn = 26, versions 0-5, flexible 3+, EndTxnRequest => EndTxnResponse;

    /// The request.
    struct EndTxnRequest {
        0+  transactional_id: Str;
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        0+  committed: bool;
    }

    /// The response.
    struct EndTxnResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        5+  producer_id: i64 = -1, ignorable;
        5+  producer_epoch: i16 = -1, ignorable;
    }
}
