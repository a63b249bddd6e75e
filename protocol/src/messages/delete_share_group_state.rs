//! Deleting what is stored of a share group's partitions (KIP-932).
//!
//! Brokers ask this of the share coordinator; clients do not.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DeleteShareGroupState = 86, versions 0-0, flexible 0+, DeleteShareGroupStateRequest => DeleteShareGroupStateResponse;

    /// A group and its partitions.
    struct DeleteShareGroupStateRequest {
        0+  group_id: Str;
        0+  topics: Vec<DeleteStateData>;
    }

    /// Partitions of one topic.
    struct DeleteStateData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One partition.
    struct PartitionData {
        0+  partition: i32;
    }

    /// What became of the partitions.
    struct DeleteShareGroupStateResponse {
        0+  results: Vec<DeleteStateResult>;
    }

    /// What became of the partitions of one topic.
    struct DeleteStateResult {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionResult>;
    }

    /// What became of one partition.
    struct PartitionResult {
        0+  partition: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
