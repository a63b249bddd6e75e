//! Storing the state of a share group's partitions (KIP-932).
//!
//! Brokers ask this of the share coordinator; clients do not.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api WriteShareGroupState = 85, versions 0-1, flexible 0+, WriteShareGroupStateRequest => WriteShareGroupStateResponse;

    /// A group and the state of its partitions.
    struct WriteShareGroupStateRequest {
        0+  group_id: Str;
        0+  topics: Vec<WriteStateData>;
    }

    /// Partitions of one topic.
    struct WriteStateData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One partition.
    struct PartitionData {
        0+  partition: i32;
        /// Grows each time the state is begun anew.
        0+  state_epoch: i32;
        0+  leader_epoch: i32;
        /// The first offset that is not done with; -1 is as before.
        0+  start_offset: i64;
        /// How many offsets from there on are done with; -1 is unknown.
        1+  delivery_complete_count: i32 = -1, ignorable;
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

    /// What became of the partitions.
    struct WriteShareGroupStateResponse {
        0+  results: Vec<WriteStateResult>;
    }

    /// What became of the partitions of one topic.
    struct WriteStateResult {
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
