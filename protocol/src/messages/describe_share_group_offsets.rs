//! From where share groups read (KIP-932), and how much is before them (version 1, KIP-1226).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DescribeShareGroupOffsets = 90, versions 0-1, flexible 0+, DescribeShareGroupOffsetsRequest => DescribeShareGroupOffsetsResponse;

    /// Which groups.
    struct DescribeShareGroupOffsetsRequest {
        0+  groups: Vec<DescribeShareGroupOffsetsRequestGroup>;
    }

    /// One group and partitions.
    struct DescribeShareGroupOffsetsRequestGroup {
        0+  group_id: Str;
        /// Null asks for all of them.
        0+  topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic>>, null 0+;
    }

    /// Partitions of one topic.
    struct DescribeShareGroupOffsetsRequestTopic {
        0+  topic_name: Str;
        0+  partitions: Vec<i32>;
    }

    /// The groups.
    struct DescribeShareGroupOffsetsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  groups: Vec<DescribeShareGroupOffsetsResponseGroup>;
    }

    /// One group.
    struct DescribeShareGroupOffsetsResponseGroup {
        0+  group_id: Str;
        0+  topics: Vec<DescribeShareGroupOffsetsResponseTopic>;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }

    /// Partitions of one topic.
    struct DescribeShareGroupOffsetsResponseTopic {
        0+  topic_name: Str;
        0+  topic_id: Uuid;
        0+  partitions: Vec<DescribeShareGroupOffsetsResponsePartition>;
    }

    /// One partition.
    struct DescribeShareGroupOffsetsResponsePartition {
        0+  partition_index: i32;
        /// The first offset that is not done with.
        0+  start_offset: i64;
        0+  leader_epoch: i32;
        /// Records that are not done with; -1 is unknown.
        1+  lag: i64 = -1, ignorable;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
