//! Beginning to store the state of a share group's partitions (KIP-932).
//!
//! Brokers ask this of the share coordinator; clients do not.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api InitializeShareGroupState = 83, versions 0-0, flexible 0+, InitializeShareGroupStateRequest => InitializeShareGroupStateResponse;

    /// A group and its partitions.
    struct InitializeShareGroupStateRequest {
        0+  group_id: Str;
        0+  topics: Vec<InitializeStateData>;
    }

    /// Partitions of one topic.
    struct InitializeStateData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One partition.
    struct PartitionData {
        0+  partition: i32;
        /// Grows each time the state is begun anew.
        0+  state_epoch: i32;
        /// Where the group begins; -1 leaves that open.
        0+  start_offset: i64;
    }

    /// What became of the partitions.
    struct InitializeShareGroupStateResponse {
        0+  results: Vec<InitializeStateResult>;
    }

    /// What became of the partitions of one topic.
    struct InitializeStateResult {
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
