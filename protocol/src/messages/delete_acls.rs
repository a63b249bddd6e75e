//! Deleting the access rules that filters match (KIP-140).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DeleteAcls = 31, versions 1-3, flexible 2+, DeleteAclsRequest => DeleteAclsResponse;

    /// Filters.
    struct DeleteAclsRequest {
        0+  filters: Vec<DeleteAclsFilter>;
    }

    /// Matches rules; all of it must hold.
    struct DeleteAclsFilter {
        /// As in [`create_acls`](crate::create_acls); 1 matches any.
        0+  resource_type_filter: i8;
        /// Null matches any.
        0+  resource_name_filter: Option<Str>, null 0+;
        /// 3 and 4 as in [`create_acls`](crate::create_acls); 1 matches any, 2 whatever would apply to a resource of
        /// that name.
        1+  pattern_type_filter: i8 = 3;
        /// Null matches any.
        0+  principal_filter: Option<Str>, null 0+;
        /// Null matches any.
        0+  host_filter: Option<Str>, null 0+;
        /// 1 matches any.
        0+  operation: i8;
        /// 1 matches any.
        0+  permission_type: i8;
    }

    /// What the filters have matched, in the same order.
    struct DeleteAclsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  filter_results: Vec<DeleteAclsFilterResult>;
    }

    /// What one filter has matched.
    struct DeleteAclsFilterResult {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  matching_acls: Vec<DeleteAclsMatchingAcl>;
    }

    /// A rule that was deleted, or why it was not; its codes are those of [`create_acls`](crate::create_acls).
    struct DeleteAclsMatchingAcl {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  resource_type: i8;
        0+  resource_name: Str;
        1+  pattern_type: i8 = 3;
        0+  principal: Str;
        0+  host: Str;
        0+  operation: i8;
        0+  permission_type: i8;
    }
}
