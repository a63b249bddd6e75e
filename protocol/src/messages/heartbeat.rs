//! Staying in a group of the classic protocol.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api Heartbeat = 12, versions 0-4, flexible 4+, HeartbeatRequest => HeartbeatResponse;

    /// A member that lives.
    struct HeartbeatRequest {
        0+  group_id: Str;
        0+  generation_id: i32;
        0+  member_id: Str;
        /// Null for a member that is not static.
        3+  group_instance_id: Option<Str> = None, null 3+;
    }

    /// Whether the group goes on as it is; `REBALANCE_IN_PROGRESS` says that the member must join again.
    struct HeartbeatResponse {
        /// Milliseconds for which the broker wants to be left alone.
        1+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
    }
}
