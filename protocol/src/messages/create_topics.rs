//! Creating topics.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api CreateTopics = 19, versions 2-7, flexible 5+, CreateTopicsRequest => CreateTopicsResponse;

    /// Topics to create.
    struct CreateTopicsRequest {
        0+   topics: Vec<CreatableTopic>;
        /// How long the answer may wait for the topics to exist, in milliseconds.
        0+   timeout_ms: i32 = 60000;
        /// Only check whether the topics could be created.
        1+   validate_only: bool = false;
    }

    /// One topic to create.
    struct CreatableTopic {
        0+   name: Str, key;
        /// -1 with assignments, and, from version 4, for the broker's default.
        0+   num_partitions: i32;
        /// -1 with assignments, and, from version 4, for the broker's default.
        0+   replication_factor: i16;
        /// Where each partition goes; empty leaves that to the broker.
        0+   assignments: Vec<CreatableReplicaAssignment>;
        0+   configs: Vec<CreatableTopicConfig>;
    }

    /// The brokers of one partition.
    struct CreatableReplicaAssignment {
        0+   partition_index: i32, key;
        /// The preferred leader first.
        0+   broker_ids: Vec<i32>;
    }

    /// A setting of the topic.
    struct CreatableTopicConfig {
        0+   name: Str, key;
        0+   value: Option<Str>, null 0+;
    }

    /// What became of the topics.
    struct CreateTopicsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        2+   throttle_time_ms: i32, ignorable;
        0+   topics: Vec<CreatableTopicResult>;
    }

    /// What became of one topic.
    struct CreatableTopicResult {
        0+   name: Str, key;
        7+   topic_id: Uuid, ignorable;
        0+   error_code: ErrorCode;
        1+   error_message: Option<Str>, null 0+, ignorable;
        /// Why `configs` is null, if it is.
        5+   topic_config_error_code: ErrorCode, tag 0, ignorable;
        5+   num_partitions: i32 = -1, ignorable;
        5+   replication_factor: i16 = -1, ignorable;
        5+   configs: Option<Vec<CreatableTopicConfigs>>, null 5+, ignorable;
    }

    /// A setting of the topic, as it is now.
    struct CreatableTopicConfigs {
        5+   name: Str;
        5+   value: Option<Str>, null 5+;
        5+   read_only: bool;
        /// Where the value comes from: 1 topic, 2 to 4 broker, 5 default.
        5+   config_source: i8 = -1, ignorable;
        5+   is_sensitive: bool;
    }
}
