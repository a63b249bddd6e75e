//! The state of the controllers' quorum (KIP-595).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DescribeQuorum = 55, versions 0-2, flexible 0+, DescribeQuorumRequest => DescribeQuorumResponse;

    /// Which partitions; there is one, 0 of `__cluster_metadata`.
    struct DescribeQuorumRequest {
        0+  topics: Vec<TopicData>;
    }

    /// Partitions of one topic.
    struct TopicData {
        0+  topic_name: Str;
        0+  partitions: Vec<PartitionData>;
    }

    /// One partition.
    struct PartitionData {
        0+  partition_index: i32;
    }

    /// Voters and observers.
    struct DescribeQuorumResponse {
        0+  error_code: ErrorCode;
        2+  error_message: Option<Str>, null 2+, ignorable;
        0+  topics: Vec<TopicDataResponse>;
        2+  nodes: Vec<Node>;
    }

    /// Partitions of one topic.
    struct TopicDataResponse {
        0+  topic_name: Str;
        0+  partitions: Vec<PartitionDataResponse>;
    }

    /// One partition.
    struct PartitionDataResponse {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        2+  error_message: Option<Str>, null 2+, ignorable;
        0+  leader_id: i32;
        0+  leader_epoch: i32;
        0+  high_watermark: i64;
        0+  current_voters: Vec<ReplicaState>;
        /// Who follows without voting.
        0+  observers: Vec<ReplicaState>;
    }

    /// A voter or an observer.
    struct ReplicaState {
        0+  replica_id: i32;
        2+  replica_directory_id: Uuid;
        /// -1 is unknown.
        0+  log_end_offset: i64;
        /// When it last fetched, by the leader's clock in milliseconds since 1970; -1 for the leader itself, or
        /// unknown.
        1+  last_fetch_timestamp: i64 = -1, ignorable;
        /// When the leader had appended what it has fetched by now; -1 is unknown.
        1+  last_caught_up_timestamp: i64 = -1, ignorable;
    }

    /// A voter and its addresses.
    struct Node {
        2+  node_id: i32, key;
        2+  listeners: Vec<Listener>;
    }

    /// An address.
    struct Listener {
        2+  name: Str, key;
        2+  host: Str;
        2+  port: u16;
    }
}
