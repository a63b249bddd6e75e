//! Which producers write to partitions, as their leaders see it (KIP-664).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeProducers = 61, versions 0-0, flexible 0+, DescribeProducersRequest => DescribeProducersResponse;

    /// Which partitions.
    struct DescribeProducersRequest {
        0+  topics: Vec<TopicRequest>;
    }

    /// Partitions of one topic.
    struct TopicRequest {
        0+  name: Str;
        0+  partition_indexes: Vec<i32>;
    }

    /// The producers.
    struct DescribeProducersResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  topics: Vec<TopicResponse>;
    }

    /// The producers of one topic.
    struct TopicResponse {
        0+  name: Str;
        0+  partitions: Vec<PartitionResponse>;
    }

    /// The producers of one partition.
    struct PartitionResponse {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  active_producers: Vec<ProducerState>;
    }

    /// A producer.
    struct ProducerState {
        0+  producer_id: i64;
        0+  producer_epoch: i32;
        /// -1 is none.
        0+  last_sequence: i32 = -1;
        /// Of its last record, in milliseconds since 1970; -1 is none.
        0+  last_timestamp: i64 = -1;
        /// Epoch of the transaction coordinator that wrote its last marker.
        0+  coordinator_epoch: i32;
        /// Where its open transaction begins; -1 is none.
        0+  current_txn_start_offset: i64 = -1;
    }
}
