//! Getting records as a member of a share group, and acknowledging those it had (KIP-932).

use crate::error_code::ErrorCode;
use crate::records::Records;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ShareFetch = 78, versions 1-2, flexible 0+, ShareFetchRequest => ShareFetchResponse;

    /// What to hand out, and what became of what was.
    struct ShareFetchRequest {
        0+  group_id: Option<Str> = None, null 0+;
        0+  member_id: Option<Str>, null 0+;
        /// 0 begins a session, then one more with every request; -1 ends it.
        0+  share_session_epoch: i32;
        /// How long the broker may wait for `min_bytes`, in milliseconds.
        0+  max_wait_ms: i32;
        0+  min_bytes: i32;
        /// A soft limit.
        0+  max_bytes: i32 = 0x7fffffff;
        /// A limit that may be exceeded to the end of a batch, unless `share_acquire_mode` is 1.
        1+  max_records: i32;
        /// How many records in a row are best handed out together.
        1+  batch_size: i32;
        /// 0 whole batches, 1 no more than `max_records` (KIP-1206).
        2+  share_acquire_mode: i8 = 0, ignorable;
        /// Whether some acknowledgements are of type 4 (KIP-1222).
        2+  is_renew_ack: bool = false;
        0+  topics: Vec<FetchTopic>;
        /// Partitions to take out of the session.
        0+  forgotten_topics_data: Vec<ForgottenTopic>;
    }

    /// Partitions of one topic.
    struct FetchTopic {
        0+  topic_id: Uuid, key;
        0+  partitions: Vec<FetchPartition>;
    }

    /// One partition.
    struct FetchPartition {
        0+   partition_index: i32, key;
        /// A soft limit.
        0-0  partition_max_bytes: i32;
        0+   acknowledgement_batches: Vec<AcknowledgementBatch>;
    }

    /// Acknowledgements of records in a row.
    struct AcknowledgementBatch {
        0+  first_offset: i64;
        /// The last one's own offset.
        0+  last_offset: i64;
        /// 0 there is no such record, 1 accept, 2 release, 3 reject, 4 keep for longer; one for each, or one for all.
        0+  acknowledge_types: Vec<i8>;
    }

    /// Partitions of one topic to take out of the session.
    struct ForgottenTopic {
        0+  topic_id: Uuid;
        0+  partitions: Vec<i32>;
    }

    /// Records.
    struct ShareFetchResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        /// Milliseconds for which the member has the records to itself.
        1+  acquisition_lock_timeout_ms: i32;
        0+  responses: Vec<ShareFetchableTopicResponse>;
        /// Addresses of the leaders named above.
        0+  node_endpoints: Vec<NodeEndpoint>;
    }

    /// The records of one topic.
    struct ShareFetchableTopicResponse {
        0+  topic_id: Uuid, key;
        0+  partitions: Vec<PartitionData>;
    }

    /// The records of one partition.
    struct PartitionData {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  acknowledge_error_code: ErrorCode;
        0+  acknowledge_error_message: Option<Str> = None, null 0+;
        /// The leader to turn to after `NOT_LEADER_OR_FOLLOWER`.
        0+  current_leader: LeaderIdAndEpoch;
        /// Batches, in which more records may lie than were handed out; the last one may be cut off.
        0+  records: Option<Records> = None, null 0-0;
        /// The records that were handed out.
        0+  acquired_records: Vec<AcquiredRecords>;
    }

    /// A leader; -1 is unknown.
    struct LeaderIdAndEpoch {
        0+  leader_id: i32;
        0+  leader_epoch: i32;
    }

    /// Records in a row that were handed out.
    struct AcquiredRecords {
        0+  first_offset: i64;
        /// The last one's own offset.
        0+  last_offset: i64;
        /// How often they were, this time included.
        0+  delivery_count: i16;
    }

    /// A broker's address.
    struct NodeEndpoint {
        0+  node_id: i32, key;
        0+  host: Str;
        0+  port: i32;
        0+  rack: Option<Str> = None, null 0+;
    }
}
