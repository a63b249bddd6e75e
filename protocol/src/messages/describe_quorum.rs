//! `DescribeQuorum`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DescribeQuorum = 55, versions 0-2, flexible 0+, DescribeQuorumRequest => DescribeQuorumResponse;

    /// The request.
    struct DescribeQuorumRequest {
        0+  topics: Vec<TopicData>;
    }

    /// One of the `topics` of [`DescribeQuorumRequest`].
    struct TopicData {
        0+  topic_name: Str;
        0+  partitions: Vec<PartitionData>;
    }

    /// One of the `partitions` of [`TopicData`].
    struct PartitionData {
        0+  partition_index: i32;
    }

    /// The response.
    struct DescribeQuorumResponse {
        0+  error_code: ErrorCode;
        2+  error_message: Option<Str>, null 2+, ignorable;
        0+  topics: Vec<TopicDataResponse>;
        2+  nodes: Vec<Node>;
    }

    /// One of the `topics` of [`DescribeQuorumResponse`].
    struct TopicDataResponse {
        0+  topic_name: Str;
        0+  partitions: Vec<PartitionDataResponse>;
    }

    /// One of the `partitions` of [`TopicDataResponse`].
    struct PartitionDataResponse {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        2+  error_message: Option<Str>, null 2+, ignorable;
        0+  leader_id: i32;
        0+  leader_epoch: i32;
        0+  high_watermark: i64;
        0+  current_voters: Vec<ReplicaState>;
        0+  observers: Vec<ReplicaState>;
    }

    /// One of the `current_voters` of [`PartitionDataResponse`].
    struct ReplicaState {
        0+  replica_id: i32;
        2+  replica_directory_id: Uuid;
        0+  log_end_offset: i64;
        1+  last_fetch_timestamp: i64 = -1, ignorable;
        1+  last_caught_up_timestamp: i64 = -1, ignorable;
    }

    /// One of the `nodes` of [`DescribeQuorumResponse`].
    struct Node {
        2+  node_id: i32, key;
        2+  listeners: Vec<Listener>;
    }

    /// One of the `listeners` of [`Node`].
    struct Listener {
        2+  name: Str, key;
        2+  host: Str;
        2+  port: u16;
    }
}
