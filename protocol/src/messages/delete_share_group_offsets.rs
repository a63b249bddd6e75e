//! `DeleteShareGroupOffsets`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DeleteShareGroupOffsets = 92, versions 0-0, flexible 0+, DeleteShareGroupOffsetsRequest => DeleteShareGroupOffsetsResponse;

    /// The request.
    struct DeleteShareGroupOffsetsRequest {
        0+  group_id: Str;
        0+  topics: Vec<DeleteShareGroupOffsetsRequestTopic>;
    }

    /// One of the `topics` of [`DeleteShareGroupOffsetsRequest`].
    struct DeleteShareGroupOffsetsRequestTopic {
        0+  topic_name: Str;
    }

    /// The response.
    struct DeleteShareGroupOffsetsResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  responses: Vec<DeleteShareGroupOffsetsResponseTopic>;
    }

    /// One of the `responses` of [`DeleteShareGroupOffsetsResponse`].
    struct DeleteShareGroupOffsetsResponseTopic {
        0+  topic_name: Str;
        0+  topic_id: Uuid;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
