//! Moving partitions to other brokers, and calling that off (KIP-455).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AlterPartitionReassignments = 45, versions 0-1, flexible 0+, AlterPartitionReassignmentsRequest => AlterPartitionReassignmentsResponse;

    /// Partitions to move.
    struct AlterPartitionReassignmentsRequest {
        /// How long the answer may wait for the moves to begin, in milliseconds.
        0+  timeout_ms: i32 = 60000;
        /// Whether a partition may have more or fewer replicas afterwards.
        1+  allow_replication_factor_change: bool = true;
        0+  topics: Vec<ReassignableTopic>;
    }

    /// Partitions of one topic.
    struct ReassignableTopic {
        0+  name: Str;
        0+  partitions: Vec<ReassignablePartition>;
    }

    /// One partition and where it is to be.
    struct ReassignablePartition {
        0+  partition_index: i32;
        /// Node ids, the preferred leader first. Null calls off a move that is under way.
        0+  replicas: Option<Vec<i32>> = None, null 0+;
    }

    /// Which moves have begun.
    struct AlterPartitionReassignmentsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        /// As in the request.
        1+  allow_replication_factor_change: bool = true, ignorable;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  responses: Vec<ReassignableTopicResponse>;
    }

    /// What became of the partitions of one topic.
    struct ReassignableTopicResponse {
        0+  name: Str;
        0+  partitions: Vec<ReassignablePartitionResponse>;
    }

    /// What became of one partition.
    struct ReassignablePartitionResponse {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
