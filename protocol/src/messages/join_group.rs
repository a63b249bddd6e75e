//! Joining a group of the classic protocol.
//!
//! The coordinator answers once all members have joined, and makes one of them the leader, which assigns the partitions.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api JoinGroup = 11, versions 0-9, flexible 6+, JoinGroupRequest => JoinGroupResponse;

    /// A member and the assignors it can do with.
    struct JoinGroupRequest {
        0+  group_id: Str;
        /// Milliseconds without a heartbeat after which it counts as gone.
        0+  session_timeout_ms: i32;
        /// Milliseconds it may take to join again; -1 is the session timeout.
        1+  rebalance_timeout_ms: i32 = -1, ignorable;
        /// Empty when it has none yet; from version 4 on the first answer gives it one, with `MEMBER_ID_REQUIRED`.
        0+  member_id: Str;
        /// Makes it a static member (KIP-345).
        5+  group_instance_id: Option<Str> = None, null 5+;
        /// `consumer` for consumers.
        0+  protocol_type: Str;
        0+  protocols: Vec<JoinGroupRequestProtocol>;
        /// For the broker's log (KIP-800).
        8+  reason: Option<Str> = None, null 8+, ignorable;
    }

    /// An assignor, the preferred one first.
    struct JoinGroupRequestProtocol {
        0+  name: Str, key;
        /// What the member subscribes to, as the assignor has it.
        0+  metadata: Bytes;
    }

    /// The new generation.
    struct JoinGroupResponse {
        /// Milliseconds for which the broker wants to be left alone.
        2+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
        /// -1 is none.
        0+  generation_id: i32 = -1;
        7+  protocol_type: Option<Str> = None, null 7+, ignorable;
        /// The assignor that all members have.
        0+  protocol_name: Option<Str>, null 7+;
        /// The member id of who assigns.
        0+  leader: Str;
        /// A leader that was away keeps the assignment there is (KIP-814).
        9+  skip_assignment: bool = false;
        0+  member_id: Str;
        /// Everybody, for the leader; nobody for the others.
        0+  members: Vec<JoinGroupResponseMember>;
    }

    /// A member.
    struct JoinGroupResponseMember {
        0+  member_id: Str;
        5+  group_instance_id: Option<Str> = None, null 5+, ignorable;
        /// As it came in its request.
        0+  metadata: Bytes;
    }
}
