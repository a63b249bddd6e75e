//! `OffsetFetch`.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api OffsetFetch = 9, versions 1-10, flexible 6+, OffsetFetchRequest => OffsetFetchResponse;

    /// The request.
    struct OffsetFetchRequest {
        0-7  group_id: Str;
        0-7  topics: Option<Vec<OffsetFetchRequestTopic>>, null 2-7;
        8+   groups: Vec<OffsetFetchRequestGroup>;
        7+   require_stable: bool = false;
    }

    /// One of the `topics` of [`OffsetFetchRequest`].
    struct OffsetFetchRequestTopic {
        0-7  name: Str;
        0-7  partition_indexes: Vec<i32>;
    }

    /// One of the `groups` of [`OffsetFetchRequest`].
    struct OffsetFetchRequestGroup {
        8+  group_id: Str;
        9+  member_id: Option<Str> = None, null 9+, ignorable;
        9+  member_epoch: i32 = -1, ignorable;
        8+  topics: Option<Vec<OffsetFetchRequestTopics>>, null 8+;
    }

    /// One of the `topics` of [`OffsetFetchRequestGroup`].
    struct OffsetFetchRequestTopics {
        8-9  name: Str, ignorable;
        10+  topic_id: Uuid, ignorable;
        8+   partition_indexes: Vec<i32>;
    }

    /// The response.
    struct OffsetFetchResponse {
        3+   throttle_time_ms: i32, ignorable;
        0-7  topics: Vec<OffsetFetchResponseTopic>;
        2-7  error_code: ErrorCode, ignorable;
        8+   groups: Vec<OffsetFetchResponseGroup>;
    }

    /// One of the `topics` of [`OffsetFetchResponse`].
    struct OffsetFetchResponseTopic {
        0-7  name: Str;
        0-7  partitions: Vec<OffsetFetchResponsePartition>;
    }

    /// One of the `partitions` of [`OffsetFetchResponseTopic`].
    struct OffsetFetchResponsePartition {
        0-7  partition_index: i32;
        0-7  committed_offset: i64;
        5-7  committed_leader_epoch: i32 = -1, ignorable;
        0-7  metadata: Option<Str>, null 0-7;
        0-7  error_code: ErrorCode;
    }

    /// One of the `groups` of [`OffsetFetchResponse`].
    struct OffsetFetchResponseGroup {
        8+  group_id: Str;
        8+  topics: Vec<OffsetFetchResponseTopics>;
        8+  error_code: ErrorCode;
    }

    /// One of the `topics` of [`OffsetFetchResponseGroup`].
    struct OffsetFetchResponseTopics {
        8-9  name: Str, ignorable;
        10+  topic_id: Uuid, ignorable;
        8+   partitions: Vec<OffsetFetchResponsePartitions>;
    }

    /// One of the `partitions` of [`OffsetFetchResponseTopics`].
    struct OffsetFetchResponsePartitions {
        8+  partition_index: i32;
        8+  committed_offset: i64;
        8+  committed_leader_epoch: i32 = -1, ignorable;
        8+  metadata: Option<Str>, null 8+;
        8+  error_code: ErrorCode;
    }
}
