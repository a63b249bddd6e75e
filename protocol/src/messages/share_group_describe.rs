//! `ShareGroupDescribe`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ShareGroupDescribe = 77, versions 1-1, flexible 0+, ShareGroupDescribeRequest => ShareGroupDescribeResponse;

    /// The request.
    struct ShareGroupDescribeRequest {
        0+  group_ids: Vec<Str>;
        0+  include_authorized_operations: bool;
    }

    /// The response.
    struct ShareGroupDescribeResponse {
        0+  throttle_time_ms: i32;
        0+  groups: Vec<DescribedGroup>;
    }

    /// One of the `groups` of [`ShareGroupDescribeResponse`].
    struct DescribedGroup {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  group_id: Str;
        0+  group_state: Str;
        0+  group_epoch: i32;
        0+  assignment_epoch: i32;
        0+  assignor_name: Str;
        0+  members: Vec<Member>;
        0+  authorized_operations: i32 = i32::MIN;
    }

    /// One of the `members` of [`DescribedGroup`].
    struct Member {
        0+  member_id: Str;
        0+  rack_id: Option<Str> = None, null 0+;
        0+  member_epoch: i32;
        0+  client_id: Str;
        0+  client_host: Str;
        0+  subscribed_topic_names: Vec<Str>;
        0+  assignment: Assignment;
    }

    /// The `assignment` of [`Member`].
    struct Assignment {
        0+  topic_partitions: Vec<TopicPartitions>;
    }

    /// One of the `topic_partitions` of [`Assignment`].
    struct TopicPartitions {
        0+  topic_id: Uuid;
        0+  topic_name: Str;
        0+  partitions: Vec<i32>;
    }
}
