//! Adding a voter to the controllers' quorum (KIP-853).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api AddRaftVoter = 80, versions 0-1, flexible 0+, AddRaftVoterRequest => AddRaftVoterResponse;

    /// The controller that is to vote.
    struct AddRaftVoterRequest {
        /// Checked, unless it is null.
        0+  cluster_id: Option<Str>, null 0+;
        /// How long the answer may wait for the change, in milliseconds.
        0+  timeout_ms: i32;
        0+  voter_id: i32;
        /// The directory of its metadata log; a controller that lost its disk gets another.
        0+  voter_directory_id: Uuid;
        0+  listeners: Vec<Listener>;
        /// Answer when the change is committed, or else when the leader has written it.
        1+  ack_when_committed: bool = true;
    }

    /// An address of the voter.
    struct Listener {
        0+  name: Str, key;
        0+  host: Str;
        0+  port: u16;
    }

    /// Whether it votes now.
    struct AddRaftVoterResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+, ignorable;
    }
}
