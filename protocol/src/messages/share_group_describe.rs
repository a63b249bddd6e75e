//! What a share group is doing (KIP-932).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ShareGroupDescribe = 77, versions 1-1, flexible 0+, ShareGroupDescribeRequest => ShareGroupDescribeResponse;

    /// Which groups.
    struct ShareGroupDescribeRequest {
        0+  group_ids: Vec<Str>;
        0+  include_authorized_operations: bool;
    }

    /// The groups.
    struct ShareGroupDescribeResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  groups: Vec<DescribedGroup>;
    }

    /// One group.
    struct DescribedGroup {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  group_id: Str;
        0+  group_state: Str;
        /// Grows when members or what they subscribe to change.
        0+  group_epoch: i32;
        /// The group epoch that the assignment was made for.
        0+  assignment_epoch: i32;
        0+  assignor_name: Str;
        0+  members: Vec<Member>;
        /// Bits by Kafka's operation codes; `i32::MIN` when not asked for.
        0+  authorized_operations: i32 = i32::MIN;
    }

    /// A member.
    struct Member {
        0+  member_id: Str;
        0+  rack_id: Option<Str> = None, null 0+;
        0+  member_epoch: i32;
        0+  client_id: Str;
        0+  client_host: Str;
        0+  subscribed_topic_names: Vec<Str>;
        0+  assignment: Assignment;
    }

    /// What a member has.
    struct Assignment {
        0+  topic_partitions: Vec<TopicPartitions>;
    }

    /// Partitions of one topic.
    struct TopicPartitions {
        0+  topic_id: Uuid;
        0+  topic_name: Str;
        0+  partitions: Vec<i32>;
    }
}
