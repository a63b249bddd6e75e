//! `DeleteShareGroupState`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DeleteShareGroupState = 86, versions 0-0, flexible 0+, DeleteShareGroupStateRequest => DeleteShareGroupStateResponse;

    /// The request.
    struct DeleteShareGroupStateRequest {
        0+  group_id: Str;
        0+  topics: Vec<DeleteStateData>;
    }

    /// One of the `topics` of [`DeleteShareGroupStateRequest`].
    struct DeleteStateData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One of the `partitions` of [`DeleteStateData`].
    struct PartitionData {
        0+  partition: i32;
    }

    /// The response.
    struct DeleteShareGroupStateResponse {
        0+  results: Vec<DeleteStateResult>;
    }

    /// One of the `results` of [`DeleteShareGroupStateResponse`].
    struct DeleteStateResult {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionResult>;
    }

    /// One of the `partitions` of [`DeleteStateResult`].
    struct PartitionResult {
        0+  partition: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
