//! `AlterShareGroupOffsets`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api AlterShareGroupOffsets = 91, versions 0-0, flexible 0+, AlterShareGroupOffsetsRequest => AlterShareGroupOffsetsResponse;

    /// The request.
    struct AlterShareGroupOffsetsRequest {
        0+  group_id: Str;
        0+  topics: Vec<AlterShareGroupOffsetsRequestTopic>;
    }

    /// One of the `topics` of [`AlterShareGroupOffsetsRequest`].
    struct AlterShareGroupOffsetsRequestTopic {
        0+  topic_name: Str, key;
        0+  partitions: Vec<AlterShareGroupOffsetsRequestPartition>;
    }

    /// One of the `partitions` of [`AlterShareGroupOffsetsRequestTopic`].
    struct AlterShareGroupOffsetsRequestPartition {
        0+  partition_index: i32;
        0+  start_offset: i64;
    }

    /// The response.
    struct AlterShareGroupOffsetsResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  responses: Vec<AlterShareGroupOffsetsResponseTopic>;
    }

    /// One of the `responses` of [`AlterShareGroupOffsetsResponse`].
    struct AlterShareGroupOffsetsResponseTopic {
        0+  topic_name: Str, key;
        0+  topic_id: Uuid;
        0+  partitions: Vec<AlterShareGroupOffsetsResponsePartition>;
    }

    /// One of the `partitions` of [`AlterShareGroupOffsetsResponseTopic`].
    struct AlterShareGroupOffsetsResponsePartition {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
