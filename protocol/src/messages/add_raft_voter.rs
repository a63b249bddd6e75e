//! `AddRaftVoter`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api AddRaftVoter = 80, versions 0-1, flexible 0+, AddRaftVoterRequest => AddRaftVoterResponse;

    /// The request.
    struct AddRaftVoterRequest {
        0+  cluster_id: Option<Str>, null 0+;
        0+  timeout_ms: i32;
        0+  voter_id: i32;
        0+  voter_directory_id: Uuid;
        0+  listeners: Vec<Listener>;
        1+  ack_when_committed: bool = true;
    }

    /// One of the `listeners` of [`AddRaftVoterRequest`].
    struct Listener {
        0+  name: Str, key;
        0+  host: Str;
        0+  port: u16;
    }

    /// The response.
    struct AddRaftVoterResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+, ignorable;
    }
}
