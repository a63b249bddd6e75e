//! `AlterConfigs`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AlterConfigs = 33, versions 0-2, flexible 2+, AlterConfigsRequest => AlterConfigsResponse;

    /// The request.
    struct AlterConfigsRequest {
        0+  resources: Vec<AlterConfigsResource>;
        0+  validate_only: bool;
    }

    /// One of the `resources` of [`AlterConfigsRequest`].
    struct AlterConfigsResource {
        0+  resource_type: i8, key;
        0+  resource_name: Str, key;
        0+  configs: Vec<AlterableConfig>;
    }

    /// One of the `configs` of [`AlterConfigsResource`].
    struct AlterableConfig {
        0+  name: Str, key;
        0+  value: Option<Str>, null 0+;
    }

    /// The response.
    struct AlterConfigsResponse {
        0+  throttle_time_ms: i32;
        0+  responses: Vec<AlterConfigsResourceResponse>;
    }

    /// One of the `responses` of [`AlterConfigsResponse`].
    struct AlterConfigsResourceResponse {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  resource_type: i8;
        0+  resource_name: Str;
    }
}
