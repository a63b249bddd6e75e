//! Storing up to where a group has read, as part of a transaction (KIP-98).
//!
//! Version 3 names the member, so that one that was replaced cannot commit (KIP-447). Version 5 does what AddOffsetsToTxn did
//! (KIP-890), and is for the transaction protocol of Kafka 4.0 only.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api TxnOffsetCommit = 28, versions 0-5, flexible 3+, TxnOffsetCommitRequest => TxnOffsetCommitResponse;

    /// A transaction, a group and its offsets.
    struct TxnOffsetCommitRequest {
        0+  transactional_id: Str;
        0+  group_id: Str;
        0+  producer_id: i64;
        0+  producer_epoch: i16;
        /// -1 without a member.
        3+  generation_id: i32 = -1;
        /// Empty without a member.
        3+  member_id: Str;
        /// Null for a member that is not static.
        3+  group_instance_id: Option<Str> = None, null 3+;
        0+  topics: Vec<TxnOffsetCommitRequestTopic>;
    }

    /// Offsets in one topic.
    struct TxnOffsetCommitRequestTopic {
        0+  name: Str;
        0+  partitions: Vec<TxnOffsetCommitRequestPartition>;
    }

    /// The offset in one partition.
    struct TxnOffsetCommitRequestPartition {
        0+  partition_index: i32;
        /// The next one to read.
        0+  committed_offset: i64;
        /// Epoch of the last record read; -1 is none.
        2+  committed_leader_epoch: i32 = -1, ignorable;
        /// Whatever the client wants to keep with it.
        0+  committed_metadata: Option<Str>, null 0+;
    }

    /// What became of the offsets.
    struct TxnOffsetCommitResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  topics: Vec<TxnOffsetCommitResponseTopic>;
    }

    /// What became of the offsets in one topic.
    struct TxnOffsetCommitResponseTopic {
        0+  name: Str;
        0+  partitions: Vec<TxnOffsetCommitResponsePartition>;
    }

    /// What became of one offset.
    struct TxnOffsetCommitResponsePartition {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
    }
}
