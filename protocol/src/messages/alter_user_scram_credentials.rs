//! Setting and removing the passwords of SCRAM users (KIP-554).
//!
//! The password itself is not sent: the client salts and hashes it.

use bytes::Bytes;

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AlterUserScramCredentials = 51, versions 0-0, flexible 0+, AlterUserScramCredentialsRequest => AlterUserScramCredentialsResponse;

    /// Credentials to remove and to set.
    struct AlterUserScramCredentialsRequest {
        0+  deletions: Vec<ScramCredentialDeletion>;
        0+  upsertions: Vec<ScramCredentialUpsertion>;
    }

    /// A credential to remove.
    struct ScramCredentialDeletion {
        0+  name: Str;
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        0+  mechanism: i8;
    }

    /// A credential to set.
    struct ScramCredentialUpsertion {
        0+  name: Str;
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        0+  mechanism: i8;
        /// How often the password was hashed.
        0+  iterations: i32;
        /// Random bytes of the client's choice.
        0+  salt: Bytes;
        /// The password, salted and hashed as the mechanism says.
        0+  salted_password: Bytes;
    }

    /// What became of the users.
    struct AlterUserScramCredentialsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  results: Vec<AlterUserScramCredentialsResult>;
    }

    /// What became of one user.
    struct AlterUserScramCredentialsResult {
        0+  user: Str;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
