//! `ElectLeaders`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ElectLeaders = 43, versions 0-2, flexible 2+, ElectLeadersRequest => ElectLeadersResponse;

    /// The request.
    struct ElectLeadersRequest {
        1+  election_type: i8;
        0+  topic_partitions: Option<Vec<TopicPartitions>>, null 0+;
        0+  timeout_ms: i32 = 60000;
    }

    /// One of the `topic_partitions` of [`ElectLeadersRequest`].
    struct TopicPartitions {
        0+  topic: Str, key;
        0+  partitions: Vec<i32>;
    }

    /// The response.
    struct ElectLeadersResponse {
        0+  throttle_time_ms: i32;
        1+  error_code: ErrorCode;
        0+  replica_election_results: Vec<ReplicaElectionResult>;
    }

    /// One of the `replica_election_results` of [`ElectLeadersResponse`].
    struct ReplicaElectionResult {
        0+  topic: Str;
        0+  partition_result: Vec<PartitionResult>;
    }

    /// One of the `partition_result` of [`ReplicaElectionResult`].
    struct PartitionResult {
        0+  partition_id: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
