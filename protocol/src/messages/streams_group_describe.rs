//! `StreamsGroupDescribe`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api StreamsGroupDescribe = 89, versions 0-0, flexible 0+, StreamsGroupDescribeRequest => StreamsGroupDescribeResponse;

    /// The request.
    struct StreamsGroupDescribeRequest {
        0+  group_ids: Vec<Str>;
        0+  include_authorized_operations: bool;
    }

    /// The response.
    struct StreamsGroupDescribeResponse {
        0+  throttle_time_ms: i32;
        0+  groups: Vec<DescribedGroup>;
    }

    /// One of the `groups` of [`StreamsGroupDescribeResponse`].
    struct DescribedGroup {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  group_id: Str;
        0+  group_state: Str;
        0+  group_epoch: i32;
        0+  assignment_epoch: i32;
        0+  topology: Option<Topology> = None, null 0+;
        0+  members: Vec<Member>;
        0+  authorized_operations: i32 = i32::MIN;
    }

    /// The `topology` of [`DescribedGroup`].
    struct Topology {
        0+  epoch: i32;
        0+  subtopologies: Option<Vec<Subtopology>> = None, null 0+;
    }

    /// One of the `subtopologies` of [`Topology`].
    struct Subtopology {
        0+  subtopology_id: Str;
        0+  source_topics: Vec<Str>;
        0+  repartition_sink_topics: Vec<Str>;
        0+  state_changelog_topics: Vec<TopicInfo>;
        0+  repartition_source_topics: Vec<TopicInfo>;
    }

    /// One of the `state_changelog_topics` of [`Subtopology`].
    struct TopicInfo {
        0+  name: Str;
        0+  partitions: i32;
        0+  replication_factor: i16;
        0+  topic_configs: Vec<KeyValue>;
    }

    /// One of the `topic_configs` of [`TopicInfo`].
    struct KeyValue {
        0+  key: Str;
        0+  value: Str;
    }

    /// One of the `members` of [`DescribedGroup`].
    struct Member {
        0+  member_id: Str;
        0+  member_epoch: i32;
        0+  instance_id: Option<Str> = None, null 0+;
        0+  rack_id: Option<Str> = None, null 0+;
        0+  client_id: Str;
        0+  client_host: Str;
        0+  topology_epoch: i32;
        0+  process_id: Str;
        0+  user_endpoint: Option<Endpoint> = None, null 0+;
        0+  client_tags: Vec<KeyValue>;
        0+  task_offsets: Vec<TaskOffset>;
        0+  task_end_offsets: Vec<TaskOffset>;
        0+  assignment: Assignment;
        0+  target_assignment: Assignment;
        0+  is_classic: bool;
    }

    /// The `user_endpoint` of [`Member`].
    struct Endpoint {
        0+  host: Str;
        0+  port: u16;
    }

    /// One of the `task_offsets` of [`Member`].
    struct TaskOffset {
        0+  subtopology_id: Str;
        0+  partition: i32;
        0+  offset: i64;
    }

    /// The `assignment` of [`Member`].
    struct Assignment {
        0+  active_tasks: Vec<TaskIds>;
        0+  standby_tasks: Vec<TaskIds>;
        0+  warmup_tasks: Vec<TaskIds>;
    }

    /// One of the `active_tasks` of [`Assignment`].
    struct TaskIds {
        0+  subtopology_id: Str;
        0+  partitions: Vec<i32>;
    }
}
