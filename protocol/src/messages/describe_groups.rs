//! `DescribeGroups`.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeGroups = 15, versions 0-6, flexible 5+, DescribeGroupsRequest => DescribeGroupsResponse;

    /// The request.
    struct DescribeGroupsRequest {
        0+  groups: Vec<Str>;
        3+  include_authorized_operations: bool;
    }

    /// The response.
    struct DescribeGroupsResponse {
        1+  throttle_time_ms: i32, ignorable;
        0+  groups: Vec<DescribedGroup>;
    }

    /// One of the `groups` of [`DescribeGroupsResponse`].
    struct DescribedGroup {
        0+  error_code: ErrorCode;
        6+  error_message: Option<Str> = None, null 6+;
        0+  group_id: Str;
        0+  group_state: Str;
        0+  protocol_type: Str;
        0+  protocol_data: Str;
        0+  members: Vec<DescribedGroupMember>;
        3+  authorized_operations: i32 = i32::MIN;
    }

    /// One of the `members` of [`DescribedGroup`].
    struct DescribedGroupMember {
        0+  member_id: Str;
        4+  group_instance_id: Option<Str> = None, null 4+, ignorable;
        0+  client_id: Str;
        0+  client_host: Str;
        0+  member_metadata: Bytes;
        0+  member_assignment: Bytes;
    }
}
