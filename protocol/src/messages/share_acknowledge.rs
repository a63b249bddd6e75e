//! `ShareAcknowledge`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ShareAcknowledge = 79, versions 1-2, flexible 0+, ShareAcknowledgeRequest => ShareAcknowledgeResponse;

    /// The request.
    struct ShareAcknowledgeRequest {
        0+  group_id: Option<Str> = None, null 0+;
        0+  member_id: Option<Str>, null 0+;
        0+  share_session_epoch: i32;
        2+  is_renew_ack: bool = false;
        0+  topics: Vec<AcknowledgeTopic>;
    }

    /// One of the `topics` of [`ShareAcknowledgeRequest`].
    struct AcknowledgeTopic {
        0+  topic_id: Uuid, key;
        0+  partitions: Vec<AcknowledgePartition>;
    }

    /// One of the `partitions` of [`AcknowledgeTopic`].
    struct AcknowledgePartition {
        0+  partition_index: i32, key;
        0+  acknowledgement_batches: Vec<AcknowledgementBatch>;
    }

    /// One of the `acknowledgement_batches` of [`AcknowledgePartition`].
    struct AcknowledgementBatch {
        0+  first_offset: i64;
        0+  last_offset: i64;
        0+  acknowledge_types: Vec<i8>;
    }

    /// The response.
    struct ShareAcknowledgeResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        2+  acquisition_lock_timeout_ms: i32, ignorable;
        0+  responses: Vec<ShareAcknowledgeTopicResponse>;
        0+  node_endpoints: Vec<NodeEndpoint>;
    }

    /// One of the `responses` of [`ShareAcknowledgeResponse`].
    struct ShareAcknowledgeTopicResponse {
        0+  topic_id: Uuid, key;
        0+  partitions: Vec<PartitionData>;
    }

    /// One of the `partitions` of [`ShareAcknowledgeTopicResponse`].
    struct PartitionData {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  current_leader: LeaderIdAndEpoch;
    }

    /// The `current_leader` of [`PartitionData`].
    struct LeaderIdAndEpoch {
        0+  leader_id: i32;
        0+  leader_epoch: i32;
    }

    /// One of the `node_endpoints` of [`ShareAcknowledgeResponse`].
    struct NodeEndpoint {
        0+  node_id: i32, key;
        0+  host: Str;
        0+  port: i32;
        0+  rack: Option<Str> = None, null 0+;
    }
}
