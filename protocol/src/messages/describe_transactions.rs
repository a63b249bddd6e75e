//! `DescribeTransactions`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeTransactions = 65, versions 0-0, flexible 0+, DescribeTransactionsRequest => DescribeTransactionsResponse;

    /// The request.
    struct DescribeTransactionsRequest {
        0+  transactional_ids: Vec<Str>;
    }

    /// The response.
    struct DescribeTransactionsResponse {
        0+  throttle_time_ms: i32;
        0+  transaction_states: Vec<TransactionState>;
    }

    /// One of the `transaction_states` of [`DescribeTransactionsResponse`].
    struct TransactionState {
        0+  error_code: ErrorCode;
        0+  transactional_id: Str;
        0+  transaction_state: Str;
        0+  transaction_timeout_ms: i32;
        0+  transaction_start_time_ms: i64;
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        0+  topics: Vec<TopicData>;
    }

    /// One of the `topics` of [`TransactionState`].
    struct TopicData {
        0+  topic: Str, key;
        0+  partitions: Vec<i32>;
    }
}
