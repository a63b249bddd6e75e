//! The cluster's id, controller and brokers (KIP-700), or its controllers (KIP-919).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeCluster = 60, versions 0-2, flexible 0+, DescribeClusterRequest => DescribeClusterResponse;

    /// What to tell.
    struct DescribeClusterRequest {
        0+  include_cluster_authorized_operations: bool;
        /// 1 brokers, 2 controllers.
        1+  endpoint_type: i8 = 1;
        2+  include_fenced_brokers: bool;
    }

    /// The cluster.
    struct DescribeClusterResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        /// As in the request.
        1+  endpoint_type: i8 = 1;
        0+  cluster_id: Str;
        /// From a controller the quorum's leader; from a broker some broker that passes requests on; -1 is none.
        0+  controller_id: i32 = -1;
        0+  brokers: Vec<DescribeClusterBroker>;
        /// Bits by Kafka's operation codes; `i32::MIN` when not asked for.
        0+  cluster_authorized_operations: i32 = i32::MIN;
    }

    /// A broker, or a controller, and its address.
    struct DescribeClusterBroker {
        0+  broker_id: i32, key;
        0+  host: Str;
        0+  port: i32;
        0+  rack: Option<Str> = None, null 0+;
        /// Whether it is registered, but not in service.
        2+  is_fenced: bool;
    }
}
