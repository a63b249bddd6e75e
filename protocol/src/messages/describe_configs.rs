//! `DescribeConfigs`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeConfigs = 32, versions 1-4, flexible 4+, DescribeConfigsRequest => DescribeConfigsResponse;

    /// The request.
    struct DescribeConfigsRequest {
        0+  resources: Vec<DescribeConfigsResource>;
        1+  include_synonyms: bool = false;
        3+  include_documentation: bool = false;
    }

    /// One of the `resources` of [`DescribeConfigsRequest`].
    struct DescribeConfigsResource {
        0+  resource_type: i8;
        0+  resource_name: Str;
        0+  configuration_keys: Option<Vec<Str>>, null 0+;
    }

    /// The response.
    struct DescribeConfigsResponse {
        0+  throttle_time_ms: i32;
        0+  results: Vec<DescribeConfigsResult>;
    }

    /// One of the `results` of [`DescribeConfigsResponse`].
    struct DescribeConfigsResult {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        0+  resource_type: i8;
        0+  resource_name: Str;
        0+  configs: Vec<DescribeConfigsResourceResult>;
    }

    /// One of the `configs` of [`DescribeConfigsResult`].
    struct DescribeConfigsResourceResult {
        0+  name: Str;
        0+  value: Option<Str>, null 0+;
        0+  read_only: bool;
        1+  config_source: i8 = -1, ignorable;
        0+  is_sensitive: bool;
        1+  synonyms: Vec<DescribeConfigsSynonym>, ignorable;
        3+  config_type: i8 = 0, ignorable;
        3+  documentation: Option<Str>, null 0+, ignorable;
    }

    /// One of the `synonyms` of [`DescribeConfigsResourceResult`].
    struct DescribeConfigsSynonym {
        1+  name: Str;
        1+  value: Option<Str>, null 0+;
        1+  source: i8;
    }
}
