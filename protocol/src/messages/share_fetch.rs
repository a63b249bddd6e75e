//! `ShareFetch`.

use crate::error_code::ErrorCode;
use crate::records::Records;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api ShareFetch = 78, versions 1-2, flexible 0+, ShareFetchRequest => ShareFetchResponse;

    /// The request.
    struct ShareFetchRequest {
        0+  group_id: Option<Str> = None, null 0+;
        0+  member_id: Option<Str>, null 0+;
        0+  share_session_epoch: i32;
        0+  max_wait_ms: i32;
        0+  min_bytes: i32;
        0+  max_bytes: i32 = 0x7fffffff;
        1+  max_records: i32;
        1+  batch_size: i32;
        2+  share_acquire_mode: i8 = 0, ignorable;
        2+  is_renew_ack: bool = false;
        0+  topics: Vec<FetchTopic>;
        0+  forgotten_topics_data: Vec<ForgottenTopic>;
    }

    /// One of the `topics` of [`ShareFetchRequest`].
    struct FetchTopic {
        0+  topic_id: Uuid, key;
        0+  partitions: Vec<FetchPartition>;
    }

    /// One of the `partitions` of [`FetchTopic`].
    struct FetchPartition {
        0+   partition_index: i32, key;
        0-0  partition_max_bytes: i32;
        0+   acknowledgement_batches: Vec<AcknowledgementBatch>;
    }

    /// One of the `acknowledgement_batches` of [`FetchPartition`].
    struct AcknowledgementBatch {
        0+  first_offset: i64;
        0+  last_offset: i64;
        0+  acknowledge_types: Vec<i8>;
    }

    /// One of the `forgotten_topics_data` of [`ShareFetchRequest`].
    struct ForgottenTopic {
        0+  topic_id: Uuid;
        0+  partitions: Vec<i32>;
    }

    /// The response.
    struct ShareFetchResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        1+  acquisition_lock_timeout_ms: i32;
        0+  responses: Vec<ShareFetchableTopicResponse>;
        0+  node_endpoints: Vec<NodeEndpoint>;
    }

    /// One of the `responses` of [`ShareFetchResponse`].
    struct ShareFetchableTopicResponse {
        0+  topic_id: Uuid, key;
        0+  partitions: Vec<PartitionData>;
    }

    /// One of the `partitions` of [`ShareFetchableTopicResponse`].
    struct PartitionData {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  acknowledge_error_code: ErrorCode;
        0+  acknowledge_error_message: Option<Str> = None, null 0+;
        0+  current_leader: LeaderIdAndEpoch;
        0+  records: Option<Records> = None, null 0-0;
        0+  acquired_records: Vec<AcquiredRecords>;
    }

    /// The `current_leader` of [`PartitionData`].
    struct LeaderIdAndEpoch {
        0+  leader_id: i32;
        0+  leader_epoch: i32;
    }

    /// One of the `acquired_records` of [`PartitionData`].
    struct AcquiredRecords {
        0+  first_offset: i64;
        0+  last_offset: i64;
        0+  delivery_count: i16;
    }

    /// One of the `node_endpoints` of [`ShareFetchResponse`].
    struct NodeEndpoint {
        0+  node_id: i32, key;
        0+  host: Str;
        0+  port: i32;
        0+  rack: Option<Str> = None, null 0+;
    }
}
