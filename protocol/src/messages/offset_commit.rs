//! Storing up to where a group has read.
//!
//! Version 10 names topics by id only. Groups of either protocol use it, and whoever keeps offsets without being in a group.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api OffsetCommit = 8, versions 2-10, flexible 8+, OffsetCommitRequest => OffsetCommitResponse;

    /// A group and its offsets.
    struct OffsetCommitRequest {
        0+   group_id: Str;
        /// The generation in the classic protocol, the member epoch in that of KIP-848; -1 without a member.
        1+   generation_id_or_member_epoch: i32 = -1, ignorable;
        /// Empty without a member.
        1+   member_id: Str, ignorable;
        /// Null for a member that is not static.
        7+   group_instance_id: Option<Str> = None, null 7+;
        /// Milliseconds after which to forget them; -1 is the broker's setting.
        2-4  retention_time_ms: i64 = -1, ignorable;
        0+   topics: Vec<OffsetCommitRequestTopic>;
    }

    /// Offsets in one topic.
    struct OffsetCommitRequestTopic {
        0-9  name: Str, ignorable;
        10+  topic_id: Uuid, ignorable;
        0+   partitions: Vec<OffsetCommitRequestPartition>;
    }

    /// The offset in one partition.
    struct OffsetCommitRequestPartition {
        0+  partition_index: i32;
        /// The next one to read.
        0+  committed_offset: i64;
        /// Epoch of the last record read; -1 is none.
        6+  committed_leader_epoch: i32 = -1, ignorable;
        /// Whatever the client wants to keep with it.
        0+  committed_metadata: Option<Str>, null 0+;
    }

    /// What became of the offsets.
    struct OffsetCommitResponse {
        /// Milliseconds for which the broker wants to be left alone.
        3+  throttle_time_ms: i32, ignorable;
        0+  topics: Vec<OffsetCommitResponseTopic>;
    }

    /// What became of the offsets in one topic.
    struct OffsetCommitResponseTopic {
        0-9  name: Str, ignorable;
        10+  topic_id: Uuid, ignorable;
        0+   partitions: Vec<OffsetCommitResponsePartition>;
    }

    /// What became of one offset.
    struct OffsetCommitResponsePartition {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
    }
}
