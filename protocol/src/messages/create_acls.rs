//! `CreateAcls`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api CreateAcls = 30, versions 1-3, flexible 2+, CreateAclsRequest => CreateAclsResponse;

    /// The request.
    struct CreateAclsRequest {
        0+  creations: Vec<AclCreation>;
    }

    /// One of the `creations` of [`CreateAclsRequest`].
    struct AclCreation {
        0+  resource_type: i8;
        0+  resource_name: Str;
        1+  resource_pattern_type: i8 = 3;
        0+  principal: Str;
        0+  host: Str;
        0+  operation: i8;
        0+  permission_type: i8;
    }

    /// The response.
    struct CreateAclsResponse {
        0+  throttle_time_ms: i32;
        0+  results: Vec<AclCreationResult>;
    }

    /// One of the `results` of [`CreateAclsResponse`].
    struct AclCreationResult {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
