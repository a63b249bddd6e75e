//! `AlterUserScramCredentials`.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AlterUserScramCredentials = 51, versions 0-0, flexible 0+, AlterUserScramCredentialsRequest => AlterUserScramCredentialsResponse;

    /// The request.
    struct AlterUserScramCredentialsRequest {
        0+  deletions: Vec<ScramCredentialDeletion>;
        0+  upsertions: Vec<ScramCredentialUpsertion>;
    }

    /// One of the `deletions` of [`AlterUserScramCredentialsRequest`].
    struct ScramCredentialDeletion {
        0+  name: Str;
        0+  mechanism: i8;
    }

    /// One of the `upsertions` of [`AlterUserScramCredentialsRequest`].
    struct ScramCredentialUpsertion {
        0+  name: Str;
        0+  mechanism: i8;
        0+  iterations: i32;
        0+  salt: Bytes;
        0+  salted_password: Bytes;
    }

    /// The response.
    struct AlterUserScramCredentialsResponse {
        0+  throttle_time_ms: i32;
        0+  results: Vec<AlterUserScramCredentialsResult>;
    }

    /// One of the `results` of [`AlterUserScramCredentialsResponse`].
    struct AlterUserScramCredentialsResult {
        0+  user: Str;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
