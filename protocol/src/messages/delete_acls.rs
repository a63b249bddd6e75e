//! `DeleteAcls`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DeleteAcls = 31, versions 1-3, flexible 2+, DeleteAclsRequest => DeleteAclsResponse;

    /// The request.
    struct DeleteAclsRequest {
        0+  filters: Vec<DeleteAclsFilter>;
    }

    /// One of the `filters` of [`DeleteAclsRequest`].
    struct DeleteAclsFilter {
        0+  resource_type_filter: i8;
        0+  resource_name_filter: Option<Str>, null 0+;
        1+  pattern_type_filter: i8 = 3;
        0+  principal_filter: Option<Str>, null 0+;
        0+  host_filter: Option<Str>, null 0+;
        0+  operation: i8;
        0+  permission_type: i8;
    }

    /// The response.
    struct DeleteAclsResponse {
        0+  throttle_time_ms: i32;
        0+  filter_results: Vec<DeleteAclsFilterResult>;
    }

    /// One of the `filter_results` of [`DeleteAclsResponse`].
    struct DeleteAclsFilterResult {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  matching_acls: Vec<DeleteAclsMatchingAcl>;
    }

    /// One of the `matching_acls` of [`DeleteAclsFilterResult`].
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
