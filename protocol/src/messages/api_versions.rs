//! Which APIs and versions a broker speaks, and the cluster's feature levels.
//!
//! A broker that does not know the request's version answers in version 0, with error `UNSUPPORTED_VERSION` and the
//! range it does know. The response header is the oldest one in every version.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ApiVersions = 18, versions 0-4, flexible 3+, ApiVersionsRequest => ApiVersionsResponse;

    /// Asks a broker for what it speaks.
    struct ApiVersionsRequest {
        /// Name of the client's implementation: letters, digits, and `-` or `.` inside.
        3+   client_software_name: Str, ignorable;
        /// Its version, under the same rule.
        3+   client_software_version: Str, ignorable;
    }

    /// What the broker speaks.
    struct ApiVersionsResponse {
        0+   error_code: ErrorCode;
        /// The APIs. Brokers may list Produce from 0 and yet refuse 0 to 2.
        0+   api_keys: Vec<ApiVersion>;
        /// Milliseconds for which the broker wants to be left alone.
        1+   throttle_time_ms: i32, ignorable;
        /// Features the broker can take part in.
        3+   supported_features: Vec<SupportedFeatureKey>, tag 0, ignorable;
        /// Grows with every change of the finalized features; -1 is unknown.
        3+   finalized_features_epoch: i64 = -1, tag 1, ignorable;
        /// Features in force in the cluster.
        3+   finalized_features: Vec<FinalizedFeatureKey>, tag 2, ignorable;
        /// Whether a migration away from ZooKeeper may begin.
        3+   zk_migration_ready: bool = false, tag 3, ignorable;
    }

    /// An API and the versions of it.
    struct ApiVersion {
        0+   api_key: i16, key;
        0+   min_version: i16;
        0+   max_version: i16;
    }

    /// A feature and the levels of it that a broker supports.
    struct SupportedFeatureKey {
        3+   name: Str, key;
        3+   min_version: i16;
        3+   max_version: i16;
    }

    /// A feature and its level in the cluster.
    struct FinalizedFeatureKey {
        3+   name: Str, key;
        3+   max_version_level: i16;
        3+   min_version_level: i16;
    }
}
