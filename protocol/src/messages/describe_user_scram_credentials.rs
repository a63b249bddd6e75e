//! Which SCRAM credentials users have (KIP-554). Neither salt nor password is told.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeUserScramCredentials = 50, versions 0-0, flexible 0+, DescribeUserScramCredentialsRequest => DescribeUserScramCredentialsResponse;

    /// Which users.
    struct DescribeUserScramCredentialsRequest {
        /// Null or empty asks for all.
        0+  users: Option<Vec<UserName>>, null 0+;
    }

    /// One user.
    struct UserName {
        0+  name: Str;
    }

    /// The users.
    struct DescribeUserScramCredentialsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  results: Vec<DescribeUserScramCredentialsResult>;
    }

    /// One user.
    struct DescribeUserScramCredentialsResult {
        0+  user: Str;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  credential_infos: Vec<CredentialInfo>;
    }

    /// A credential.
    struct CredentialInfo {
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        0+  mechanism: i8;
        0+  iterations: i32;
    }
}
