//! `SyncGroup`.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api SyncGroup = 14, versions 0-5, flexible 4+, SyncGroupRequest => SyncGroupResponse;

    /// The request.
    struct SyncGroupRequest {
        0+  group_id: Str;
        0+  generation_id: i32;
        0+  member_id: Str;
        3+  group_instance_id: Option<Str> = None, null 3+;
        5+  protocol_type: Option<Str> = None, null 5+, ignorable;
        5+  protocol_name: Option<Str> = None, null 5+, ignorable;
        0+  assignments: Vec<SyncGroupRequestAssignment>;
    }

    /// One of the `assignments` of [`SyncGroupRequest`].
    struct SyncGroupRequestAssignment {
        0+  member_id: Str;
        0+  assignment: Bytes;
    }

    /// The response.
    struct SyncGroupResponse {
        1+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
        5+  protocol_type: Option<Str> = None, null 5+, ignorable;
        5+  protocol_name: Option<Str> = None, null 5+, ignorable;
        0+  assignment: Bytes;
    }
}
