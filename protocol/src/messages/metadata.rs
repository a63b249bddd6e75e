//! Who the brokers are, and which of them leads each partition.

use crate::error_code::ErrorCode;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api Metadata = 3, versions 0-13, flexible 9+, MetadataRequest => MetadataResponse;

    /// Asks about topics, and always about brokers.
    struct MetadataRequest {
        /// The topics to describe. `None` asks for all of them; version 0 spells that as an empty list.
        0+    topics: Option<Vec<MetadataRequestTopic>>, null 1+;
        /// Whether the broker may create topics that it does not have, if it is configured to.
        4+    allow_auto_topic_creation: bool = true;
        8-10  include_cluster_authorized_operations: bool;
        8+    include_topic_authorized_operations: bool;
    }

    /// A topic to describe, by name or by id.
    struct MetadataRequestTopic {
        10+   topic_id: Uuid, ignorable;
        /// Null when the topic is asked for by id, which works from version 12.
        0+    name: Option<Str>, null 10+;
    }

    /// Brokers and topics.
    struct MetadataResponse {
        /// Milliseconds for which the broker wants to be left alone.
        3+    throttle_time_ms: i32, ignorable;
        0+    brokers: Vec<MetadataResponseBroker>;
        2+    cluster_id: Option<Str> = None, null 2+, ignorable;
        /// Node id of a broker to send controller requests to; -1 is none.
        1+    controller_id: i32 = -1, ignorable;
        0+    topics: Vec<MetadataResponseTopic>;
        /// Bits by Kafka's operation codes; `i32::MIN` when not asked for.
        8-10  cluster_authorized_operations: i32 = i32::MIN;
        /// `REBOOTSTRAP_REQUIRED` tells the client to start again from its bootstrap addresses.
        13+   error_code: ErrorCode, ignorable;
    }

    /// A broker and the address it advertises to this listener.
    struct MetadataResponseBroker {
        0+    node_id: i32, key;
        0+    host: Str;
        0+    port: i32;
        1+    rack: Option<Str> = None, null 1+, ignorable;
    }

    /// A topic, or why it is not described.
    struct MetadataResponseTopic {
        0+    error_code: ErrorCode;
        /// Null when an unknown id was asked for.
        0+    name: Option<Str>, null 12+, key;
        10+   topic_id: Uuid, ignorable;
        1+    is_internal: bool = false, ignorable;
        0+    partitions: Vec<MetadataResponsePartition>;
        /// Bits by Kafka's operation codes; `i32::MIN` when not asked for.
        8+    topic_authorized_operations: i32 = i32::MIN;
    }

    /// A partition and where it is.
    struct MetadataResponsePartition {
        0+    error_code: ErrorCode;
        0+    partition_index: i32;
        /// Node id of the leader; -1 is none.
        0+    leader_id: i32;
        /// Grows with every change of leader; an older one is stale. To be relied on from version 9.
        7+    leader_epoch: i32 = -1, ignorable;
        0+    replica_nodes: Vec<i32>;
        0+    isr_nodes: Vec<i32>;
        5+    offline_replicas: Vec<i32>, ignorable;
    }
}
