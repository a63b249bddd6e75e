//! `WriteShareGroupState`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api WriteShareGroupState = 85, versions 0-1, flexible 0+, WriteShareGroupStateRequest => WriteShareGroupStateResponse;

    /// The request.
    struct WriteShareGroupStateRequest {
        0+  group_id: Str;
        0+  topics: Vec<WriteStateData>;
    }

    /// One of the `topics` of [`WriteShareGroupStateRequest`].
    struct WriteStateData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One of the `partitions` of [`WriteStateData`].
    struct PartitionData {
        0+  partition: i32;
        0+  state_epoch: i32;
        0+  leader_epoch: i32;
        0+  start_offset: i64;
        1+  delivery_complete_count: i32 = -1, ignorable;
        0+  state_batches: Vec<StateBatch>;
    }

    /// One of the `state_batches` of [`PartitionData`].
    struct StateBatch {
        0+  first_offset: i64;
        0+  last_offset: i64;
        0+  delivery_state: i8;
        0+  delivery_count: i16;
    }

    /// The response.
    struct WriteShareGroupStateResponse {
        0+  results: Vec<WriteStateResult>;
    }

    /// One of the `results` of [`WriteShareGroupStateResponse`].
    struct WriteStateResult {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionResult>;
    }

    /// One of the `partitions` of [`WriteStateResult`].
    struct PartitionResult {
        0+  partition: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
