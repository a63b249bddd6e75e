//! Joining a group of the consumer protocol, staying in it, and leaving it (KIP-848).
//!
//! The coordinator assigns partitions, and hands out changes in its answers. A request says only what has changed since the
//! last one; the first says everything.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ConsumerGroupHeartbeat = 68, versions 0-1, flexible 0+, ConsumerGroupHeartbeatRequest => ConsumerGroupHeartbeatResponse;

    /// A member and what has changed.
    struct ConsumerGroupHeartbeatRequest {
        0+  group_id: Str;
        /// From version 1 on the member's own choice; in version 0 empty when joining.
        0+  member_id: Str;
        /// That of the last answer; 0 joins, -1 leaves, -2 leaves for a while as a static member.
        0+  member_epoch: i32;
        /// Makes it a static member. Null if there is none, or as before.
        0+  instance_id: Option<Str> = None, null 0+;
        /// Null if there is none, or as before.
        0+  rack_id: Option<Str> = None, null 0+;
        /// How long it may take to give up partitions, in milliseconds; -1 is as before.
        0+  rebalance_timeout_ms: i32 = -1;
        /// Null is as before.
        0+  subscribed_topic_names: Option<Vec<Str>> = None, null 0+;
        /// In the syntax of RE2. Null is as before.
        1+  subscribed_topic_regex: Option<Str> = None, null 1+;
        /// The name of the coordinator's assignor. Null leaves that to it, or is as before.
        0+  server_assignor: Option<Str> = None, null 0+;
        /// What the member has now. Null is as before.
        0+  topic_partitions: Option<Vec<TopicPartitions>> = None, null 0+;
    }

    /// Partitions of one topic.
    struct TopicPartitions {
        0+  topic_id: Uuid;
        0+  partitions: Vec<i32>;
    }

    /// The member's epoch, and what it is to have.
    struct ConsumerGroupHeartbeatResponse {
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
}
