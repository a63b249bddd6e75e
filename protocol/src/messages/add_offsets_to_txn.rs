//! Announcing that a transaction will commit a consumer group's offsets (KIP-98).
//!
//! The group's partition of the offsets topic becomes part of the transaction. With the transaction protocol of Kafka 4.0
//! (KIP-890) TxnOffsetCommit does it, and this request is not needed.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AddOffsetsToTxn = 25, versions 0-4, flexible 3+, AddOffsetsToTxnRequest => AddOffsetsToTxnResponse;

    /// A transaction and the group.
    struct AddOffsetsToTxnRequest {
        0+  transactional_id: Str;
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        0+  group_id: Str;
    }

    /// Whether the group's offsets are part of the transaction now.
    struct AddOffsetsToTxnResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
    }
}
