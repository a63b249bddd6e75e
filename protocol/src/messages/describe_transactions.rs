//! The state of transactions, by transactional id (KIP-664).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeTransactions = 65, versions 0-0, flexible 0+, DescribeTransactionsRequest => DescribeTransactionsResponse;

    /// Which transactional ids.
    struct DescribeTransactionsRequest {
        0+  transactional_ids: Vec<Str>;
    }

    /// Their transactions.
    struct DescribeTransactionsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  transaction_states: Vec<TransactionState>;
    }

    /// One transaction.
    struct TransactionState {
        0+  error_code: ErrorCode;
        0+  transactional_id: Str;
        /// `Empty`, `Ongoing`, `PrepareCommit`, `PrepareAbort`, `CompleteCommit`, `CompleteAbort`, …
        0+  transaction_state: Str;
        /// Milliseconds after which the coordinator aborts it.
        0+  transaction_timeout_ms: i32;
        /// Milliseconds since 1970; -1 when it has not begun.
        0+  transaction_start_time_ms: i64;
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        /// The partitions it has written to.
        0+  topics: Vec<TopicData>;
    }

    /// Partitions of one topic.
    struct TopicData {
        0+  topic: Str, key;
        0+  partitions: Vec<i32>;
    }
}
