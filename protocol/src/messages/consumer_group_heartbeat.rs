//! `ConsumerGroupHeartbeat`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ConsumerGroupHeartbeat = 68, versions 0-1, flexible 0+, ConsumerGroupHeartbeatRequest => ConsumerGroupHeartbeatResponse;

    /// The request.
    struct ConsumerGroupHeartbeatRequest {
        0+  group_id: Str;
        0+  member_id: Str;
        0+  member_epoch: i32;
        0+  instance_id: Option<Str> = None, null 0+;
        0+  rack_id: Option<Str> = None, null 0+;
        0+  rebalance_timeout_ms: i32 = -1;
        0+  subscribed_topic_names: Option<Vec<Str>> = None, null 0+;
        1+  subscribed_topic_regex: Option<Str> = None, null 1+;
        0+  server_assignor: Option<Str> = None, null 0+;
        0+  topic_partitions: Option<Vec<TopicPartitions>> = None, null 0+;
    }

    /// One of the `topic_partitions` of [`ConsumerGroupHeartbeatRequest`].
    struct TopicPartitions {
        0+  topic_id: Uuid;
        0+  partitions: Vec<i32>;
    }

    /// The response.
    struct ConsumerGroupHeartbeatResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  member_id: Option<Str> = None, null 0+;
        0+  member_epoch: i32;
        0+  heartbeat_interval_ms: i32;
        0+  assignment: Option<Assignment> = None, null 0+;
    }

    /// The `assignment` of [`ConsumerGroupHeartbeatResponse`].
    struct Assignment {
        0+  topic_partitions: Vec<TopicPartitions>;
    }
}
