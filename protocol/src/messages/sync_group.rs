//! Getting what a member of a group of the classic protocol is to do; its leader hands that in for all.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api SyncGroup = 14, versions 0-5, flexible 4+, SyncGroupRequest => SyncGroupResponse;

    /// A member, or the leader with everyone's assignment.
    struct SyncGroupRequest {
        0+  group_id: Str;
        0+  generation_id: i32;
        0+  member_id: Str;
        /// Null for a member that is not static.
        3+  group_instance_id: Option<Str> = None, null 3+;
        /// Checked, unless it is null.
        5+  protocol_type: Option<Str> = None, null 5+, ignorable;
        /// Checked, unless it is null.
        5+  protocol_name: Option<Str> = None, null 5+, ignorable;
        /// From the leader; empty from the others.
        0+  assignments: Vec<SyncGroupRequestAssignment>;
    }

    /// The assignment of one member.
    struct SyncGroupRequestAssignment {
        0+  member_id: Str;
        /// As the assignor has it.
        0+  assignment: Bytes;
    }

    /// The member's assignment.
    struct SyncGroupResponse {
        /// Milliseconds for which the broker wants to be left alone.
        1+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
        5+  protocol_type: Option<Str> = None, null 5+, ignorable;
        5+  protocol_name: Option<Str> = None, null 5+, ignorable;
        /// As the assignor has it.
        0+  assignment: Bytes;
    }
}
