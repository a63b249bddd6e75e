//! `TxnOffsetCommit`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api TxnOffsetCommit = 28, versions 0-5, flexible 3+, TxnOffsetCommitRequest => TxnOffsetCommitResponse;

    /// The request.
    struct TxnOffsetCommitRequest {
        0+  transactional_id: Str;
        0+  group_id: Str;
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        3+  generation_id: i32 = -1;
        3+  member_id: Str;
        3+  group_instance_id: Option<Str> = None, null 3+;
        0+  topics: Vec<TxnOffsetCommitRequestTopic>;
    }

    /// One of the `topics` of [`TxnOffsetCommitRequest`].
    struct TxnOffsetCommitRequestTopic {
        0+  name: Str;
        0+  partitions: Vec<TxnOffsetCommitRequestPartition>;
    }

    /// One of the `partitions` of [`TxnOffsetCommitRequestTopic`].
    struct TxnOffsetCommitRequestPartition {
        0+  partition_index: i32;
        0+  committed_offset: i64;
        2+  committed_leader_epoch: i32 = -1, ignorable;
        0+  committed_metadata: Option<Str>, null 0+;
    }

    /// The response.
    struct TxnOffsetCommitResponse {
        0+  throttle_time_ms: i32;
        0+  topics: Vec<TxnOffsetCommitResponseTopic>;
    }

    /// One of the `topics` of [`TxnOffsetCommitResponse`].
    struct TxnOffsetCommitResponseTopic {
        0+  name: Str;
        0+  partitions: Vec<TxnOffsetCommitResponsePartition>;
    }

    /// One of the `partitions` of [`TxnOffsetCommitResponseTopic`].
    struct TxnOffsetCommitResponsePartition {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
    }
}
