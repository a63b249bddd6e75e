//! `AddOffsetsToTxn`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AddOffsetsToTxn = 25, versions 0-4, flexible 3+, AddOffsetsToTxnRequest => AddOffsetsToTxnResponse;

    /// The request.
    struct AddOffsetsToTxnRequest {
        0+  transactional_id: Str;
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        0+  group_id: Str;
    }

    /// The response.
    struct AddOffsetsToTxnResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
    }
}
