//! Up to where groups have read. Version 8 asks for several at once, version 10 names topics by id only.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api OffsetFetch = 9, versions 1-10, flexible 6+, OffsetFetchRequest => OffsetFetchResponse;

    /// Which groups: `groups` from version 8, the other fields before.
    struct OffsetFetchRequest {
        0-7  group_id: Str;
        /// Null asks for all of them.
        0-7  topics: Option<Vec<OffsetFetchRequestTopic>>, null 2-7;
        8+   groups: Vec<OffsetFetchRequestGroup>;
        /// Rather an error than an offset that an open transaction may still change (KIP-447).
        7+   require_stable: bool = false;
    }

    /// Partitions of one topic.
    struct OffsetFetchRequestTopic {
        0-7  name: Str;
        0-7  partition_indexes: Vec<i32>;
    }

    /// One group and partitions.
    struct OffsetFetchRequestGroup {
        8+  group_id: Str;
        /// Null without a member, as is epoch -1.
        9+  member_id: Option<Str> = None, null 9+, ignorable;
        /// Checked in the protocol of KIP-848.
        9+  member_epoch: i32 = -1, ignorable;
        /// Null asks for all of them.
        8+  topics: Option<Vec<OffsetFetchRequestTopics>>, null 8+;
    }

    /// Partitions of one topic.
    struct OffsetFetchRequestTopics {
        8-9  name: Str, ignorable;
        10+  topic_id: Uuid, ignorable;
        8+   partition_indexes: Vec<i32>;
    }

    /// The offsets: `groups` from version 8, the other fields before.
    struct OffsetFetchResponse {
        /// Milliseconds for which the broker wants to be left alone.
        3+   throttle_time_ms: i32, ignorable;
        0-7  topics: Vec<OffsetFetchResponseTopic>;
        2-7  error_code: ErrorCode, ignorable;
        8+   groups: Vec<OffsetFetchResponseGroup>;
    }

    /// Offsets in one topic.
    struct OffsetFetchResponseTopic {
        0-7  name: Str;
        0-7  partitions: Vec<OffsetFetchResponsePartition>;
    }

    /// The offset in one partition.
    struct OffsetFetchResponsePartition {
        0-7  partition_index: i32;
        /// The next one to read; -1 is none.
        0-7  committed_offset: i64;
        /// Epoch of the last record read; -1 is none.
        5-7  committed_leader_epoch: i32 = -1, ignorable;
        0-7  metadata: Option<Str>, null 0-7;
        0-7  error_code: ErrorCode;
    }

    /// Offsets of one group.
    struct OffsetFetchResponseGroup {
        8+  group_id: Str;
        8+  topics: Vec<OffsetFetchResponseTopics>;
        8+  error_code: ErrorCode;
    }

    /// Offsets in one topic.
    struct OffsetFetchResponseTopics {
        8-9  name: Str, ignorable;
        10+  topic_id: Uuid, ignorable;
        8+   partitions: Vec<OffsetFetchResponsePartitions>;
    }

    /// The offset in one partition.
    struct OffsetFetchResponsePartitions {
        8+  partition_index: i32;
        /// The next one to read; -1 is none.
        8+  committed_offset: i64;
        /// Epoch of the last record read; -1 is none.
        8+  committed_leader_epoch: i32 = -1, ignorable;
        8+  metadata: Option<Str>, null 8+;
        8+  error_code: ErrorCode;
    }
}
