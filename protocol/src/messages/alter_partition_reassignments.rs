//! `AlterPartitionReassignments`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AlterPartitionReassignments = 45, versions 0-1, flexible 0+, AlterPartitionReassignmentsRequest => AlterPartitionReassignmentsResponse;

    /// The request.
    struct AlterPartitionReassignmentsRequest {
        0+  timeout_ms: i32 = 60000;
        1+  allow_replication_factor_change: bool = true;
        0+  topics: Vec<ReassignableTopic>;
    }

    /// One of the `topics` of [`AlterPartitionReassignmentsRequest`].
    struct ReassignableTopic {
        0+  name: Str;
        0+  partitions: Vec<ReassignablePartition>;
    }

    /// One of the `partitions` of [`ReassignableTopic`].
    struct ReassignablePartition {
        0+  partition_index: i32;
        0+  replicas: Option<Vec<i32>> = None, null 0+;
    }

    /// The response.
    struct AlterPartitionReassignmentsResponse {
        0+  throttle_time_ms: i32;
        1+  allow_replication_factor_change: bool = true, ignorable;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  responses: Vec<ReassignableTopicResponse>;
    }

    /// One of the `responses` of [`AlterPartitionReassignmentsResponse`].
    struct ReassignableTopicResponse {
        0+  name: Str;
        0+  partitions: Vec<ReassignablePartitionResponse>;
    }

    /// One of the `partitions` of [`ReassignableTopicResponse`].
    struct ReassignablePartitionResponse {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
