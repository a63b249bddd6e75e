//! Reading the outline of what is stored of a share group's partitions (KIP-932).
//!
//! Brokers ask this of the share coordinator; clients do not.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ReadShareGroupStateSummary = 87, versions 0-1, flexible 0+, ReadShareGroupStateSummaryRequest => ReadShareGroupStateSummaryResponse;

    /// A group and its partitions.
    struct ReadShareGroupStateSummaryRequest {
        0+  group_id: Str;
        0+  topics: Vec<ReadStateSummaryData>;
    }

    /// Partitions of one topic.
    struct ReadStateSummaryData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One partition.
    struct PartitionData {
        0+  partition: i32;
        0+  leader_epoch: i32;
    }

    /// The outline.
    struct ReadShareGroupStateSummaryResponse {
        0+  results: Vec<ReadStateSummaryResult>;
    }

    /// The outline of one topic.
    struct ReadStateSummaryResult {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionResult>;
    }

    /// The outline of one partition.
    struct PartitionResult {
        0+  partition: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        /// Grows each time the state is begun anew.
        0+  state_epoch: i32;
        0+  leader_epoch: i32;
        /// The first offset that is not done with.
        0+  start_offset: i64;
        /// How many offsets from there on are done with; -1 is unknown.
        1+  delivery_complete_count: i32 = -1, ignorable;
    }
}
