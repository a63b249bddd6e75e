//! Having leaders elected (KIP-183, and KIP-460 for unclean elections).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ElectLeaders = 43, versions 0-2, flexible 2+, ElectLeadersRequest => ElectLeadersResponse;

    /// Partitions that are to have another leader.
    struct ElectLeadersRequest {
        /// 0 the preferred replica, 1 any live one if none is in sync, which may lose records.
        1+  election_type: i8;
        /// Null asks for all of them.
        0+  topic_partitions: Option<Vec<TopicPartitions>>, null 0+;
        /// How long the answer may wait for the elections, in milliseconds.
        0+  timeout_ms: i32 = 60000;
    }

    /// Partitions of one topic.
    struct TopicPartitions {
        0+  topic: Str, key;
        0+  partitions: Vec<i32>;
    }

    /// What became of the partitions.
    struct ElectLeadersResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        1+  error_code: ErrorCode;
        0+  replica_election_results: Vec<ReplicaElectionResult>;
    }

    /// What became of the partitions of one topic.
    struct ReplicaElectionResult {
        0+  topic: Str;
        0+  partition_result: Vec<PartitionResult>;
    }

    /// What became of one partition.
    struct PartitionResult {
        0+  partition_id: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str>, null 0+;
    }
}
