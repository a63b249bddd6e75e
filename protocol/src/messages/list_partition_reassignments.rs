//! Which partitions are on the move (KIP-455).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ListPartitionReassignments = 46, versions 0-0, flexible 0+, ListPartitionReassignmentsRequest => ListPartitionReassignmentsResponse;

    /// Which topics.
    struct ListPartitionReassignmentsRequest {
        /// How long the answer may take, in milliseconds.
        0+  timeout_ms: i32 = 60000;
        /// Null asks for all of them.
        0+  topics: Option<Vec<ListPartitionReassignmentsTopics>> = None, null 0+;
    }

    /// Partitions of one topic.
    struct ListPartitionReassignmentsTopics {
        0+  name: Str;
        0+  partition_indexes: Vec<i32>;
    }

    /// The moves.
    struct ListPartitionReassignmentsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  topics: Vec<OngoingTopicReassignment>;
    }

    /// The moves in one topic.
    struct OngoingTopicReassignment {
        0+  name: Str;
        0+  partitions: Vec<OngoingPartitionReassignment>;
    }

    /// One move.
    struct OngoingPartitionReassignment {
        0+  partition_index: i32;
        /// Where it is now, those included that come and go.
        0+  replicas: Vec<i32>;
        0+  adding_replicas: Vec<i32>;
        0+  removing_replicas: Vec<i32>;
    }
}
