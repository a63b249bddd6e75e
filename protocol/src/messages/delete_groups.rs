//! `DeleteGroups`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DeleteGroups = 42, versions 0-2, flexible 2+, DeleteGroupsRequest => DeleteGroupsResponse;

    /// The request.
    struct DeleteGroupsRequest {
        0+  groups_names: Vec<Str>;
    }

    /// The response.
    struct DeleteGroupsResponse {
        0+  throttle_time_ms: i32;
        0+  results: Vec<DeletableGroupResult>;
    }

    /// One of the `results` of [`DeleteGroupsResponse`].
    struct DeletableGroupResult {
        0+  group_id: Str, key;
        0+  error_code: ErrorCode;
    }
}
