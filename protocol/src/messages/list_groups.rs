//! `ListGroups`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ListGroups = 16, versions 0-5, flexible 3+, ListGroupsRequest => ListGroupsResponse;

    /// The request.
    struct ListGroupsRequest {
        4+  states_filter: Vec<Str>;
        5+  types_filter: Vec<Str>;
    }

    /// The response.
    struct ListGroupsResponse {
        1+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
        0+  groups: Vec<ListedGroup>;
    }

    /// One of the `groups` of [`ListGroupsResponse`].
    struct ListedGroup {
        0+  group_id: Str;
        0+  protocol_type: Str;
        4+  group_state: Str, ignorable;
        5+  group_type: Str, ignorable;
    }
}
