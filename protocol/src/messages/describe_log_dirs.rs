//! What lies on the disks of the broker that is asked (KIP-113).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeLogDirs = 35, versions 1-5, flexible 2+, DescribeLogDirsRequest => DescribeLogDirsResponse;

    /// Which partitions.
    struct DescribeLogDirsRequest {
        /// Null asks for all of them.
        0+  topics: Option<Vec<DescribableLogDirTopic>>, null 0+;
    }

    /// Partitions of one topic.
    struct DescribableLogDirTopic {
        0+  topic: Str, key;
        0+  partitions: Vec<i32>;
    }

    /// The directories.
    struct DescribeLogDirsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        3+  error_code: ErrorCode, ignorable;
        0+  results: Vec<DescribeLogDirsResult>;
    }

    /// One directory.
    struct DescribeLogDirsResult {
        0+  error_code: ErrorCode;
        /// Its absolute path.
        0+  log_dir: Str;
        0+  topics: Vec<DescribeLogDirsTopic>;
        /// Size of the volume it is on; -1 is unknown.
        4+  total_bytes: i64 = -1, ignorable;
        /// What of that can be used; -1 is unknown.
        4+  usable_bytes: i64 = -1, ignorable;
        /// Whether it is given no new partitions.
        5+  is_cordoned: bool = false, ignorable;
    }

    /// Partitions of one topic.
    struct DescribeLogDirsTopic {
        0+  name: Str;
        0+  partitions: Vec<DescribeLogDirsPartition>;
    }

    /// One partition.
    struct DescribeLogDirsPartition {
        0+  partition_index: i32;
        /// Bytes.
        0+  partition_size: i64;
        /// How far a log on the move is behind the one in use; of the one in use, behind the high watermark.
        0+  offset_lag: i64;
        /// Whether it is moving here and not in use yet.
        0+  is_future_key: bool;
    }
}
