//! Deleting a share group's offsets in topics (KIP-932).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DeleteShareGroupOffsets = 92, versions 0-0, flexible 0+, DeleteShareGroupOffsetsRequest => DeleteShareGroupOffsetsResponse;

    /// A group and topics.
    struct DeleteShareGroupOffsetsRequest {
        0+  group_id: Str;
        0+  topics: Vec<DeleteShareGroupOffsetsRequestTopic>;
    }

    /// One topic.
    struct DeleteShareGroupOffsetsRequestTopic {
        0+  topic_name: Str;
    }

    /// What became of the topics.
    struct DeleteShareGroupOffsetsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  responses: Vec<DeleteShareGroupOffsetsResponseTopic>;
    }

    /// What became of one topic.
    struct DeleteShareGroupOffsetsResponseTopic {
        0+  topic_name: Str;
        0+  topic_id: Uuid;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
    }
}
