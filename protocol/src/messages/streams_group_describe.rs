//! What a group of Kafka Streams is doing (KIP-1071).

use crate::error_code::ErrorCode;
use crate::text::Str;

kafka! {
    api StreamsGroupDescribe = 89, versions 0-0, flexible 0+, StreamsGroupDescribeRequest => StreamsGroupDescribeResponse;

    /// Which groups.
    struct StreamsGroupDescribeRequest {
        0+  group_ids: Vec<Str>;
        0+  include_authorized_operations: bool;
    }

    /// The groups.
    struct StreamsGroupDescribeResponse {
        /// Milliseconds for which the broker wants to be left alone.
        0+  throttle_time_ms: i32;
        0+  groups: Vec<DescribedGroup>;
    }

    /// One group.
    struct DescribedGroup {
        0+  error_code: ErrorCode;
        0+  error_message: Option<Str> = None, null 0+;
        0+  group_id: Str;
        0+  group_state: Str;
        /// Grows when members or the topology change.
        0+  group_epoch: i32;
        /// The group epoch that the target assignment was made for.
        0+  assignment_epoch: i32;
        /// Null after an error.
        0+  topology: Option<Topology> = None, null 0+;
        0+  members: Vec<Member>;
        /// Bits by Kafka's operation codes; `i32::MIN` when not asked for.
        0+  authorized_operations: i32 = i32::MIN;
    }

    /// What the application does, as subtopologies.
    struct Topology {
        /// Grows with every change of it.
        0+  epoch: i32;
        /// Null while source topics are missing or do not fit together.
        0+  subtopologies: Option<Vec<Subtopology>> = None, null 0+;
    }

    /// A part of the application that is run as a whole.
    struct Subtopology {
        0+  subtopology_id: Str;
        0+  source_topics: Vec<Str>;
        /// Topics of the application's own that it writes to.
        0+  repartition_sink_topics: Vec<Str>;
        /// Topics that back its state.
        0+  state_changelog_topics: Vec<TopicInfo>;
        /// Topics of the application's own that it reads.
        0+  repartition_source_topics: Vec<TopicInfo>;
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

    /// A member.
    struct Member {
        0+  member_id: Str;
        0+  member_epoch: i32;
        /// Null for a member that is not static.
        0+  instance_id: Option<Str> = None, null 0+;
        0+  rack_id: Option<Str> = None, null 0+;
        0+  client_id: Str;
        0+  client_host: Str;
        /// That of the topology it runs.
        0+  topology_epoch: i32;
        /// Tells the application's processes apart; one may have several members.
        0+  process_id: Str;
        /// Where its state can be queried; null without.
        0+  user_endpoint: Option<Endpoint> = None, null 0+;
        0+  client_tags: Vec<KeyValue>;
        0+  task_offsets: Vec<TaskOffset>;
        0+  task_end_offsets: Vec<TaskOffset>;
        0+  assignment: Assignment;
        /// What it is to have once others have let go.
        0+  target_assignment: Assignment;
        /// Whether it still speaks the classic protocol.
        0+  is_classic: bool;
    }

    /// An address.
    struct Endpoint {
        0+  host: Str;
        0+  port: u16;
    }

    /// How far the state of a task is restored.
    struct TaskOffset {
        0+  subtopology_id: Str;
        0+  partition: i32;
        0+  offset: i64;
    }

    /// The tasks of a member.
    struct Assignment {
        0+  active_tasks: Vec<TaskIds>;
        /// Tasks whose state it keeps, in case another fails.
        0+  standby_tasks: Vec<TaskIds>;
        /// Tasks whose state it restores, to take them over.
        0+  warmup_tasks: Vec<TaskIds>;
    }

    /// Tasks of one subtopology, by partition.
    struct TaskIds {
        0+  subtopology_id: Str;
        0+  partitions: Vec<i32>;
    }
}
