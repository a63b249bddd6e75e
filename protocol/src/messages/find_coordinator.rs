//! Which broker coordinates a group or a transactional producer.
//!
//! Version 4 and later ask for several keys at once.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api FindCoordinator = 10, versions 0-6, flexible 3+, FindCoordinatorRequest => FindCoordinatorResponse;

    /// The keys: `key` up to version 3, `coordinator_keys` from 4.
    struct FindCoordinatorRequest {
        0-3  key: Str;
        /// 0 group, 1 transactional id, 2 share group.
        1+   key_type: i8 = 0;
        4+   coordinator_keys: Vec<Str>;
    }

    /// The brokers: `coordinators` from version 4, the other fields before.
    struct FindCoordinatorResponse {
        /// Milliseconds for which the broker wants to be left alone.
        1+   throttle_time_ms: i32, ignorable;
        0-3  error_code: ErrorCode;
        1-3  error_message: Option<Str>, null 1-3, ignorable;
        0-3  node_id: i32;
        0-3  host: Str;
        0-3  port: i32;
        4+   coordinators: Vec<Coordinator>;
    }

    /// The broker of one key.
    struct Coordinator {
        4+   key: Str;
        4+   node_id: i32;
        4+   host: Str;
        4+   port: i32;
        4+   error_code: ErrorCode;
        4+   error_message: Option<Str>, null 4+, ignorable;
    }
}
