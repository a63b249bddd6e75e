//! `DescribeShareGroupOffsets`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DescribeShareGroupOffsets = 90, versions 0-1, flexible 0+, DescribeShareGroupOffsetsRequest => DescribeShareGroupOffsetsResponse;

    /// The request.
    struct DescribeShareGroupOffsetsRequest {
        0+  groups: Vec<DescribeShareGroupOffsetsRequestGroup>;
    }

    /// One of the `groups` of [`DescribeShareGroupOffsetsRequest`].
    struct DescribeShareGroupOffsetsRequestGroup {
        0+  group_id: Str;
        0+  topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic>>, null 0+;
    }

    /// One of the `topics` of [`DescribeShareGroupOffsetsRequestGroup`].
    struct DescribeShareGroupOffsetsRequestTopic {
        0+  topic_name: Str;
        0+  partitions: Vec<i32>;
    }

    /// The response.
    struct DescribeShareGroupOffsetsResponse {
        0+  throttle_time_ms: i32;
        0+  groups: Vec<DescribeShareGroupOffsetsResponseGroup>;
    }

    /// One of the `groups` of [`DescribeShareGroupOffsetsResponse`].
    struct DescribeShareGroupOffsetsResponseGroup {
        0+  group_id: Str;
        0+  topics: Vec<DescribeShareGroupOffsetsResponseTopic>;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }

    /// One of the `topics` of [`DescribeShareGroupOffsetsResponseGroup`].
    struct DescribeShareGroupOffsetsResponseTopic {
        0+  topic_name: Str;
        0+  topic_id: Uuid;
        0+  partitions: Vec<DescribeShareGroupOffsetsResponsePartition>;
    }

    /// One of the `partitions` of [`DescribeShareGroupOffsetsResponseTopic`].
    struct DescribeShareGroupOffsetsResponsePartition {
        0+  partition_index: i32;
        0+  start_offset: i64;
        0+  leader_epoch: i32;
        1+  lag: i64 = -1, ignorable;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
