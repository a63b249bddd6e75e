//! `ReadShareGroupStateSummary`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ReadShareGroupStateSummary = 87, versions 0-1, flexible 0+, ReadShareGroupStateSummaryRequest => ReadShareGroupStateSummaryResponse;

    /// The request.
    struct ReadShareGroupStateSummaryRequest {
        0+  group_id: Str;
        0+  topics: Vec<ReadStateSummaryData>;
    }

    /// One of the `topics` of [`ReadShareGroupStateSummaryRequest`].
    struct ReadStateSummaryData {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionData>;
    }

    /// One of the `partitions` of [`ReadStateSummaryData`].
    struct PartitionData {
        0+  partition: i32;
        0+  leader_epoch: i32;
    }

    /// The response.
    struct ReadShareGroupStateSummaryResponse {
        0+  results: Vec<ReadStateSummaryResult>;
    }

    /// One of the `results` of [`ReadShareGroupStateSummaryResponse`].
    struct ReadStateSummaryResult {
        0+  topic_id: Uuid;
        0+  partitions: Vec<PartitionResult>;
    }

    /// One of the `partitions` of [`ReadStateSummaryResult`].
    struct PartitionResult {
        0+  partition: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  state_epoch: i32;
        0+  leader_epoch: i32;
        0+  start_offset: i64;
        1+  delivery_complete_count: i32 = -1, ignorable;
    }
}
