//! Setting from where a share group without members will read (KIP-932).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api AlterShareGroupOffsets = 91, versions 0-0, flexible 0+, AlterShareGroupOffsetsRequest => AlterShareGroupOffsetsResponse;

    /// A group and its new offsets.
    struct AlterShareGroupOffsetsRequest {
        0+  group_id: Str;
        0+  topics: Vec<AlterShareGroupOffsetsRequestTopic>;
    }

    /// Offsets in one topic.
    struct AlterShareGroupOffsetsRequestTopic {
        0+  topic_name: Str, key;
        0+  partitions: Vec<AlterShareGroupOffsetsRequestPartition>;
    }

    /// The offset in one partition.
    struct AlterShareGroupOffsetsRequestPartition {
        0+  partition_index: i32;
        0+  start_offset: i64;
    }

    /// What became of the offsets.
    struct AlterShareGroupOffsetsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  responses: Vec<AlterShareGroupOffsetsResponseTopic>;
    }

    /// What became of the offsets in one topic.
    struct AlterShareGroupOffsetsResponseTopic {
        0+  topic_name: Str, key;
        0+  topic_id: Uuid;
        0+  partitions: Vec<AlterShareGroupOffsetsResponsePartition>;
    }

    /// What became of one offset.
    struct AlterShareGroupOffsetsResponsePartition {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
