//! Telling the broker what became of records that a share group was handed (KIP-932).

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ShareAcknowledge = 79, versions 1-2, flexible 0+, ShareAcknowledgeRequest => ShareAcknowledgeResponse;

    /// Acknowledgements of a session.
    struct ShareAcknowledgeRequest {
        0+  group_id: Option<Str> = None, null 0+;
        0+  member_id: Option<Str>, null 0+;
        /// One more with every request; -1 ends the session.
        0+  share_session_epoch: i32;
        /// Whether some are of type 4.
        2+  is_renew_ack: bool = false;
        0+  topics: Vec<AcknowledgeTopic>;
    }

    /// Acknowledgements in one topic.
    struct AcknowledgeTopic {
        0+  topic_id: Uuid, key;
        0+  partitions: Vec<AcknowledgePartition>;
    }

    /// Acknowledgements in one partition.
    struct AcknowledgePartition {
        0+  partition_index: i32, key;
        0+  acknowledgement_batches: Vec<AcknowledgementBatch>;
    }

    /// Acknowledgements of records in a row.
    struct AcknowledgementBatch {
        0+  first_offset: i64;
        /// The last one's own offset.
        0+  last_offset: i64;
        /// 0 there is no such record, 1 accept, 2 release, 3 reject, 4 keep for longer; one for each, or one for all.
        0+  acknowledge_types: Vec<i8>;
    }

    /// What became of the acknowledgements.
    struct ShareAcknowledgeResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        /// Milliseconds for which the member has the records to itself.
        2+  acquisition_lock_timeout_ms: i32, ignorable;
        0+  responses: Vec<ShareAcknowledgeTopicResponse>;
        /// Addresses of the leaders named above.
        0+  node_endpoints: Vec<NodeEndpoint>;
    }

    /// What became of the acknowledgements in one topic.
    struct ShareAcknowledgeTopicResponse {
        0+  topic_id: Uuid, key;
        0+  partitions: Vec<PartitionData>;
    }

    /// What became of the acknowledgements in one partition.
    struct PartitionData {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        /// The leader to turn to after `NOT_LEADER_OR_FOLLOWER`.
        0+  current_leader: LeaderIdAndEpoch;
    }

    /// A leader; -1 is unknown.
    struct LeaderIdAndEpoch {
        0+  leader_id: i32;
        0+  leader_epoch: i32;
    }

    /// A broker's address.
    struct NodeEndpoint {
        0+  node_id: i32, key;
        0+  host: Str;
        0+  port: i32;
        0+  rack: Option<Str> = None, null 0+;
    }
}
