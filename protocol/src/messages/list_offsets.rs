//! Offsets by time: the first, the next, or that of the first record at or after a timestamp.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api ListOffsets = 2, versions 1-11, flexible 6+, ListOffsetsRequest => ListOffsetsResponse;

    /// Partitions and the times asked for.
    struct ListOffsetsRequest {
        /// -1 from a client.
        0+   replica_id: i32;
        /// 0 sees all records, 1 only those of committed transactions.
        2+   isolation_level: i8;
        0+   topics: Vec<ListOffsetsTopic>;
        /// How long the broker may look in remote storage, in milliseconds.
        10+  timeout_ms: i32, ignorable;
    }

    /// Partitions of one topic.
    struct ListOffsetsTopic {
        0+   name: Str;
        0+   partitions: Vec<ListOffsetsPartition>;
    }

    /// One partition and a time.
    struct ListOffsetsPartition {
        0+   partition_index: i32;
        /// The leader epoch the client knows; -1 for none.
        4+   current_leader_epoch: i32 = -1, ignorable;
        /// Milliseconds since 1970, or: -1 the next offset, -2 the first, -3 that of the greatest timestamp (7+),
        /// -4 the first on local disk (8+), -5 the last in remote storage (9+), -6 the first not yet there (11+).
        0+   timestamp: i64;
    }

    /// The offsets.
    struct ListOffsetsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        2+   throttle_time_ms: i32, ignorable;
        0+   topics: Vec<ListOffsetsTopicResponse>;
    }

    /// The offsets of one topic.
    struct ListOffsetsTopicResponse {
        0+   name: Str;
        0+   partitions: Vec<ListOffsetsPartitionResponse>;
    }

    /// The offset of one partition.
    struct ListOffsetsPartitionResponse {
        0+   partition_index: i32;
        0+   error_code: ErrorCode;
        /// Timestamp of the record found, -1 without one.
        1+   timestamp: i64 = -1;
        /// -1 when there is no such record.
        1+   offset: i64 = -1;
        4+   leader_epoch: i32 = -1;
    }
}
