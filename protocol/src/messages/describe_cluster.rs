//! `DescribeCluster`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeCluster = 60, versions 0-2, flexible 0+, DescribeClusterRequest => DescribeClusterResponse;

    /// The request.
    struct DescribeClusterRequest {
        0+  include_cluster_authorized_operations: bool;
        1+  endpoint_type: i8 = 1;
        2+  include_fenced_brokers: bool;
    }

    /// The response.
    struct DescribeClusterResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        1+  endpoint_type: i8 = 1;
        0+  cluster_id: Str;
        0+  controller_id: i32 = -1;
        0+  brokers: Vec<DescribeClusterBroker>;
        0+  cluster_authorized_operations: i32 = i32::MIN;
    }

    /// One of the `brokers` of [`DescribeClusterResponse`].
    struct DescribeClusterBroker {
        0+  broker_id: i32, key;
        0+  host: Str;
        0+  port: i32;
        0+  rack: Option<Str> = None, null 0+;
        2+  is_fenced: bool;
    }
}
