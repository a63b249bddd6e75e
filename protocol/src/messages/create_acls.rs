//! Creating access rules (KIP-140).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api CreateAcls = 30, versions 1-3, flexible 2+, CreateAclsRequest => CreateAclsResponse;

    /// Rules to create.
    struct CreateAclsRequest {
        0+  creations: Vec<AclCreation>;
    }

    /// A rule.
    struct AclCreation {
        /// 2 topic, 3 group, 4 cluster, 5 transactional id, 6 delegation token, 7 user.
        0+  resource_type: i8;
        0+  resource_name: Str;
        /// 3 the name itself, 4 all that begin with it.
        1+  resource_pattern_type: i8 = 3;
        /// `User:alice`; `User:*` is everyone.
        0+  principal: Str;
        /// An address; `*` is every one.
        0+  host: Str;
        /// 2 all, 3 read, 4 write, 5 create, 6 delete, 7 alter, 8 describe, and others to 15.
        0+  operation: i8;
        /// 2 deny, 3 allow.
        0+  permission_type: i8;
    }

    /// What became of the rules, in the same order.
    struct CreateAclsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  results: Vec<AclCreationResult>;
    }

    /// What became of one rule.
    struct AclCreationResult {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
