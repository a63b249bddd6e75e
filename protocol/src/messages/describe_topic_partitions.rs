//! `DescribeTopicPartitions`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DescribeTopicPartitions = 75, versions 0-0, flexible 0+, DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse;

    /// The request.
    struct DescribeTopicPartitionsRequest {
        0+  topics: Vec<TopicRequest>;
        0+  response_partition_limit: i32 = 2000;
        0+  cursor: Option<Cursor> = None, null 0+;
    }

    /// One of the `topics` of [`DescribeTopicPartitionsRequest`].
    struct TopicRequest {
        0+  name: Str;
    }

    /// The `cursor` of [`DescribeTopicPartitionsRequest`].
    struct Cursor {
        0+  topic_name: Str;
        0+  partition_index: i32;
    }

    /// The response.
    struct DescribeTopicPartitionsResponse {
        0+  throttle_time_ms: i32, ignorable;
        0+  topics: Vec<DescribeTopicPartitionsResponseTopic>;
        0+  next_cursor: Option<Cursor> = None, null 0+;
    }

    /// One of the `topics` of [`DescribeTopicPartitionsResponse`].
    struct DescribeTopicPartitionsResponseTopic {
        0+  error_code: ErrorCode;
        0+  name: Option<Str>, null 0+, key;
        0+  topic_id: Uuid, ignorable;
        0+  is_internal: bool = false, ignorable;
        0+  partitions: Vec<DescribeTopicPartitionsResponsePartition>;
        0+  topic_authorized_operations: i32 = i32::MIN;
    }

    /// One of the `partitions` of [`DescribeTopicPartitionsResponseTopic`].
    struct DescribeTopicPartitionsResponsePartition {
        0+  error_code: ErrorCode;
        0+  partition_index: i32;
        0+  leader_id: i32;
        0+  leader_epoch: i32 = -1, ignorable;
        0+  replica_nodes: Vec<i32>;
        0+  isr_nodes: Vec<i32>;
        0+  eligible_leader_replicas: Option<Vec<i32>> = None, null 0+;
        0+  last_known_elr: Option<Vec<i32>> = None, null 0+;
        0+  offline_replicas: Vec<i32>, ignorable;
    }
}
