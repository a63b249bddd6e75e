//! Appending record batches to partitions.
//!
//! With `acks` 0 there is no response. Version 13 names topics by id only.

use crate::error_code::ErrorCode;
use crate::records::Records;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api Produce = 0, versions 3-13, flexible 9+, ProduceRequest => ProduceResponse;

    /// Record batches, at most one a partition.
    struct ProduceRequest {
        3+    transactional_id: Option<Str> = None, null 3+;
        /// How many replicas must have the records before the answer: 0, 1, or -1 for all in sync.
        0+    acks: i16;
        /// How long the broker may wait for those replicas, in milliseconds.
        0+    timeout_ms: i32;
        0+    topic_data: Vec<TopicProduceData>;
    }

    /// The batches of one topic.
    struct TopicProduceData {
        0-12  name: Str, key, ignorable;
        13+   topic_id: Uuid, key, ignorable;
        0+    partition_data: Vec<PartitionProduceData>;
    }

    /// The batch of one partition.
    struct PartitionProduceData {
        0+    index: i32;
        /// Exactly one batch of format 2. Written without a copy.
        0+    records: Option<Records> = None, null 0+;
    }

    /// What became of the batches.
    struct ProduceResponse {
        0+    responses: Vec<TopicProduceResponse>;
        /// Milliseconds for which the broker wants to be left alone.
        1+    throttle_time_ms: i32 = 0, ignorable;
        /// Addresses of the leaders named below.
        10+   node_endpoints: Vec<NodeEndpoint>, tag 0;
    }

    /// What became of the batches of one topic.
    struct TopicProduceResponse {
        0-12  name: Str, key, ignorable;
        13+   topic_id: Uuid, key, ignorable;
        0+    partition_responses: Vec<PartitionProduceResponse>;
    }

    /// What became of one batch.
    struct PartitionProduceResponse {
        0+    index: i32;
        0+    error_code: ErrorCode;
        /// Offset of the first record; -1 when nothing was appended or it is not known.
        0+    base_offset: i64;
        /// Milliseconds since 1970 if the topic stamps records as they arrive, -1 otherwise.
        2+    log_append_time_ms: i64 = -1, ignorable;
        5+    log_start_offset: i64 = -1, ignorable;
        /// The records for which the whole batch was refused.
        8+    record_errors: Vec<BatchIndexAndErrorMessage>, ignorable;
        8+    error_message: Option<Str> = None, null 8+, ignorable;
        /// The leader to turn to after `NOT_LEADER_OR_FOLLOWER`.
        10+   current_leader: LeaderIdAndEpoch, tag 0;
    }

    /// A record that was refused.
    struct BatchIndexAndErrorMessage {
        /// Which record of the batch, from 0.
        8+    batch_index: i32;
        8+    batch_index_error_message: Option<Str> = None, null 8+;
    }

    /// A leader; -1 is unknown.
    struct LeaderIdAndEpoch {
        10+   leader_id: i32 = -1;
        10+   leader_epoch: i32 = -1;
    }

    /// A broker's address.
    struct NodeEndpoint {
        10+   node_id: i32, key;
        10+   host: Str;
        10+   port: i32;
        10+   rack: Option<Str> = None, null 10+;
    }
}
