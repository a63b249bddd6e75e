//! Committing or aborting a transaction (KIP-98).
//!
//! Version 5 is the transaction protocol of Kafka 4.0: every transaction gets an epoch of its own (KIP-890).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api EndTxn = 26, versions 0-5, flexible 3+, EndTxnRequest => EndTxnResponse;

    /// A transaction and its end.
    struct EndTxnRequest {
        0+  transactional_id: Str;
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        /// Commit it, or else abort it.
        0+  committed: bool;
    }

    /// Whether its end is decided.
    struct EndTxnResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        /// For the next transaction; -1 is as before.
        5+  producer_id: i64 = -1, ignorable;
        /// For the next transaction; -1 is as before.
        5+  producer_epoch: i16 = -1, ignorable;
    }
}
