//! `AlterReplicaLogDirs`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AlterReplicaLogDirs = 34, versions 1-2, flexible 2+, AlterReplicaLogDirsRequest => AlterReplicaLogDirsResponse;

    /// The request.
    struct AlterReplicaLogDirsRequest {
        0+  dirs: Vec<AlterReplicaLogDir>;
    }

    /// One of the `dirs` of [`AlterReplicaLogDirsRequest`].
    struct AlterReplicaLogDir {
        0+  path: Str, key;
        0+  topics: Vec<AlterReplicaLogDirTopic>;
    }

    /// One of the `topics` of [`AlterReplicaLogDir`].
    struct AlterReplicaLogDirTopic {
        0+  name: Str, key;
        0+  partitions: Vec<i32>;
    }

    /// The response.
    struct AlterReplicaLogDirsResponse {
        0+  throttle_time_ms: i32;
        0+  results: Vec<AlterReplicaLogDirTopicResult>;
    }

    /// One of the `results` of [`AlterReplicaLogDirsResponse`].
    struct AlterReplicaLogDirTopicResult {
        0+  topic_name: Str;
        0+  partitions: Vec<AlterReplicaLogDirPartitionResult>;
    }

    /// One of the `partitions` of [`AlterReplicaLogDirTopicResult`].
    struct AlterReplicaLogDirPartitionResult {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
    }
}
