//! `OffsetForLeaderEpoch`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api OffsetForLeaderEpoch = 23, versions 2-4, flexible 4+, OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;

    /// The request.
    struct OffsetForLeaderEpochRequest {
        3+  replica_id: i32 = -2, ignorable;
        0+  topics: Vec<OffsetForLeaderTopic>;
    }

    /// One of the `topics` of [`OffsetForLeaderEpochRequest`].
    struct OffsetForLeaderTopic {
        0+  topic: Str, key;
        0+  partitions: Vec<OffsetForLeaderPartition>;
    }

    /// One of the `partitions` of [`OffsetForLeaderTopic`].
    struct OffsetForLeaderPartition {
        0+  partition: i32;
        2+  current_leader_epoch: i32 = -1, ignorable;
        0+  leader_epoch: i32;
    }

    /// The response.
    struct OffsetForLeaderEpochResponse {
        2+  throttle_time_ms: i32, ignorable;
        0+  topics: Vec<OffsetForLeaderTopicResult>;
    }

    /// One of the `topics` of [`OffsetForLeaderEpochResponse`].
    struct OffsetForLeaderTopicResult {
        0+  topic: Str, key;
        0+  partitions: Vec<EpochEndOffset>;
    }

    /// One of the `partitions` of [`OffsetForLeaderTopicResult`].
    struct EpochEndOffset {
        0+  error_code: ErrorCode;
        0+  partition: i32;
        1+  leader_epoch: i32 = -1, ignorable;
        0+  end_offset: i64 = -1;
    }
}
