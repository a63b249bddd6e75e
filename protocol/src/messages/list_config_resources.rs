//! `ListConfigResources`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ListConfigResources = 74, versions 0-1, flexible 0+, ListConfigResourcesRequest => ListConfigResourcesResponse;

    /// The request.
    struct ListConfigResourcesRequest {
        1+  resource_types: Vec<i8>;
    }

    /// The response.
    struct ListConfigResourcesResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  config_resources: Vec<ConfigResource>;
    }

    /// One of the `config_resources` of [`ListConfigResourcesResponse`].
    struct ConfigResource {
        0+  resource_name: Str;
        1+  resource_type: i8 = 16, ignorable;
    }
}
