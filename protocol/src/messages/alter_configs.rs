//! Replacing all settings of a resource (KIP-133).
//!
//! What is not named goes back to its default. IncrementalAlterConfigs changes single settings.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AlterConfigs = 33, versions 0-2, flexible 2+, AlterConfigsRequest => AlterConfigsResponse;

    /// Resources and all of their settings.
    struct AlterConfigsRequest {
        0+  resources: Vec<AlterConfigsResource>;
        /// Only check whether the settings could be made.
        0+  validate_only: bool;
    }

    /// One resource and all of its settings.
    struct AlterConfigsResource {
        /// 2 topic, 4 broker, 8 broker's loggers, 16 client metrics, 32 group.
        0+  resource_type: i8, key;
        0+  resource_name: Str, key;
        0+  configs: Vec<AlterableConfig>;
    }

    /// A setting.
    struct AlterableConfig {
        0+  name: Str, key;
        0+  value: Option<Str>, null 0+;
    }

    /// What became of the resources.
    struct AlterConfigsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  responses: Vec<AlterConfigsResourceResponse>;
    }

    /// What became of one resource.
    struct AlterConfigsResourceResponse {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        /// As in the request.
        0+  resource_type: i8;
        0+  resource_name: Str;
    }
}
