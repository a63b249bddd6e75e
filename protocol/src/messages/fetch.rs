//! Reading record batches from partitions.
//!
//! Version 13 and later name topics by id only.

use crate::error_code::ErrorCode;
use crate::records::Records;
use crate::text::Str;
use crate::uuid::Uuid;

kafka! {
    api Fetch = 1, versions 4-18, flexible 12+, FetchRequest => FetchResponse;

    /// Partitions, where to begin in each, and how much to wait for.
    struct FetchRequest {
        /// Only between controllers.
        12+   cluster_id: Option<Str> = None, null 12+, tag 0, ignorable;
        /// -1 from a client.
        0-14  replica_id: i32 = -1;
        /// The default from a client.
        15+   replica_state: ReplicaState, tag 1;
        /// How long the broker may wait for `min_bytes`, in milliseconds.
        0+    max_wait_ms: i32;
        0+    min_bytes: i32;
        /// A soft limit: the first batch is sent whatever its size.
        3+    max_bytes: i32 = 0x7fff_ffff, ignorable;
        /// 0 sees all records, 1 only those of committed transactions.
        4+    isolation_level: i8 = 0, ignorable;
        /// 0 without a session.
        7+    session_id: i32 = 0, ignorable;
        /// -1 without a session.
        7+    session_epoch: i32 = -1, ignorable;
        0+    topics: Vec<FetchTopic>;
        /// Partitions to take out of the session.
        7+    forgotten_topics_data: Vec<ForgottenTopic>;
        /// The client's rack, so that it may be sent to a replica nearby.
        11+   rack_id: Str, ignorable;
    }

    /// A follower's id and epoch.
    struct ReplicaState {
        15+   replica_id: i32 = -1;
        15+   replica_epoch: i64 = -1;
    }

    /// Partitions of one topic.
    struct FetchTopic {
        0-12  topic: Str, ignorable;
        13+   topic_id: Uuid, ignorable;
        0+    partitions: Vec<FetchPartition>;
    }

    /// One partition and where to begin.
    struct FetchPartition {
        0+    partition: i32;
        /// The leader epoch the client knows; -1 for none.
        9+    current_leader_epoch: i32 = -1, ignorable;
        0+    fetch_offset: i64;
        /// Epoch of the last record read; -1 for none.
        12+   last_fetched_epoch: i32 = -1;
        /// A follower's first offset; -1 from a client.
        5+    log_start_offset: i64 = -1, ignorable;
        /// A soft limit, as above.
        0+    partition_max_bytes: i32;
        /// A follower's directory.
        17+   replica_directory_id: Uuid, tag 0, ignorable;
        /// What the follower knows of it.
        18+   high_watermark: i64 = i64::MAX, tag 1, ignorable;
    }

    /// Partitions of one topic to take out of the session.
    struct ForgottenTopic {
        7-12  topic: Str, ignorable;
        13+   topic_id: Uuid, ignorable;
        7+    partitions: Vec<i32>;
    }

    /// Record batches.
    struct FetchResponse {
        /// Milliseconds for which the broker wants to be left alone.
        1+    throttle_time_ms: i32, ignorable;
        7+    error_code: ErrorCode, ignorable;
        7+    session_id: i32 = 0;
        0+    responses: Vec<FetchableTopicResponse>;
        /// Addresses of the leaders named below.
        16+   node_endpoints: Vec<NodeEndpoint>, tag 0;
    }

    /// The batches of one topic.
    struct FetchableTopicResponse {
        0-12  topic: Str, ignorable;
        13+   topic_id: Uuid, ignorable;
        0+    partitions: Vec<PartitionData>;
    }

    /// The batches of one partition.
    struct PartitionData {
        0+    partition_index: i32;
        0+    error_code: ErrorCode;
        /// One past the last offset that all in-sync replicas have.
        0+    high_watermark: i64;
        /// One past the last offset that no open transaction can still change.
        4+    last_stable_offset: i64 = -1, ignorable;
        5+    log_start_offset: i64 = -1, ignorable;
        /// Where the log left the one the client read from.
        12+   diverging_epoch: EpochEndOffset, tag 0;
        12+   current_leader: LeaderIdAndEpoch, tag 1;
        /// The snapshot to load first, for followers of the metadata log.
        12+   snapshot_id: SnapshotId, tag 2;
        /// Transactions to filter out at isolation level 1.
        4+    aborted_transactions: Option<Vec<AbortedTransaction>>, null 4+, ignorable;
        /// Node id of a replica nearby to read from; -1 is none.
        11+   preferred_read_replica: i32 = -1;
        /// Batches that share the frame. The last may be cut short.
        0+    records: Option<Records> = None, null 0+;
    }

    /// The end of an epoch; -1 is unknown.
    struct EpochEndOffset {
        12+   epoch: i32 = -1;
        12+   end_offset: i64 = -1;
    }

    /// A leader; -1 is unknown.
    struct LeaderIdAndEpoch {
        12+   leader_id: i32 = -1;
        12+   leader_epoch: i32 = -1;
    }

    /// A snapshot of the metadata log; -1 is none.
    struct SnapshotId {
        0+    end_offset: i64 = -1;
        0+    epoch: i32 = -1;
    }

    /// A transaction that was aborted.
    struct AbortedTransaction {
        4+    producer_id: i64;
        /// Its first offset in the partition.
        4+    first_offset: i64;
    }

    /// A broker's address.
    struct NodeEndpoint {
        16+   node_id: i32, key;
        16+   host: Str;
        16+   port: i32;
        16+   rack: Option<Str> = None, null 16+;
    }
}
