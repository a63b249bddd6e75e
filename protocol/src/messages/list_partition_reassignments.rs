//! `ListPartitionReassignments`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ListPartitionReassignments = 46, versions 0-0, flexible 0+, ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse;

    /// The request.
    struct ListPartitionReassignmentsRequest {
        0+  timeout_ms: i32 = 60000;
        0+  topics: Option<Vec<ListPartitionReassignmentsTopics>> = None, null 0+;
    }

    /// One of the `topics` of [`ListPartitionReassignmentsRequest`].
    struct ListPartitionReassignmentsTopics {
        0+  name: Str;
        0+  partition_indexes: Vec<i32>;
    }

    /// The response.
    struct ListPartitionReassignmentsResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  topics: Vec<OngoingTopicReassignment>;
    }

    /// One of the `topics` of [`ListPartitionReassignmentsResponse`].
    struct OngoingTopicReassignment {
        0+  name: Str;
        0+  partitions: Vec<OngoingPartitionReassignment>;
    }

    /// One of the `partitions` of [`OngoingTopicReassignment`].
    struct OngoingPartitionReassignment {
        0+  partition_index: i32;
        0+  replicas: Vec<i32>;
        0+  adding_replicas: Vec<i32>;
        0+  removing_replicas: Vec<i32>;
    }
}
