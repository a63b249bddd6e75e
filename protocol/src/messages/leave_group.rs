//! Leaving a group of the classic protocol, or having members removed (KIP-345).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api LeaveGroup = 13, versions 0-5, flexible 4+, LeaveGroupRequest => LeaveGroupResponse;

    /// Who goes: `members` from version 3, `member_id` before.
    struct LeaveGroupRequest {
        0+   group_id: Str;
        0-2  member_id: Str;
        3+   members: Vec<MemberIdentity>;
    }

    /// A member.
    struct MemberIdentity {
        /// Empty when a static member is removed by its instance id.
        3+  member_id: Str;
        3+  group_instance_id: Option<Str> = None, null 3+;
        /// For the broker's log (KIP-800).
        5+  reason: Option<Str> = None, null 5+, ignorable;
    }

    /// Whether they are gone.
    struct LeaveGroupResponse {
        /// Milliseconds for which the broker wants to be left alone.
        1+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
        3+  members: Vec<MemberResponse>;
    }

    /// Whether one is gone.
    struct MemberResponse {
        3+  member_id: Str;
        3+  group_instance_id: Option<Str>, null 3+;
        3+  error_code: ErrorCode;
    }
}
