//! Listing resources that have settings (KIP-1142). Version 0 lists client metrics alone, and had another name.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ListConfigResources = 74, versions 0-1, flexible 0+, ListConfigResourcesRequest => ListConfigResourcesResponse;

    /// Which types.
    struct ListConfigResourcesRequest {
        /// 2 topic, 4 broker, 8 broker's loggers, 16 client metrics, 32 group; empty asks for all.
        1+  resource_types: Vec<i8>;
    }

    /// The resources.
    struct ListConfigResourcesResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  config_resources: Vec<ConfigResource>;
    }

    /// A resource.
    struct ConfigResource {
        0+  resource_name: Str;
        /// As in the request.
        1+  resource_type: i8 = 16, ignorable;
    }
}
