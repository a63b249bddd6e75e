//! Moving replicas between the disks of the broker that is asked (KIP-113).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api AlterReplicaLogDirs = 34, versions 1-2, flexible 2+, AlterReplicaLogDirsRequest => AlterReplicaLogDirsResponse;

    /// Directories and what is to be in them.
    struct AlterReplicaLogDirsRequest {
        0+  dirs: Vec<AlterReplicaLogDir>;
    }

    /// A directory of the broker and what is to be in it.
    struct AlterReplicaLogDir {
        /// Absolute.
        0+  path: Str, key;
        0+  topics: Vec<AlterReplicaLogDirTopic>;
    }

    /// Partitions of one topic.
    struct AlterReplicaLogDirTopic {
        0+  name: Str, key;
        0+  partitions: Vec<i32>;
    }

    /// Which moves have begun.
    struct AlterReplicaLogDirsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  results: Vec<AlterReplicaLogDirTopicResult>;
    }

    /// What became of the partitions of one topic.
    struct AlterReplicaLogDirTopicResult {
        0+  topic_name: Str;
        0+  partitions: Vec<AlterReplicaLogDirPartitionResult>;
    }

    /// What became of one partition.
    struct AlterReplicaLogDirPartitionResult {
        0+  partition_index: i32;
        0+  error_code: ErrorCode;
    }
}
