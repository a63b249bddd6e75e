//! `StreamsGroupHeartbeat`.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api StreamsGroupHeartbeat = 88, versions 0-0, flexible 0+, StreamsGroupHeartbeatRequest => StreamsGroupHeartbeatResponse;

    /// The request.
    struct StreamsGroupHeartbeatRequest {
        0+  group_id: Str;
        0+  member_id: Str;
        0+  member_epoch: i32;
        0+  endpoint_information_epoch: i32;
        0+  instance_id: Option<Str> = None, null 0+;
        0+  rack_id: Option<Str> = None, null 0+;
        0+  rebalance_timeout_ms: i32 = -1;
        0+  topology: Option<Topology> = None, null 0+;
        0+  active_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  standby_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  warmup_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  process_id: Option<Str> = None, null 0+;
        0+  user_endpoint: Option<Endpoint> = None, null 0+;
        0+  client_tags: Option<Vec<KeyValue>> = None, null 0+;
        0+  task_offsets: Option<Vec<TaskOffset>> = None, null 0+;
        0+  task_end_offsets: Option<Vec<TaskOffset>> = None, null 0+;
        0+  shutdown_application: bool = false;
    }

    /// The `topology` of [`StreamsGroupHeartbeatRequest`].
    struct Topology {
        0+  epoch: i32;
        0+  subtopologies: Vec<Subtopology>;
    }

    /// One of the `subtopologies` of [`Topology`].
    struct Subtopology {
        0+  subtopology_id: Str;
        0+  source_topics: Vec<Str>;
        0+  source_topic_regex: Vec<Str>;
        0+  state_changelog_topics: Vec<TopicInfo>;
        0+  repartition_sink_topics: Vec<Str>;
        0+  repartition_source_topics: Vec<TopicInfo>;
        0+  copartition_groups: Vec<CopartitionGroup>;
    }

    /// One of the `state_changelog_topics` of [`Subtopology`].
    struct TopicInfo {
        0+  name: Str;
        0+  partitions: i32;
        0+  replication_factor: i16;
        0+  topic_configs: Vec<KeyValue>;
    }

    /// One of the `client_tags` of [`StreamsGroupHeartbeatRequest`].
    struct KeyValue {
        0+  key: Str;
        0+  value: Str;
    }

    /// One of the `copartition_groups` of [`Subtopology`].
    struct CopartitionGroup {
        0+  source_topics: Vec<i16>;
        0+  source_topic_regex: Vec<i16>;
        0+  repartition_source_topics: Vec<i16>;
    }

    /// One of the `active_tasks` of [`StreamsGroupHeartbeatRequest`].
    struct TaskIds {
        0+  subtopology_id: Str;
        0+  partitions: Vec<i32>;
    }

    /// The `user_endpoint` of [`StreamsGroupHeartbeatRequest`].
    struct Endpoint {
        0+  host: Str;
        0+  port: u16;
    }

    /// One of the `task_offsets` of [`StreamsGroupHeartbeatRequest`].
    struct TaskOffset {
        0+  subtopology_id: Str;
        0+  partition: i32;
        0+  offset: i64;
    }

    /// The response.
    struct StreamsGroupHeartbeatResponse {
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  member_id: Str;
        0+  member_epoch: i32;
        0+  heartbeat_interval_ms: i32;
        0+  acceptable_recovery_lag: i32;
        0+  task_offset_interval_ms: i32;
        0+  status: Option<Vec<Status>>, null 0+;
        0+  active_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  standby_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  warmup_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  endpoint_information_epoch: i32;
        0+  partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>> = None, null 0+;
    }

    /// One of the `status` of [`StreamsGroupHeartbeatResponse`].
    struct Status {
        0+  status_code: i8;
        0+  status_detail: Str;
    }

    /// One of the `partitions_by_user_endpoint` of [`StreamsGroupHeartbeatResponse`].
    struct EndpointToPartitions {
        0+  user_endpoint: Endpoint;
        0+  active_partitions: Vec<TopicPartition>;
        0+  standby_partitions: Vec<TopicPartition>;
    }

    /// One of the `active_partitions` of [`EndpointToPartitions`].
    struct TopicPartition {
        0+  topic: Str;
        0+  partitions: Vec<i32>;
    }
}
