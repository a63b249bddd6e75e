//! `OffsetDelete`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api OffsetDelete = 47, versions 0-0, flexible none, OffsetDeleteRequest => OffsetDeleteResponse;

    /// The request.
    struct OffsetDeleteRequest {
        0+  group_id: Str;
        0+  topics: Vec<OffsetDeleteRequestTopic>;
    }

    /// One of the `topics` of [`OffsetDeleteRequest`].
    struct OffsetDeleteRequestTopic {
        0+  name: Str, key;
        0+  partitions: Vec<OffsetDeleteRequestPartition>;
    }

    /// One of the `partitions` of [`OffsetDeleteRequestTopic`].
    struct OffsetDeleteRequestPartition {
        0+  partition_index: i32;
    }

    /// The response.
    struct OffsetDeleteResponse {
        0+  error_code: ErrorCode;
        0+  throttle_time_ms: i32, ignorable;
        0+  topics: Vec<OffsetDeleteResponseTopic>;
    }

    /// One of the `topics` of [`OffsetDeleteResponse`].
    struct OffsetDeleteResponseTopic {
        0+  name: Str, key;
        0+  partitions: Vec<OffsetDeleteResponsePartition>;
    }

    /// One of the `partitions` of [`OffsetDeleteResponseTopic`].
    struct OffsetDeleteResponsePartition {
        0+  partition_index: i32, key;
        0+  error_code: ErrorCode;
    }
}
