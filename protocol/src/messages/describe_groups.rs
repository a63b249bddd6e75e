//! What a group of the classic protocol is doing.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeGroups = 15, versions 0-6, flexible 5+, DescribeGroupsRequest => DescribeGroupsResponse;

    /// Which groups.
    struct DescribeGroupsRequest {
        0+  groups: Vec<Str>;
        3+  include_authorized_operations: bool;
    }

    /// The groups.
    struct DescribeGroupsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        1+  throttle_time_ms: i32, ignorable;
        0+  groups: Vec<DescribedGroup>;
    }

    /// One group.
    struct DescribedGroup {
        0+  error_code: ErrorCode;
        6+  error_message: Option<Str> = None, null 6+;
        0+  group_id: Str;
        /// `Stable`, `PreparingRebalance`, `CompletingRebalance`, `Empty` or `Dead`.
        0+  group_state: Str;
        /// `consumer` for consumers.
        0+  protocol_type: Str;
        /// The name of the assignor that was agreed on.
        0+  protocol_data: Str;
        0+  members: Vec<DescribedGroupMember>;
        /// Bits by Kafka's operation codes; `i32::MIN` when not asked for.
        3+  authorized_operations: i32 = i32::MIN;
    }

    /// A member.
    struct DescribedGroupMember {
        0+  member_id: Str;
        /// Null for a member that is not static.
        4+  group_instance_id: Option<Str> = None, null 4+, ignorable;
        0+  client_id: Str;
        0+  client_host: Str;
        /// As the member's own protocol has it.
        0+  member_metadata: Bytes;
        /// As the member's own protocol has it.
        0+  member_assignment: Bytes;
    }
}
