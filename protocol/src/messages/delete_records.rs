//! Deleting the records of partitions up to an offset (KIP-107).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DeleteRecords = 21, versions 0-2, flexible 2+, DeleteRecordsRequest => DeleteRecordsResponse;

    /// Partitions and offsets.
    struct DeleteRecordsRequest {
        0+  topics: Vec<DeleteRecordsTopic>;
        /// How long the answer may wait for all replicas, in milliseconds.
        0+  timeout_ms: i32;
    }

    /// Partitions of one topic.
    struct DeleteRecordsTopic {
        0+  name: Str;
        0+  partitions: Vec<DeleteRecordsPartition>;
    }

    /// One partition and an offset.
    struct DeleteRecordsPartition {
        0+  partition_index: i32;
        /// The first one to keep; -1 is the high watermark, which keeps nothing.
        0+  offset: i64;
    }

    /// What became of the partitions.
    struct DeleteRecordsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  topics: Vec<DeleteRecordsTopicResult>;
    }

    /// What became of the partitions of one topic.
    struct DeleteRecordsTopicResult {
        0+  name: Str, key;
        0+  partitions: Vec<DeleteRecordsPartitionResult>;
    }

    /// What became of one partition.
    struct DeleteRecordsPartitionResult {
        0+  partition_index: i32, key;
        /// The first offset that is left.
        0+  low_watermark: i64;
        0+  error_code: ErrorCode;
    }
}
