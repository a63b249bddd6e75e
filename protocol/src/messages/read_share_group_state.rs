//! `ReadShareGroupState`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ReadShareGroupState = 84, versions 0-0, flexible 0+, ReadShareGroupStateRequest => ReadShareGroupStateResponse;

    /// The request.
    struct ReadShareGroupStateRequest {
        0+  group_id: Str;
        0+  topics: Vec<ReadStateData>;
    }

    /// One of the `topics` of [`ReadShareGroupStateRequest`].
    struct ReadStateData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One of the `partitions` of [`ReadStateData`].
    struct PartitionData {
        0+  partition: i32;
        0+  leader_epoch: i32;
    }

    /// The response.
    struct ReadShareGroupStateResponse {
        0+  results: Vec<ReadStateResult>;
    }

    /// One of the `results` of [`ReadShareGroupStateResponse`].
    struct ReadStateResult {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionResult>;
    }

    /// One of the `partitions` of [`ReadStateResult`].
    struct PartitionResult {
        0+  partition: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  state_epoch: i32;
        0+  start_offset: i64;
        0+  state_batches: Vec<StateBatch>;
    }

    /// One of the `state_batches` of [`PartitionResult`].
    struct StateBatch {
        0+  first_offset: i64;
        0+  last_offset: i64;
        0+  delivery_state: i8;
        0+  delivery_count: i16;
    }
}
