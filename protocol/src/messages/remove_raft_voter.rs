//! `RemoveRaftVoter`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api RemoveRaftVoter = 81, versions 0-0, flexible 0+, RemoveRaftVoterRequest => RemoveRaftVoterResponse;

    /// The request.
    struct RemoveRaftVoterRequest {
        0+  cluster_id: Option<Str>, null 0+;
        0+  voter_id: i32;
        0+  voter_directory_id: Uuid;
    }

    /// The response.
    struct RemoveRaftVoterResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+, ignorable;
    }
}
