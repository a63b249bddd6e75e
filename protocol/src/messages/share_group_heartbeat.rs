//! `ShareGroupHeartbeat`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ShareGroupHeartbeat = 76, versions 1-1, flexible 0+, ShareGroupHeartbeatRequest => ShareGroupHeartbeatResponse;

    /// The request.
    struct ShareGroupHeartbeatRequest {
        0+  group_id: Str;
        0+  member_id: Str;
        0+  member_epoch: i32;
        0+  rack_id: Option<Str> = None, null 0+;
        0+  subscribed_topic_names: Option<Vec<Str>> = None, null 0+;
    }

    /// The response.
    struct ShareGroupHeartbeatResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  member_id: Option<Str> = None, null 0+;
        0+  member_epoch: i32;
        0+  heartbeat_interval_ms: i32;
        0+  assignment: Option<Assignment> = None, null 0+;
    }

    /// The `assignment` of [`ShareGroupHeartbeatResponse`].
    struct Assignment {
        0+  topic_partitions: Vec<TopicPartitions>;
    }

    /// One of the `topic_partitions` of [`Assignment`].
    struct TopicPartitions {
        0+  topic_id: Uuid;
        0+  partitions: Vec<i32>;
    }
}
