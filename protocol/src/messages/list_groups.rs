//! Listing the groups that the broker which is asked coordinates, of all protocols.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ListGroups = 16, versions 0-5, flexible 3+, ListGroupsRequest => ListGroupsResponse;

    /// Which groups.
    struct ListGroupsRequest {
        /// Empty asks for all.
        4+  states_filter: Vec<Str>;
        /// `classic`, `consumer`, `share`, `streams`; empty asks for all.
        5+  types_filter: Vec<Str>;
    }

    /// The groups.
    struct ListGroupsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        1+  throttle_time_ms: i32, ignorable;
        0+  error_code: ErrorCode;
        0+  groups: Vec<ListedGroup>;
    }

    /// A group.
    struct ListedGroup {
        0+  group_id: Str;
        /// `consumer` for consumers.
        0+  protocol_type: Str;
        4+  group_state: Str, ignorable;
        5+  group_type: Str, ignorable;
    }
}
