//! `DescribeAcls`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeAcls = 29, versions 1-3, flexible 2+, DescribeAclsRequest => DescribeAclsResponse;

    /// The request.
    struct DescribeAclsRequest {
        0+  resource_type_filter: i8;
        0+  resource_name_filter: Option<Str>, null 0+;
        1+  pattern_type_filter: i8 = 3;
        0+  principal_filter: Option<Str>, null 0+;
        0+  host_filter: Option<Str>, null 0+;
        0+  operation: i8;
        0+  permission_type: i8;
    }

    /// The response.
    struct DescribeAclsResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  resources: Vec<DescribeAclsResource>;
    }

    /// One of the `resources` of [`DescribeAclsResponse`].
    struct DescribeAclsResource {
        0+  resource_type: i8;
        0+  resource_name: Str;
        1+  pattern_type: i8 = 3;
        0+  acls: Vec<AclDescription>;
    }

    /// One of the `acls` of [`DescribeAclsResource`].
    struct AclDescription {
        0+  principal: Str;
        0+  host: Str;
        0+  operation: i8;
        0+  permission_type: i8;
    }
}
