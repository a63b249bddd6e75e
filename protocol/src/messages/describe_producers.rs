//! `DescribeProducers`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeProducers = 61, versions 0-0, flexible 0+, DescribeProducersRequest => DescribeProducersResponse;

    /// The request.
    struct DescribeProducersRequest {
        0+  topics: Vec<TopicRequest>;
    }

    /// One of the `topics` of [`DescribeProducersRequest`].
    struct TopicRequest {
        0+  name: Str;
        0+  partition_indexes: Vec<i32>;
    }

    /// The response.
    struct DescribeProducersResponse {
        0+  throttle_time_ms: i32;
        0+  topics: Vec<TopicResponse>;
    }

    /// One of the `topics` of [`DescribeProducersResponse`].
    struct TopicResponse {
        0+  name: Str;
        0+  partitions: Vec<PartitionResponse>;
    }

    /// One of the `partitions` of [`TopicResponse`].
    struct PartitionResponse {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  active_producers: Vec<ProducerState>;
    }

    /// One of the `active_producers` of [`PartitionResponse`].
    struct ProducerState {
        0+  producer_id: i64;
        0+  producer_epoch: i32;
        0+  last_sequence: i32 = -1;
        0+  last_timestamp: i64 = -1;
        0+  coordinator_epoch: i32;
        0+  current_txn_start_offset: i64 = -1;
    }
}
