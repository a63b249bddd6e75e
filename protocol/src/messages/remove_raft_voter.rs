//! Removing a voter from the controllers' quorum (KIP-853).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api RemoveRaftVoter = 81, versions 0-0, flexible 0+, RemoveRaftVoterRequest => RemoveRaftVoterResponse;

    /// The controller that is to vote no more.
    struct RemoveRaftVoterRequest {
        /// Checked, unless it is null.
        0+  cluster_id: Option<Str>, null 0+;
        0+  voter_id: i32;
        /// The directory of its metadata log; a controller that lost its disk gets another.
        0+  voter_directory_id: Uuid;
    }

    /// Whether it is removed.
    struct RemoveRaftVoterResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+, ignorable;
    }
}
