//! Where the records of a leader's epoch end: how followers (KIP-101) and consumers (KIP-320) notice that a log was cut.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api OffsetForLeaderEpoch = 23, versions 2-4, flexible 4+, OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;

    /// Partitions and epochs.
    struct OffsetForLeaderEpochRequest {
        /// A follower's id; -1 from a client, -2 from whoever debugs.
        3+  replica_id: i32 = -2, ignorable;
        0+  topics: Vec<OffsetForLeaderTopic>;
    }

    /// Partitions of one topic.
    struct OffsetForLeaderTopic {
        0+  topic: Str, key;
        0+  partitions: Vec<OffsetForLeaderPartition>;
    }

    /// One partition and an epoch.
    struct OffsetForLeaderPartition {
        0+  partition: i32;
        /// The leader epoch the client knows; -1 for none.
        2+  current_leader_epoch: i32 = -1, ignorable;
        /// The epoch asked for.
        0+  leader_epoch: i32;
    }

    /// The ends.
    struct OffsetForLeaderEpochResponse {
        /// Milliseconds for which the broker wants to be left alone.
        2+  throttle_time_ms: i32, ignorable;
        0+  topics: Vec<OffsetForLeaderTopicResult>;
    }

    /// The ends in one topic.
    struct OffsetForLeaderTopicResult {
        0+  topic: Str, key;
        0+  partitions: Vec<EpochEndOffset>;
    }

    /// The end in one partition.
    struct EpochEndOffset {
        0+  error_code: ErrorCode;
        0+  partition: i32;
        /// The epoch asked for, or the last one before it; -1 is unknown.
        1+  leader_epoch: i32 = -1, ignorable;
        /// One past its last record; -1 is unknown.
        0+  end_offset: i64 = -1;
    }
}
