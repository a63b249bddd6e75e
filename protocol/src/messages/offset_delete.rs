//! Deleting a group's offsets in topics that it does not read (KIP-496).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api OffsetDelete = 47, versions 0-0, flexible none, OffsetDeleteRequest => OffsetDeleteResponse;

    /// A group and partitions.
    struct OffsetDeleteRequest {
        0+  group_id: Str;
        0+  topics: Vec<OffsetDeleteRequestTopic>;
    }

    /// Partitions of one topic.
    struct OffsetDeleteRequestTopic {
        0+  name: Str, key;
        0+  partitions: Vec<OffsetDeleteRequestPartition>;
    }

    /// One partition.
    struct OffsetDeleteRequestPartition {
        0+  partition_index: i32;
    }

    /// What became of the offsets.
    struct OffsetDeleteResponse {
        0+  error_code: ErrorCode;
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32, ignorable;
        0+  topics: Vec<OffsetDeleteResponseTopic>;
    }

    /// What became of the offsets in one topic.
    struct OffsetDeleteResponseTopic {
        0+  name: Str, key;
        0+  partitions: Vec<OffsetDeleteResponsePartition>;
    }

    /// What became of one offset.
    struct OffsetDeleteResponsePartition {
        0+  partition_index: i32, key;
        0+  error_code: ErrorCode;
    }
}
