//! `OffsetCommit`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api OffsetCommit = 8, versions 2-10, flexible 8+, OffsetCommitRequest => OffsetCommitResponse;

    /// The request.
    struct OffsetCommitRequest {
        0+   group_id: Str;
        1+   generation_id_or_member_epoch: i32 = -1, ignorable;
        1+   member_id: Str, ignorable;
        7+   group_instance_id: Option<Str> = None, null 7+;
        2-4  retention_time_ms: i64 = -1, ignorable;
        0+   topics: Vec<OffsetCommitRequestTopic>;
    }

    /// One of the `topics` of [`OffsetCommitRequest`].
    struct OffsetCommitRequestTopic {
        0-9  name: Str, ignorable;
        10+  topic_id: Uuid, ignorable;
        0+   partitions: Vec<OffsetCommitRequestPartition>;
    }

    /// One of the `partitions` of [`OffsetCommitRequestTopic`].
    struct OffsetCommitRequestPartition {
        0+  partition_index: i32;
        0+  committed_offset: i64;
        6+  committed_leader_epoch: i32 = -1, ignorable;
        0+  committed_metadata: Option<Str>, null 0+;
    }

    /// The response.
    struct OffsetCommitResponse {
        3+  throttle_time_ms: i32, ignorable;
        0+  topics: Vec<OffsetCommitResponseTopic>;
    }

    /// One of the `topics` of [`OffsetCommitResponse`].
    struct OffsetCommitResponseTopic {
        0-9  name: Str, ignorable;
        10+  topic_id: Uuid, ignorable;
        0+   partitions: Vec<OffsetCommitResponsePartition>;
    }

    /// One of the `partitions` of [`OffsetCommitResponseTopic`].
    struct OffsetCommitResponsePartition {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
    }
}
