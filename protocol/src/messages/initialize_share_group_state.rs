//! `InitializeShareGroupState`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api InitializeShareGroupState = 83, versions 0-0, flexible 0+, InitializeShareGroupStateRequest => InitializeShareGroupStateResponse;

    /// The request.
    struct InitializeShareGroupStateRequest {
        0+  group_id: Str;
        0+  topics: Vec<InitializeStateData>;
    }

    /// One of the `topics` of [`InitializeShareGroupStateRequest`].
    struct InitializeStateData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One of the `partitions` of [`InitializeStateData`].
    struct PartitionData {
        0+  partition: i32;
        0+  state_epoch: i32;
        0+  start_offset: i64;
    }

    /// The response.
    struct InitializeShareGroupStateResponse {
        0+  results: Vec<InitializeStateResult>;
    }

    /// One of the `results` of [`InitializeShareGroupStateResponse`].
    struct InitializeStateResult {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionResult>;
    }

    /// One of the `partitions` of [`InitializeStateResult`].
    struct PartitionResult {
        0+  partition: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
