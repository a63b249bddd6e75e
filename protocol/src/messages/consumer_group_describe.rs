//! What a group of the consumer protocol is doing (KIP-848). Classic groups: DescribeGroups.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ConsumerGroupDescribe = 69, versions 0-1, flexible 0+, ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse;

    /// Which groups.
    struct ConsumerGroupDescribeRequest {
        0+  group_ids: Vec<Str>;
        0+  include_authorized_operations: bool;
    }

    /// The groups.
    struct ConsumerGroupDescribeResponse {
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
        /// The group epoch that the target assignment was made for.
        0+  assignment_epoch: i32;
        0+  assignor_name: Str;
        0+  members: Vec<Member>;
        /// Bits by Kafka's operation codes; `i32::MIN` when not asked for.
        0+  authorized_operations: i32 = i32::MIN;
    }

    /// A member.
    struct Member {
        0+  member_id: Str;
        /// Null for a member that is not static.
        0+  instance_id: Option<Str> = None, null 0+;
        0+  rack_id: Option<Str> = None, null 0+;
        0+  member_epoch: i32;
        0+  client_id: Str;
        0+  client_host: Str;
        0+  subscribed_topic_names: Vec<Str>;
        /// Null without one.
        0+  subscribed_topic_regex: Option<Str> = None, null 0+;
        0+  assignment: Assignment;
        /// What it is to have once others have let go.
        0+  target_assignment: Assignment;
        /// 0 classic, 1 consumer, -1 unknown.
        1+  member_type: i8 = -1, ignorable;
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
