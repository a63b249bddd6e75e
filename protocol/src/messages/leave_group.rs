//! `LeaveGroup`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api LeaveGroup = 13, versions 0-5, flexible 4+, LeaveGroupRequest => LeaveGroupResponse;

    /// The request.
    struct LeaveGroupRequest {
        0+   group_id: Str;
        0-2  member_id: Str;
        3+   members: Vec<MemberIdentity>;
    }

    /// One of the `members` of [`LeaveGroupRequest`].
    struct MemberIdentity {
        3+  member_id: Str;
        3+  group_instance_id: Option<Str> = None, null 3+;
        5+  reason: Option<Str> = None, null 5+, ignorable;
    }

    /// The response.
    struct LeaveGroupResponse {
        1+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
        3+  members: Vec<MemberResponse>;
    }

    /// One of the `members` of [`LeaveGroupResponse`].
    struct MemberResponse {
        3+  member_id: Str;
        3+  group_instance_id: Option<Str>, null 3+;
        3+  error_code: ErrorCode;
    }
}
