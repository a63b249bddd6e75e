//! `Heartbeat`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api Heartbeat = 12, versions 0-4, flexible 4+, HeartbeatRequest => HeartbeatResponse;

    /// The request.
    struct HeartbeatRequest {
        0+  group_id: Str;
        0+  generation_id: i32;
        0+  member_id: Str;
        3+  group_instance_id: Option<Str> = None, null 3+;
    }

    /// The response.
    struct HeartbeatResponse {
        1+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
    }
}
