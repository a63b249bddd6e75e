//! `DescribeLogDirs`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api DescribeLogDirs = 35, versions 1-5, flexible 2+, DescribeLogDirsRequest => DescribeLogDirsResponse;

    /// The request.
    struct DescribeLogDirsRequest {
        0+  topics: Option<Vec<DescribableLogDirTopic>>, null 0+;
    }

    /// One of the `topics` of [`DescribeLogDirsRequest`].
    struct DescribableLogDirTopic {
        0+  topic: Str, key;
        0+  partitions: Vec<i32>;
    }

    /// The response.
    struct DescribeLogDirsResponse {
        0+  throttle_time_ms: i32;
        3+  error_code: ErrorCode, ignorable;
        0+  results: Vec<DescribeLogDirsResult>;
    }

    /// One of the `results` of [`DescribeLogDirsResponse`].
    struct DescribeLogDirsResult {
        0+  error_code: ErrorCode;
        0+  log_dir: Str;
        0+  topics: Vec<DescribeLogDirsTopic>;
        4+  total_bytes: i64 = -1, ignorable;
        4+  usable_bytes: i64 = -1, ignorable;
        5+  is_cordoned: bool = false, ignorable;
    }

    /// One of the `topics` of [`DescribeLogDirsResult`].
    struct DescribeLogDirsTopic {
        0+  name: Str;
        0+  partitions: Vec<DescribeLogDirsPartition>;
    }

    /// One of the `partitions` of [`DescribeLogDirsTopic`].
    struct DescribeLogDirsPartition {
        0+  partition_index: i32;
        0+  partition_size: i64;
        0+  offset_lag: i64;
        0+  is_future_key: bool;
    }
}
