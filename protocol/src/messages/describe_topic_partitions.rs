//! The partitions of topics, a page at a time (KIP-966).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DescribeTopicPartitions = 75, versions 0-0, flexible 0+, DescribeTopicPartitionsRequest => DescribeTopicPartitionsResponse;

    /// Which topics, and from where.
    struct DescribeTopicPartitionsRequest {
        /// An empty list asks for all.
        0+  topics: Vec<TopicRequest>;
        /// How many partitions the answer may have.
        0+  response_partition_limit: i32 = 2000;
        /// Where to begin; null at the beginning.
        0+  cursor: Option<Cursor> = None, null 0+;
    }

    /// One topic.
    struct TopicRequest {
        0+  name: Str;
    }

    /// Where a page begins.
    struct Cursor {
        0+  topic_name: Str;
        0+  partition_index: i32;
    }

    /// A page.
    struct DescribeTopicPartitionsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32, ignorable;
        0+  topics: Vec<DescribeTopicPartitionsResponseTopic>;
        /// Where the next page begins; null after the last.
        0+  next_cursor: Option<Cursor> = None, null 0+;
    }

    /// One topic.
    struct DescribeTopicPartitionsResponseTopic {
        0+  error_code: ErrorCode;
        0+  name: Option<Str>, null 0+, key;
        0+  topic_id: Uuid, ignorable;
        0+  is_internal: bool = false, ignorable;
        0+  partitions: Vec<DescribeTopicPartitionsResponsePartition>;
        /// Bits by Kafka's operation codes; `i32::MIN` when not asked for.
        0+  topic_authorized_operations: i32 = i32::MIN;
    }

    /// One partition.
    struct DescribeTopicPartitionsResponsePartition {
        0+  error_code: ErrorCode;
        0+  partition_index: i32;
        /// -1 is none.
        0+  leader_id: i32;
        /// -1 is unknown.
        0+  leader_epoch: i32 = -1, ignorable;
        0+  replica_nodes: Vec<i32>;
        0+  isr_nodes: Vec<i32>;
        /// Replicas that are not in sync, but have everything that was committed.
        0+  eligible_leader_replicas: Option<Vec<i32>> = None, null 0+;
        /// Replicas that were among these, and stopped uncleanly.
        0+  last_known_elr: Option<Vec<i32>> = None, null 0+;
        0+  offline_replicas: Vec<i32>, ignorable;
    }
}
