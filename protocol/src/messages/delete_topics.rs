//! Deleting topics.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api DeleteTopics = 20, versions 1-6, flexible 4+, DeleteTopicsRequest => DeleteTopicsResponse;

    /// Topics to delete: `topics` from version 6, `topic_names` before.
    struct DeleteTopicsRequest {
        6+   topics: Vec<DeleteTopicState>;
        0-5  topic_names: Vec<Str>, ignorable;
        /// How long the answer may wait for the topics to be gone, in milliseconds.
        0+   timeout_ms: i32;
    }

    /// A topic, by name or by id.
    struct DeleteTopicState {
        6+   name: Option<Str> = None, null 6+;
        6+   topic_id: Uuid;
    }

    /// What became of the topics.
    struct DeleteTopicsResponse {
        /// Milliseconds for which the broker wants to be left alone.
        1+   throttle_time_ms: i32, ignorable;
        0+   responses: Vec<DeletableTopicResult>;
    }

    /// What became of one topic.
    struct DeletableTopicResult {
        0+   name: Option<Str>, null 6+, key;
        6+   topic_id: Uuid, ignorable;
        0+   error_code: ErrorCode;
        5+   error_message: Option<Str> = None, null 5+, ignorable;
    }
}
