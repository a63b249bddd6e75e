//! Deleting consumer groups without members, with their offsets (KIP-229).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DeleteGroups = 42, versions 0-2, flexible 2+, DeleteGroupsRequest => DeleteGroupsResponse;

    /// Which groups.
    struct DeleteGroupsRequest {
        0+  groups_names: Vec<Str>;
    }

    /// What became of the groups.
    struct DeleteGroupsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  results: Vec<DeletableGroupResult>;
    }

    /// What became of one group.
    struct DeletableGroupResult {
        0+  group_id: Str, key;
        0+  error_code: ErrorCode;
    }
}
