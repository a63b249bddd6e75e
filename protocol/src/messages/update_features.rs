//! `UpdateFeatures`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api UpdateFeatures = 57, versions 0-2, flexible 0+, UpdateFeaturesRequest => UpdateFeaturesResponse;

    /// The request.
    struct UpdateFeaturesRequest {
        0+  timeout_ms: i32 = 60000;
        0+  feature_updates: Vec<FeatureUpdateKey>;
        1+  validate_only: bool = false;
    }

    /// One of the `feature_updates` of [`UpdateFeaturesRequest`].
    struct FeatureUpdateKey {
        0+   feature: Str, key;
        0+   max_version_level: i16;
        0-0  allow_downgrade: bool;
        1+   upgrade_type: i8 = 1;
    }

    /// The response.
    struct UpdateFeaturesResponse {
        0+   throttle_time_ms: i32;
        0+   error_code: ErrorCode;
        0+   error_message: Option<Str>, null 0+;
        0-1  results: Vec<UpdatableFeatureResult>, ignorable;
    }

    /// One of the `results` of [`UpdateFeaturesResponse`].
    struct UpdatableFeatureResult {
        0+  feature: Str, key;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
