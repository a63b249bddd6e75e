//! Raising and lowering the cluster's feature levels (KIP-584).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api UpdateFeatures = 57, versions 0-2, flexible 0+, UpdateFeaturesRequest => UpdateFeaturesResponse;

    /// Features and their levels.
    struct UpdateFeaturesRequest {
        /// How long the answer may wait for the change, in milliseconds.
        0+  timeout_ms: i32 = 60000;
        0+  feature_updates: Vec<FeatureUpdateKey>;
        /// Only check whether the change could be made.
        1+  validate_only: bool = false;
    }

    /// One feature and its level.
    struct FeatureUpdateKey {
        0+   feature: Str, key;
        /// 0 switches the feature off.
        0+   max_version_level: i16;
        /// Whether the level may become lower.
        0-0  allow_downgrade: bool;
        /// 1 only higher, 2 lower if nothing is lost, 3 lower all the same.
        1+   upgrade_type: i8 = 1;
    }

    /// Whether the levels are set.
    struct UpdateFeaturesResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+   throttle_time_ms: i32;
        0+   error_code: ErrorCode;
        0+   error_message: Option<Str>, null 0+;
        0-1  results: Vec<UpdatableFeatureResult>, ignorable;
    }

    /// What became of one feature.
    struct UpdatableFeatureResult {
        0+  feature: Str, key;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
