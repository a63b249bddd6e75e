//! Changing single settings of a resource (KIP-339).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api IncrementalAlterConfigs = 44, versions 0-1, flexible 1+, IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse;

    /// Resources and changes.
    struct IncrementalAlterConfigsRequest {
        0+  resources: Vec<AlterConfigsResource>;
        /// Only check whether the changes could be made.
        0+  validate_only: bool;
    }

    /// Changes to one resource.
    struct AlterConfigsResource {
        /// 2 topic, 4 broker, 8 broker's loggers, 16 client metrics, 32 group.
        0+  resource_type: i8, key;
        0+  resource_name: Str, key;
        0+  configs: Vec<AlterableConfig>;
    }

    /// A change.
    struct AlterableConfig {
        0+  name: Str, key;
        /// 0 set, 1 back to the default, 2 append to a list, 3 take out of a list.
        0+  config_operation: i8, key;
        /// Null with operation 1.
        0+  value: Option<Str>, null 0+;
    }

    /// What became of the resources.
    struct IncrementalAlterConfigsResponse {
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
