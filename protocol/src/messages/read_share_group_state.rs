//! Reading what is stored of a share group's partitions (KIP-932).
//!
//! Brokers ask this of the share coordinator; clients do not.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ReadShareGroupState = 84, versions 0-0, flexible 0+, ReadShareGroupStateRequest => ReadShareGroupStateResponse;

    /// A group and its partitions.
    struct ReadShareGroupStateRequest {
        0+  group_id: Str;
        0+  topics: Vec<ReadStateData>;
    }

    /// Partitions of one topic.
    struct ReadStateData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One partition.
    struct PartitionData {
        0+  partition: i32;
        0+  leader_epoch: i32;
    }

    /// What is stored.
    struct ReadShareGroupStateResponse {
        0+  results: Vec<ReadStateResult>;
    }

    /// What is stored of one topic.
    struct ReadStateResult {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionResult>;
    }

    /// What is stored of one partition.
    struct PartitionResult {
        0+  partition: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        /// Grows each time the state is begun anew.
        0+  state_epoch: i32;
        /// The first offset that is not done with; -1 is not known yet.
        0+  start_offset: i64;
        0+  state_batches: Vec<StateBatch>;
    }

    /// Records in a row that are in one state.
    struct StateBatch {
        0+  first_offset: i64;
        /// The last one's own offset.
        0+  last_offset: i64;
        /// 0 available, 2 acknowledged, 4 given up.
        0+  delivery_state: i8;
        /// How often they were handed out.
        0+  delivery_count: i16;
    }
}
