//! `AddPartitionsToTxn`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AddPartitionsToTxn = 24, versions 0-5, flexible 3+, AddPartitionsToTxnRequest => AddPartitionsToTxnResponse;

    /// The request.
    struct AddPartitionsToTxnRequest {
        4+   transactions: Vec<AddPartitionsToTxnTransaction>;
        0-3  v3_and_below_transactional_id: Str;
        0-3  v3_and_below_producer_id: i64;
        0-3  v3_and_below_producer_epoch: i16;
        0-3  v3_and_below_topics: Vec<AddPartitionsToTxnTopic>;
    }

    /// One of the `transactions` of [`AddPartitionsToTxnRequest`].
    struct AddPartitionsToTxnTransaction {
        4+  transactional_id: Str, key;
        4+  producer_id: i64;
        4+  producer_epoch: i16;
        4+  verify_only: bool = false;
        4+  topics: Vec<AddPartitionsToTxnTopic>;
    }

    /// One of the `v3_and_below_topics` of [`AddPartitionsToTxnRequest`].
    struct AddPartitionsToTxnTopic {
        0+  name: Str, key;
        0+  partitions: Vec<i32>;
    }

    /// The response.
    struct AddPartitionsToTxnResponse {
        0+   throttle_time_ms: i32;
        4+   error_code: ErrorCode, ignorable;
        4+   results_by_transaction: Vec<AddPartitionsToTxnResult>;
        0-3  results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>;
    }

    /// One of the `results_by_transaction` of [`AddPartitionsToTxnResponse`].
    struct AddPartitionsToTxnResult {
        4+  transactional_id: Str, key;
        4+  topic_results: Vec<AddPartitionsToTxnTopicResult>;
    }

    /// One of the `results_by_topic_v3_and_below` of [`AddPartitionsToTxnResponse`].
    struct AddPartitionsToTxnTopicResult {
        0+  name: Str, key;
        0+  results_by_partition: Vec<AddPartitionsToTxnPartitionResult>;
    }

    /// One of the `results_by_partition` of [`AddPartitionsToTxnTopicResult`].
    struct AddPartitionsToTxnPartitionResult {
        0+  partition_index: i32, key;
        0+  partition_error_code: ErrorCode;
    }
}
