//! Adding partitions to a transaction before it writes to them (KIP-98).
//!
//! Clients use versions up to 3, for one transaction. From version 4 on brokers ask about several at once, also whether
//! partitions are in a transaction already (KIP-890).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AddPartitionsToTxn = 24, versions 0-5, flexible 3+, AddPartitionsToTxnRequest => AddPartitionsToTxnResponse;

    /// Partitions of transactions: `transactions` from version 4, the other fields before.
    struct AddPartitionsToTxnRequest {
        4+   transactions: Vec<AddPartitionsToTxnTransaction>;
        0-3  v3_and_below_transactional_id: Str;
        0-3  v3_and_below_producer_id: i64;
        0-3  v3_and_below_producer_epoch: i16;
        0-3  v3_and_below_topics: Vec<AddPartitionsToTxnTopic>;
    }

    /// Partitions of one transaction.
    struct AddPartitionsToTxnTransaction {
        4+  transactional_id: Str, key;
        4+  producer_id: i64;
        4+  producer_epoch: i16;
        /// Only ask whether the partitions are in the transaction, and add none.
        4+  verify_only: bool = false;
        4+  topics: Vec<AddPartitionsToTxnTopic>;
    }

    /// Partitions of one topic.
    struct AddPartitionsToTxnTopic {
        0+  name: Str, key;
        0+  partitions: Vec<i32>;
    }

    /// What became of the partitions: by transaction from version 4, by topic before.
    struct AddPartitionsToTxnResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+   throttle_time_ms: i32;
        4+   error_code: ErrorCode, ignorable;
        4+   results_by_transaction: Vec<AddPartitionsToTxnResult>;
        0-3  results_by_topic_v3_and_below: Vec<AddPartitionsToTxnTopicResult>;
    }

    /// What became of the partitions of one transaction.
    struct AddPartitionsToTxnResult {
        4+  transactional_id: Str, key;
        4+  topic_results: Vec<AddPartitionsToTxnTopicResult>;
    }

    /// What became of the partitions of one topic.
    struct AddPartitionsToTxnTopicResult {
        0+  name: Str, key;
        0+  results_by_partition: Vec<AddPartitionsToTxnPartitionResult>;
    }

    /// What became of one partition.
    struct AddPartitionsToTxnPartitionResult {
        0+  partition_index: i32, key;
        0+  partition_error_code: ErrorCode;
    }
}
