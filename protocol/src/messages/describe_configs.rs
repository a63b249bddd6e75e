//! Reading the settings of topics, brokers and other resources (KIP-133).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeConfigs = 32, versions 1-4, flexible 4+, DescribeConfigsRequest => DescribeConfigsResponse;

    /// Which resources.
    struct DescribeConfigsRequest {
        0+  resources: Vec<DescribeConfigsResource>;
        /// Tell also what a value would be without the setting that is in force.
        1+  include_synonyms: bool = false;
        3+  include_documentation: bool = false;
    }

    /// One resource.
    struct DescribeConfigsResource {
        /// 2 topic, 4 broker, 8 broker's loggers, 16 client metrics, 32 group.
        0+  resource_type: i8;
        0+  resource_name: Str;
        /// Null asks for all of them.
        0+  configuration_keys: Option<Vec<Str>>, null 0+;
    }

    /// The resources.
    struct DescribeConfigsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  results: Vec<DescribeConfigsResult>;
    }

    /// The settings of one resource.
    struct DescribeConfigsResult {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
        /// As in the request.
        0+  resource_type: i8;
        0+  resource_name: Str;
        0+  configs: Vec<DescribeConfigsResourceResult>;
    }

    /// A setting.
    struct DescribeConfigsResourceResult {
        0+  name: Str;
        /// Null when it is not set, or not to be shown.
        0+  value: Option<Str>, null 0+;
        0+  read_only: bool;
        /// 1 topic, 2 broker, 3 all brokers, 4 the broker's file, 5 default, 6 logger, 7 client metrics, 8 group; -1 is
        /// not told.
        1+  config_source: i8 = -1, ignorable;
        /// Whether it is a password or the like, which is never told.
        0+  is_sensitive: bool;
        /// Where a value could come from, the one in force first.
        1+  synonyms: Vec<DescribeConfigsSynonym>, ignorable;
        /// 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password; 0 is unknown.
        3+  config_type: i8 = 0, ignorable;
        3+  documentation: Option<Str>, null 0+, ignorable;
    }

    /// A place where the value could come from.
    struct DescribeConfigsSynonym {
        1+  name: Str;
        1+  value: Option<Str>, null 0+;
        /// As `config_source`.
        1+  source: i8;
    }
}
