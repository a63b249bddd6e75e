//! Adding partitions to topics.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api CreatePartitions = 37, versions 0-3, flexible 2+, CreatePartitionsRequest => CreatePartitionsResponse;

    /// Topics that should grow.
    struct CreatePartitionsRequest {
        0+   topics: Vec<CreatePartitionsTopic>;
        /// How long the answer may wait for the partitions to exist, in milliseconds.
        0+   timeout_ms: i32;
        /// Only check whether the partitions could be added.
        0+   validate_only: bool;
    }

    /// One topic that should grow.
    struct CreatePartitionsTopic {
        0+   name: Str, key;
        /// How many partitions there should be in all.
        0+   count: i32;
        /// Where each new partition goes; null leaves that to the broker.
        0+   assignments: Option<Vec<CreatePartitionsAssignment>>, null 0+;
    }

    /// The brokers of one new partition.
    struct CreatePartitionsAssignment {
        /// The preferred leader first.
        0+   broker_ids: Vec<i32>;
    }

    /// What became of the topics.
    struct CreatePartitionsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+   throttle_time_ms: i32;
        0+   results: Vec<CreatePartitionsTopicResult>;
    }

    /// What became of one topic.
    struct CreatePartitionsTopicResult {
        0+   name: Str;
        0+   error_code: ErrorCode;
        0+   error_message: Option<Str> = None, null 0+;
    }
}
