//! Joining a share group, staying in it, and leaving it (KIP-932).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ShareGroupHeartbeat = 76, versions 1-1, flexible 0+, ShareGroupHeartbeatRequest => ShareGroupHeartbeatResponse;

    /// A member and what has changed.
    struct ShareGroupHeartbeatRequest {
        0+  group_id: Str;
        /// The member's own choice.
        0+  member_id: Str;
        /// That of the last answer; 0 joins, -1 leaves.
        0+  member_epoch: i32;
        /// Null if there is none, or as before.
        0+  rack_id: Option<Str> = None, null 0+;
        /// Null is as before.
        0+  subscribed_topic_names: Option<Vec<Str>> = None, null 0+;
    }

    /// The member's epoch, and what it is to have.
    struct ShareGroupHeartbeatResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  member_id: Option<Str> = None, null 0+;
        0+  member_epoch: i32;
        /// When to ask again, in milliseconds.
        0+  heartbeat_interval_ms: i32;
        /// Null is as before.
        0+  assignment: Option<Assignment> = None, null 0+;
    }

    /// What the member is to have.
    struct Assignment {
        0+  topic_partitions: Vec<TopicPartitions>;
    }

    /// Partitions of one topic.
    struct TopicPartitions {
        0+  topic_id: Uuid;
        0+  partitions: Vec<i32>;
    }
}
