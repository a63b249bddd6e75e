//! Joining a group of Kafka Streams, staying in it, and leaving it (KIP-1071).
//!
//! The coordinator assigns tasks, and hands out changes in its answers. A request says only what has changed since the last
//! one; the first says everything.

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api StreamsGroupHeartbeat = 88, versions 0-0, flexible 0+, StreamsGroupHeartbeatRequest => StreamsGroupHeartbeatResponse;

    /// A member and what has changed.
    struct StreamsGroupHeartbeatRequest {
        0+  group_id: Str;
        0+  member_id: Str;
        /// That of the last answer; 0 joins, -1 leaves, -2 leaves for a while as a static member.
        0+  member_epoch: i32;
        /// That of the last answer.
        0+  endpoint_information_epoch: i32;
        /// Makes it a static member. Null if there is none, or as before.
        0+  instance_id: Option<Str> = None, null 0+;
        /// Null if there is none, or as before.
        0+  rack_id: Option<Str> = None, null 0+;
        /// How long it may take to give up tasks, in milliseconds; -1 is as before.
        0+  rebalance_timeout_ms: i32 = -1;
        /// Sent when joining; null otherwise.
        0+  topology: Option<Topology> = None, null 0+;
        /// What it runs now. Null is as before, here and below.
        0+  active_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  standby_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  warmup_tasks: Option<Vec<TaskIds>> = None, null 0+;
        /// Tells the application's processes apart; one may have several members.
        0+  process_id: Option<Str> = None, null 0+;
        /// Where its state can be queried.
        0+  user_endpoint: Option<Endpoint> = None, null 0+;
        /// For spreading tasks over racks.
        0+  client_tags: Option<Vec<KeyValue>> = None, null 0+;
        /// How far the state of tasks is restored.
        0+  task_offsets: Option<Vec<TaskOffset>> = None, null 0+;
        /// How far there is to restore.
        0+  task_end_offsets: Option<Vec<TaskOffset>> = None, null 0+;
        /// Whether all members are to end.
        0+  shutdown_application: bool = false;
    }

    /// What the application does, as subtopologies.
    struct Topology {
        /// Grows with every change of it.
        0+  epoch: i32;
        0+  subtopologies: Vec<Subtopology>;
    }

    /// A part of the application that is run as a whole.
    struct Subtopology {
        0+  subtopology_id: Str;
        0+  source_topics: Vec<Str>;
        /// In the syntax of RE2.
        0+  source_topic_regex: Vec<Str>;
        /// Topics that back its state.
        0+  state_changelog_topics: Vec<TopicInfo>;
        /// Topics of the application's own that it writes to.
        0+  repartition_sink_topics: Vec<Str>;
        /// Topics of the application's own that it reads.
        0+  repartition_source_topics: Vec<TopicInfo>;
        0+  copartition_groups: Vec<CopartitionGroup>;
    }

    /// A topic of the application's own.
    struct TopicInfo {
        0+  name: Str;
        /// 0 leaves it open.
        0+  partitions: i32;
        /// 0 is the broker's default.
        0+  replication_factor: i16;
        0+  topic_configs: Vec<KeyValue>;
    }

    /// A setting of a topic, or a tag of a client.
    struct KeyValue {
        0+  key: Str;
        0+  value: Str;
    }

    /// Topics that must have as many partitions each, by their places in the lists of the subtopology.
    struct CopartitionGroup {
        0+  source_topics: Vec<i16>;
        0+  source_topic_regex: Vec<i16>;
        0+  repartition_source_topics: Vec<i16>;
    }

    /// Tasks of one subtopology, by partition.
    struct TaskIds {
        0+  subtopology_id: Str;
        0+  partitions: Vec<i32>;
    }

    /// An address.
    struct Endpoint {
        0+  host: Str;
        0+  port: u16;
    }

    /// An offset in the state's changelog of a task.
    struct TaskOffset {
        0+  subtopology_id: Str;
        0+  partition: i32;
        0+  offset: i64;
    }

    /// The member's epoch, and what it is to run.
    struct StreamsGroupHeartbeatResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  member_id: Str;
        0+  member_epoch: i32;
        /// When to ask again, in milliseconds.
        0+  heartbeat_interval_ms: i32;
        /// How many records a task that warms up may lack to be taken over.
        0+  acceptable_recovery_lag: i32;
        /// How often to send `task_offsets`, in milliseconds.
        0+  task_offset_interval_ms: i32;
        0+  status: Option<Vec<Status>>, null 0+;
        /// Null is as before, here and below.
        0+  active_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  standby_tasks: Option<Vec<TaskIds>> = None, null 0+;
        0+  warmup_tasks: Option<Vec<TaskIds>> = None, null 0+;
        /// Grows when `partitions_by_user_endpoint` changes.
        0+  endpoint_information_epoch: i32;
        /// Where which state can be queried.
        0+  partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>> = None, null 0+;
    }

    /// Something to know about the group.
    struct Status {
        /// 0 stale topology, 1 source topics missing, 2 topics do not fit together, 3 internal topics missing, 4 all
        /// are to end, 5 no assignment yet.
        0+  status_code: i8;
        0+  status_detail: Str;
    }

    /// What can be queried at one address.
    struct EndpointToPartitions {
        0+  user_endpoint: Endpoint;
        0+  active_partitions: Vec<TopicPartition>;
        0+  standby_partitions: Vec<TopicPartition>;
    }

    /// Partitions of one topic.
    struct TopicPartition {
        0+  topic: Str;
        0+  partitions: Vec<i32>;
    }
}
