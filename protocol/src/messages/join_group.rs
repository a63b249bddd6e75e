//! `JoinGroup`.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api JoinGroup = 11, versions 0-9, flexible 6+, JoinGroupRequest => JoinGroupResponse;

    /// The request.
    struct JoinGroupRequest {
        0+  group_id: Str;
        0+  session_timeout_ms: i32;
        1+  rebalance_timeout_ms: i32 = -1, ignorable;
        0+  member_id: Str;
        5+  group_instance_id: Option<Str> = None, null 5+;
        0+  protocol_type: Str;
        0+  protocols: Vec<JoinGroupRequestProtocol>;
        8+  reason: Option<Str> = None, null 8+, ignorable;
    }

    /// One of the `protocols` of [`JoinGroupRequest`].
    struct JoinGroupRequestProtocol {
        0+  name: Str, key;
        0+  metadata: Bytes;
    }

    /// The response.
    struct JoinGroupResponse {
        2+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
        0+  generation_id: i32 = -1;
        7+  protocol_type: Option<Str> = None, null 7+, ignorable;
        0+  protocol_name: Option<Str>, null 7+;
        0+  leader: Str;
        9+  skip_assignment: bool = false;
        0+  member_id: Str;
        0+  members: Vec<JoinGroupResponseMember>;
    }

    /// One of the `members` of [`JoinGroupResponse`].
    struct JoinGroupResponseMember {
        0+  member_id: Str;
        5+  group_instance_id: Option<Str> = None, null 5+, ignorable;
        0+  metadata: Bytes;
    }
}
