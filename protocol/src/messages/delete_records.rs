//! `DeleteRecords`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DeleteRecords = 21, versions 0-2, flexible 2+, DeleteRecordsRequest => DeleteRecordsResponse;

    /// The request.
    struct DeleteRecordsRequest {
        0+  topics: Vec<DeleteRecordsTopic>;
        0+  timeout_ms: i32;
    }

    /// One of the `topics` of [`DeleteRecordsRequest`].
    struct DeleteRecordsTopic {
        0+  name: Str;
        0+  partitions: Vec<DeleteRecordsPartition>;
    }

    /// One of the `partitions` of [`DeleteRecordsTopic`].
    struct DeleteRecordsPartition {
        0+  partition_index: i32;
        0+  offset: i64;
    }

    /// The response.
    struct DeleteRecordsResponse {
        0+  throttle_time_ms: i32;
        0+  topics: Vec<DeleteRecordsTopicResult>;
    }

    /// One of the `topics` of [`DeleteRecordsResponse`].
    struct DeleteRecordsTopicResult {
        0+  name: Str, key;
        0+  partitions: Vec<DeleteRecordsPartitionResult>;
    }

    /// One of the `partitions` of [`DeleteRecordsTopicResult`].
    struct DeleteRecordsPartitionResult {
        0+  partition_index: i32, key;
        0+  low_watermark: i64;
        0+  error_code: ErrorCode;
    }
}
