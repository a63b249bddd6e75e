//! `DescribeUserScramCredentials`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeUserScramCredentials = 50, versions 0-0, flexible 0+, DescribeUserScramCredentialsRequest => DescribeUserScramCredentialsResponse;

    /// The request.
    struct DescribeUserScramCredentialsRequest {
        0+  users: Option<Vec<UserName>>, null 0+;
    }

    /// One of the `users` of [`DescribeUserScramCredentialsRequest`].
    struct UserName {
        0+  name: Str;
    }

    /// The response.
    struct DescribeUserScramCredentialsResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  results: Vec<DescribeUserScramCredentialsResult>;
    }

    /// One of the `results` of [`DescribeUserScramCredentialsResponse`].
    struct DescribeUserScramCredentialsResult {
        0+  user: Str;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  credential_infos: Vec<CredentialInfo>;
    }

    /// One of the `credential_infos` of [`DescribeUserScramCredentialsResult`].
    struct CredentialInfo {
        0+  mechanism: i8;
        0+  iterations: i32;
    }
}
